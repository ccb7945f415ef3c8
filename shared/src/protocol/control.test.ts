import { expect, it } from 'vitest';
import { clientMessageSchema } from './control.ts';

const told = {
  type: 'device',
  runId: 'cd'.repeat(16),
  engine: 'tfjs webgpu',
  device: 'gpu',
  rowsPerSecond: 120_000,
  memoryGb: 16,
} as const;

it('takes what a client tells of its device, also without a trial and without a known memory', () => {
  expect(clientMessageSchema.parse(told)).toEqual(told);
  const bare = { ...told, device: 'cpu', rowsPerSecond: null, memoryGb: null };
  expect(clientMessageSchema.parse(bare)).toEqual(bare);
});

it.each([
  ['a field more', { adapter: 'a card of a maker' }],
  ['a long name', { engine: 'x'.repeat(61) }],
  ['no name', { engine: '' }],
  ['another device', { device: 'tpu' }],
  ['a speed below zero', { rowsPerSecond: -1 }],
  ['a speed that is no number', { rowsPerSecond: Number.NaN }],
  ['a part of a GB', { memoryGb: 15.5 }],
  ['no memory', { memoryGb: undefined }],
  ['another run id', { runId: 'cd' }],
])('refuses %s in it', (_, change) => {
  expect(clientMessageSchema.safeParse({ ...told, ...change }).success).toBe(false);
});
