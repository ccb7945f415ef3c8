import { expect, it } from 'vitest';
import { checkTopology } from './check-topology.ts';
import { topologySchema, type Layer, type Loss } from './topology.ts';

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

/** Layers as plans write them, a dense layer of ten at the end. */
const layersOf = (...layers: object[]) =>
  topologySchema.parse({ layers: [...layers, { kind: 'dense', units: 10, activation: 'linear' }] });
const picture = { kind: 'reshape', shape: [8, 8, 1] };
const flat = { kind: 'flatten' };
const conv2d = { kind: 'conv2d', filters: 4, kernelSize: 3, activation: 'relu' };

it('accepts pictures, series and words', () => {
  const pool = { kind: 'maxPool', size: 2 };
  const cases: [object[], number][] = [
    [[picture, conv2d, pool, { kind: 'layerNorm' }, conv2d, flat], 64],
    [[{ kind: 'reshape', shape: [16, 4] }, { ...conv2d, kind: 'conv1d' }, pool, { kind: 'globalAveragePool' }], 64],
    [
      [
        { kind: 'reshape', shape: [4, 16] },
        { kind: 'gru', units: 3, returnSequences: true },
        { kind: 'gru', units: 2 },
      ],
      64,
    ],
    [
      [
        { kind: 'embedding', vocabulary: 70, units: 8 },
        { kind: 'gru', units: 8 },
      ],
      20,
    ],
  ];
  for (const [layers, inputs] of cases) {
    expect(() => checkTopology(layersOf(...layers), inputs, 10, 'categoricalCrossEntropy')).not.toThrow();
  }
});

it.each<[string, object[], RegExp]>([
  [
    'a picture without its shape',
    [conv2d],
    /layers\[0\]\.kind: conv2d takes \[height, width, channels\], got \[64\]; put a reshape/,
  ],
  [
    'a shape of another size',
    [{ ...picture, shape: [8, 8, 3] }],
    /layers\[0\]\.shape: \[8, 8, 3\] holds 192 values, got 64/,
  ],
  [
    'a dense layer on a picture',
    [picture, conv2d],
    /layers\[2\]\.kind: dense takes \[values\], got \[6, 6, 4\]; put a flatten/,
  ],
  [
    'a window that does not fit',
    [picture, { ...conv2d, kernelSize: 9 }],
    /layers\[1\]\.kernelSize: a window of 9 does not fit/,
  ],
  [
    'pooling of numbers',
    [{ kind: 'maxPool', size: 2 }],
    /maxPool takes \[steps, channels\] or \[height, width, channels\]/,
  ],
  [
    'a norm of single numbers',
    [picture, { kind: 'layerNorm' }],
    /layers\[1\]\.kind: layerNorm over the last axis of \[8, 8, 1\]/,
  ],
  [
    'tokens that a layer has made',
    [
      { kind: 'dropout', rate: 0.5 },
      { kind: 'embedding', vocabulary: 3, units: 2 },
    ],
    /got what dropout gives/,
  ],
  [
    'what is too large for a row',
    [
      { kind: 'embedding', vocabulary: 9, units: 4_096 },
      { kind: 'conv1d', filters: 8, kernelSize: 65, padding: 'same', activation: 'relu' },
    ],
    /more than a device's memory bears/,
  ],
])('A21: refuses %s', (_, layers, message) => {
  expect(() => checkTopology(layersOf(...layers), 64, 10)).toThrowError(
    expect.objectContaining({ code: 'PLAN_INVALID', message: expect.stringMatching(message) }),
  );
});

it('A21: refuses a model of which nothing is trained', () => {
  const layers: Layer[] = [{ kind: 'dense', units: 10, activation: 'linear', trainable: false }];
  expect(() => checkTopology({ layers }, 64, 10)).toThrowError(/nothing is trained/);
});
