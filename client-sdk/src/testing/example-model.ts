import type { Topology } from '@sotto/shared/model';
import { parseDataSchema } from '@sotto/shared/plan';
import { createJudgedModel, type JudgedModel } from '../judging/judged-model.ts';

/** Two numbers, one of them long-tailed, and a category; five inputs. */
export function exampleSchema(target: unknown = exampleTargets.binary) {
  return parseDataSchema({
    name: 'example',
    unitId: 'patient',
    columns: [
      { kind: 'number', name: 'age', min: 20, max: 100, centre: 50, scale: 10 },
      { kind: 'number', name: 'income', min: 0, max: 1e6, transform: 'log1p', centre: 10, scale: 2, fill: 20_000 },
      { kind: 'category', name: 'pain', values: ['none', 'some', 'much'], other: 'zeros' },
    ],
    target,
  });
}

export const exampleTargets = {
  binary: { kind: 'binary', column: 'ill', positive: 'yes', negative: 'no' },
  classes: { kind: 'classes', column: 'ward', values: ['a', 'b', 'c'] },
  number: { kind: 'number', column: 'days', min: 0, max: 100, centre: 20, scale: 5 },
} as const;

const losses = {
  binary: 'binaryCrossEntropy',
  classes: 'categoricalCrossEntropy',
  number: 'meanSquaredError',
} as const;

/** A linear model of the example's five inputs: outputs are inputs × kernel + bias, so that every explanation is known. */
export function linearModel(
  target: keyof typeof exampleTargets,
  kernel: readonly (readonly number[])[],
  bias: readonly number[],
): Promise<JudgedModel> {
  const topology: Topology = { layers: [{ kind: 'dense', units: bias.length, activation: 'linear' }] };
  const schema = exampleSchema(exampleTargets[target]);
  return createJudgedModel({ schema, topology, loss: losses[target] }, Float32Array.from([...kernel.flat(), ...bias]));
}
