import { completePlan, type DataSchema, type Plan, type PlanDraft, type PolicyInput } from '@sotto/shared/plan';

/** 64 numbers and a class of ten, as in digits-8x8: small rows, so that a round's time is the protocol's. */
export const benchSchema: DataSchema = {
  name: 'rounds',
  unitId: 'id',
  columns: Array.from({ length: 64 }, (_, index) => ({
    kind: 'number',
    name: `p${index}`,
    min: -1,
    max: 1,
    transform: 'identity',
    centre: 0,
    scale: 1,
    fill: null,
    missing: [],
  })),
  target: { kind: 'classes', column: 'label', values: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'] },
};

/** One row a client: the peers' client, which a round's time is compared with, adds a constant and trains nothing. */
export const rowsOfClient = 1;

/** 64 inputs, 1,333 units, 10 classes: 99,985 parameters. */
const hiddenUnits = 1_333;

export type BenchTerms = {
  /** What the peers' rounds are compared with has no ML-KEM either; the product's default has. */
  readonly suite?: 'x25519' | 'x25519+mlkem768';
  readonly trust: 'secure' | 'trusted';
  readonly privacy: 'dp' | 'none';
  readonly rounds: number;
  readonly minSurvivors: number;
};

/** What a bench plan says before roster and authority are known. */
export function benchDraft({
  suite = 'x25519',
  trust,
  privacy,
  rounds,
  minSurvivors,
}: BenchTerms): Readonly<Record<string, unknown>> {
  return {
    version: 1,
    name: 'rounds',
    purpose: 'A benchmark of rounds.',
    suite,
    trust,
    schema: benchSchema,
    topology: {
      layers: [
        { kind: 'dense', units: hiddenUnits, activation: 'relu' },
        { kind: 'dense', units: 10, activation: 'linear' },
      ],
    },
    loss: 'categoricalCrossEntropy',
    initialWeights: { generator: 'glorot-uniform-v1', seed: '42'.repeat(32) },
    unit: 'record',
    adjacency: 'addOrRemove',
    split: { validation: 0, test: 0 },
    cohort: { minSurvivors, colluding: trust === 'trusted' ? 0 : 1 },
    privacy: privacy === 'none' ? { kind: 'none' } : { kind: 'dp', delta: 1e-5, epsilon: 8 },
    training: {
      query: { kind: 'gradient', samplingNumerator: 4_294_967_296, clipNormL2: 1, expectedBatch: 40 },
      strategy: { kind: 'fedSgd', learningRate: 0.1, momentum: 0 },
      rounds,
      paceMs: 0,
    },
    evaluation: null,
    spareAttempts: 2,
  };
}

/** The complete plan of a draft for a roster. */
export function benchPlan(terms: BenchTerms, clients: Plan['roster']['clients'], authority: string): Plan {
  return completePlan({ ...benchDraft(terms), authority, roster: { kind: 'pinned', clients } } as PlanDraft);
}

/** What a bench node allows. */
export const benchPolicy: PolicyInput = {
  version: 1,
  maxEpsilon: 8,
  budget: { epsilon: 20, delta: 1e-5 },
  suites: ['x25519', 'x25519+mlkem768'],
  minSurvivors: 3,
};

/** A client's rows as CSV text; made up, the same for each number. */
export function benchCsv(client: number): string {
  const header = ['id', ...Array.from({ length: 64 }, (_, index) => `p${index}`), 'label'].join(',');
  const rows = Array.from({ length: rowsOfClient }, (_, row) => {
    const values = Array.from({ length: 64 }, (_, column) => (((client * 31 + row * 17 + column * 7) % 21) - 10) / 10);
    return [`${client}-${row}`, ...values, String((client + row) % 10)].join(',');
  });
  return [header, ...rows].join('\n');
}
