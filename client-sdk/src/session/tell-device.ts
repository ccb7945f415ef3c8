import type { DeviceFacts } from '@sotto/shared/protocol';
import type { ChosenDevice } from './ports.ts';

/** Bytes of a GB, as machines count them. */
const gigabyte = 2 ** 30;

/**
 * What the coordinator is told of a machine, where its owner's policy says `tellDevice`: two significant digits of the speed and
 * whole GB, which suffice to see what a site computes with, and tell machines of one kind less apart.
 */
export function deviceFacts({ engine, device, rowsPerSecond, machineBytes }: ChosenDevice): DeviceFacts {
  // A clock that is too coarse for the trial gives no number.
  const speed = rowsPerSecond !== null && Number.isFinite(rowsPerSecond) ? rowsPerSecond : null;
  return {
    engine: engine.slice(0, 60),
    device,
    rowsPerSecond: speed === null ? null : Math.round(Number(speed.toPrecision(2))),
    memoryGb: machineBytes === null ? null : Math.round(machineBytes / gigabyte),
  };
}
