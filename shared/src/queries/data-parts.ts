import type { PartSpec, SlotName } from '../privacy/index.ts';
import type { HeldOut } from './query.ts';

/** Slots that read what trains. */
const trainingSlots: readonly SlotName[] = ['survey', 'training', 'fit', 'trainReport'];

/** Whether a client that is held out has nothing in a slot: zeros and noise leave it. */
export function passesOver(slot: SlotName): boolean {
  return trainingSlots.includes(slot);
}

/**
 * The parts of a client's units that a slot reads. Of a client that is held out nothing trains, so its training part is read with the
 * part of one slot (or of several that share an ε): each of its units is still read under one ε.
 */
export function dataPartsRead(
  heldOut: HeldOut | undefined,
  { slot, dataPart }: Pick<PartSpec, 'slot' | 'dataPart'>,
): readonly PartSpec['dataPart'][] {
  if (heldOut?.self !== true) return [dataPart];
  if (passesOver(slot)) return [];
  return heldOut.readTraining.includes(slot) ? [dataPart, 'train'] : [dataPart];
}
