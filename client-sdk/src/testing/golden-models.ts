import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { referenceModel, type Loss, type ReferenceModel, type Topology } from '@sotto/shared/model';

const folder = process.env['SOTTO_SHARED'];

/** Whether the golden files are there; a run that must skip nothing fails instead of skipping. */
export const goldenMissing = folder === undefined && process.env['SOTTO_REQUIRE'] !== 'all';

/** A file of SOTTO_SHARED/golden/trust; what stands in it is the test's to name. */
export function readGolden<T>(name: string): T {
  if (folder === undefined) throw new Error('SOTTO_REQUIRE=all, but SOTTO_SHARED is not set');
  return JSON.parse(readFileSync(join(folder, 'golden/trust', name), 'utf8'));
}

type GoldenLayer = {
  readonly kernel: readonly (readonly number[])[];
  readonly bias: readonly number[];
  readonly activation: string;
};
type GoldenModels = Record<'modelA' | 'modelB', { readonly layers: readonly GoldenLayer[] }> & {
  readonly dataA: Record<'xTest' | 'xTrain' | 'background', number[][]> & Record<'yTest' | 'yTrain', number[]>;
  readonly dataB: Record<'xTest' | 'xTrain', number[][]> & Record<'yTest' | 'yTrain', number[]>;
  readonly expected: { readonly logitsA: number[]; readonly logitsB: number[][] };
};

export type GoldenModel = {
  readonly model: ReferenceModel;
  readonly topology: Topology;
  readonly weights: Float32Array;
};

/** The golden models: A, 13-16-1 tanh on wine; B, 64-32-10 relu on digits. */
export async function goldenModels() {
  const file = readGolden<GoldenModels>('models.json');
  const build = async (layers: readonly GoldenLayer[], loss: Loss): Promise<GoldenModel> => {
    const topology: Topology = {
      layers: layers.map(({ bias, activation }) => ({
        kind: 'dense',
        units: bias.length,
        activation: activation === 'tanh' || activation === 'relu' ? activation : 'linear',
      })),
    };
    const model = referenceModel(topology, layers[0]!.kernel.length, loss);
    const weights = Float32Array.from(layers.flatMap(({ kernel, bias }) => [...kernel.flat(), ...bias]));
    await model.setWeights(weights);
    return { model, topology, weights };
  };
  return {
    a: await build(file.modelA.layers, 'binaryCrossEntropy'),
    b: await build(file.modelB.layers, 'categoricalCrossEntropy'),
    dataA: file.dataA,
    dataB: file.dataB,
    expected: file.expected,
  };
}

/** Rows as the models take them. */
export function flat(rows: readonly (readonly number[])[]): Float64Array {
  return Float64Array.from(rows.flat());
}
