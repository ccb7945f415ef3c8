import { expect, it } from 'vitest';
import { deviceFacts } from './tell-device.ts';

const chosen = { engine: 'tfjs wasm', device: 'cpu', rowsPerSecond: 116_047, machineBytes: 33_566_253_056 } as const;

it('tells two significant digits of the speed and whole GB of the machine', () => {
  expect(deviceFacts(chosen)).toEqual({ engine: 'tfjs wasm', device: 'cpu', rowsPerSecond: 120_000, memoryGb: 31 });
});

it.each([
  [0, 0],
  [7, 7],
  [94, 94],
  [995, 1_000],
  [1_449, 1_400],
  [null, null],
  [Infinity, null],
])('of %s rows a second tells %s', (rowsPerSecond, told) => {
  expect(deviceFacts({ ...chosen, rowsPerSecond }).rowsPerSecond).toBe(told);
});

it('tells no memory that is not known, and cuts a long name', () => {
  const { engine, memoryGb } = deviceFacts({ ...chosen, engine: 'x'.repeat(99), machineBytes: null });
  expect(memoryGb).toBeNull();
  expect(engine).toHaveLength(60);
});
