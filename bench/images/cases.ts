import { all, gradient, none, planFrom, record, type AccuracyCase } from '../accuracy/cases.ts';

const data = { name: 'mnist-10k', schema: 'images', split: 'splits-dirichlet03-10.json' };

const dense = (units: number, activation: 'relu' | 'tanh' | 'linear') =>
  ({ kind: 'dense', units, activation }) as const;
const mlp = { layers: [dense(64, 'relu'), dense(10, 'linear')] };
/** 14,538 weights. */
const cnn = {
  layers: [
    { kind: 'reshape', shape: [28, 28, 1] },
    { kind: 'conv2d', filters: 8, kernelSize: 5, stride: 2, activation: 'relu' },
    { kind: 'conv2d', filters: 16, kernelSize: 3, stride: 2, activation: 'relu' },
    { kind: 'flatten' },
    dense(32, 'relu'),
    dense(10, 'linear'),
  ],
};

/** Share of the images that a round draws, as a numerator over 2^32. */
const drawn = (share: number): number => Math.round(share * all);

const base = { name: 'pictures together', purpose: 'Ten owners of skewed pictures of digits train one classifier.' };

/** One row: changes to the draft of the small digits. */
function row(id: string, privacy: string, accuracy: number, changes: Record<string, unknown>): AccuracyCase {
  const plan = planFrom('digits-8x8', 'none', { ...base, ...changes });
  return { id, data, privacy, goal: { accuracy }, tolerance: 0.005, drops: 'none', plan };
}

// Chosen by --choose: on a fifth of the training images, with other seeds, before a test image was read.
const adam = { kind: 'fedSgdAdam', learningRate: 0.003 } as const;

export const imageCases: readonly AccuracyCase[] = [
  row('mlp-none', 'none, trusted', 0.94, {
    ...none,
    topology: mlp,
    training: { ...gradient(4, 500, 1, 500, drawn(0.05)), strategy: adam },
  }),
  row('mlp-3', 'record ε = 3', 0.9, { ...record(3), topology: mlp, training: gradient(1, 1_000, 2, 300, drawn(0.1)) }),
  row('cnn-none', 'none, trusted', 0.96, {
    ...none,
    topology: cnn,
    training: { ...gradient(4, 500, 1, 1_000, drawn(0.05)), strategy: adam },
  }),
];
