import { createSeededRandom } from '@sotto/shared/random';
import { dataSchemaSchema, type PlanInput } from '@sotto/shared/plan';

/** Four findings that tell, with some error, a yes from a no: small enough that a round takes a fraction of a second. */
export const smallSchema = dataSchemaSchema.parse({
  name: 'findings',
  unitId: null,
  columns: ['pressure', 'pulse', 'age', 'sugar'].map((name) => ({
    kind: 'number',
    name,
    min: -5,
    max: 5,
    centre: 0,
    scale: 1,
  })),
  target: { kind: 'binary', column: 'ill', positive: 'yes', negative: 'no' },
});

/** CSV text of one owner's rows, the same for the same name. */
export function smallRows(owner: string, rows: number): string {
  const random = createSeededRandom(`small rows of ${owner}`);
  const words = new Uint32Array(rows * 5);
  random.words(words);
  const uniform = (index: number): number => (words[index] ?? 0) / 2 ** 32 - 0.5;
  const lines = Array.from({ length: rows }, (_, row) => {
    const findings = [0, 1, 2, 3].map((column) => 4 * uniform(row * 5 + column));
    const score = (findings[0] ?? 0) - (findings[1] ?? 0) + 0.5 * (findings[2] ?? 0) + uniform(row * 5 + 4);
    return [...findings.map((value) => value.toFixed(4)), score > 0 ? 'yes' : 'no'].join(',');
  });
  return ['pressure,pulse,age,sugar,ill', ...lines, ''].join('\n');
}

/** A draft of a plan over the small data; authority, roster and schema are filled in later. */
export function smallDraft(
  name: string,
  changes: { readonly rounds: number } & Partial<
    Pick<PlanInput, 'cohort' | 'privacy' | 'evaluation' | 'split' | 'spareAttempts' | 'trust' | 'deadlines'>
  >,
): Readonly<Record<string, unknown>> {
  const { rounds, ...rest } = changes;
  return {
    version: 1,
    name,
    purpose: 'A plan for the end-to-end tests.',
    topology: {
      layers: [
        { kind: 'dense', units: 8, activation: 'relu' },
        { kind: 'dense', units: 1, activation: 'linear' },
      ],
    },
    loss: 'binaryCrossEntropy',
    initialWeights: { generator: 'glorot-uniform-v1', seed: '5a'.repeat(32) },
    unit: 'record',
    adjacency: 'addOrRemove',
    split: { validation: 0, test: 0 },
    cohort: { minSurvivors: 3, colluding: 1 },
    privacy: { kind: 'dp', delta: 1e-5, epsilon: 2 },
    training: {
      query: { kind: 'gradient', samplingNumerator: 4_294_967_296, clipNormL2: 1, expectedBatch: 160 },
      strategy: { kind: 'fedSgd', learningRate: 0.5, momentum: 0 },
      rounds,
      paceMs: 20,
    },
    evaluation: null,
    spareAttempts: 0,
    ...rest,
  };
}
