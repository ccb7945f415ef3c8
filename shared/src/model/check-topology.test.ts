import { expect, it } from 'vitest';
import { checkTopology } from './check-topology.ts';
import type { Layer, Loss } from './topology.ts';

const dense = (units: number, activation: 'linear' | 'relu' = 'linear'): Layer => ({
  kind: 'dense',
  units,
  activation,
});

it('accepts what can be trained', () => {
  expect(() => checkTopology({ layers: [dense(1)] }, 13, 1, 'binaryCrossEntropy')).not.toThrow();
  expect(() => checkTopology({ layers: [dense(1)] }, 13, 1, 'meanSquaredError')).not.toThrow();
  expect(() => checkTopology({ layers: [dense(8, 'relu'), dense(3)] }, 4, 3, 'categoricalCrossEntropy')).not.toThrow();
});

it.each<[string, Layer[], number, Loss, RegExp]>([
  [
    'a last layer that is no dense one',
    [dense(1), { kind: 'dropout', rate: 0.1 }],
    1,
    'meanSquaredError',
    /layers\[1\]\.kind.*dropout/,
  ],
  ['an activated last layer', [dense(1, 'relu')], 1, 'meanSquaredError', /layers\[0\]\.activation.*relu/],
  ["a width that is not the target's", [dense(4)], 3, 'categoricalCrossEntropy', /units.*needs 3, got 4/],
  ['binary cross-entropy on several logits', [dense(3)], 3, 'binaryCrossEntropy', /plan\.loss.*exactly 1.*3/],
  [
    'categorical cross-entropy on one logit',
    [dense(1)],
    1,
    'categoricalCrossEntropy',
    /plan\.loss.*2 outputs or more.*1/,
  ],
  ['squared error on classes', [dense(3)], 3, 'meanSquaredError', /plan\.loss.*exactly 1.*3/],
])('A21: refuses %s', (_, layers, outputs, loss, message) => {
  expect(() => checkTopology({ layers }, 4, outputs, loss)).toThrowError(
    expect.objectContaining({ code: 'PLAN_INVALID', message: expect.stringMatching(message) }),
  );
});
