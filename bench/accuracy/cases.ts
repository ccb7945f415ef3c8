import { readFileSync } from 'node:fs';
import { completePlan, type Plan, type PlanDraft, type RosterClient } from '@sotto/shared/plan';
import { toHex } from '@sotto/shared/vector';
import { createSeededRandom } from '@sotto/shared/random';

/** One row of the accuracy table. Settings were chosen on training and validation rows with other seeds. */
export type AccuracyCase = {
  readonly id: string;
  readonly data: { readonly name: string; readonly schema: string; readonly split: string };
  readonly privacy: string;
  /** Figures to reach, means over seeds. */
  readonly goal: Readonly<Partial<Record<'accuracy' | 'auc' | 'meanOfClients', number>>>;
  /** How far below the goal still counts, as the goals say. */
  readonly tolerance: number;
  /** Whether the cohort must be complete or may lose what the threshold allows. */
  readonly drops: 'none' | 'tolerated';
  readonly plan: (roster: readonly RosterClient[], authority: string, schema: Plan['schema'], seed: number) => Plan;
};

type Changes = { readonly [key: string]: unknown };

const examples = new URL('../../examples/', import.meta.url);

/** Clients that may be missing: all but t = ⌊2n/3⌋ + 1. */
function minSurvivorsOf(clients: number, drops: 'none' | 'tolerated'): number {
  return drops === 'none' ? clients : Math.floor((2 * clients) / 3) + 1;
}

/** A case's plan: an example's draft with its parts replaced. */
export function planFrom(folder: string, drops: 'none' | 'tolerated', changes: Changes): AccuracyCase['plan'] {
  const draft = JSON.parse(readFileSync(new URL(`${folder}/plan.json`, examples), 'utf8')) as Record<string, unknown>;
  return (roster, authority, schema, seed) => {
    const trusted = changes['trust'] === 'trusted';
    const clients = roster.map(({ client, name, identity }) => ({ client, name, identity }));
    const minSurvivors = minSurvivorsOf(clients.length, drops);
    const whole = {
      ...draft,
      evaluation: null,
      split: { validation: 0, test: 0 },
      spareAttempts: 0,
      ...changes,
      authority,
      schema,
      roster: { kind: 'pinned', clients },
      cohort: { minSurvivors, colluding: trusted ? 0 : 1 },
      initialWeights: { generator: 'glorot-uniform-v1', seed: toHex(createSeededRandom(`weights/${seed}`).bytes(32)) },
    };
    return completePlan(whole as PlanDraft);
  };
}

export const all = 4_294_967_296;

export function gradient(
  clipNormL2: number,
  expectedBatch: number,
  learningRate: number,
  rounds: number,
  samplingNumerator = all,
) {
  return {
    query: { kind: 'gradient', samplingNumerator, clipNormL2, expectedBatch },
    strategy: { kind: 'fedSgd', learningRate, momentum: 0 },
    rounds,
    paceMs: 1,
  };
}

export const none = { privacy: { kind: 'none' }, trust: 'trusted' } as const;
export const record = (epsilon: number) => ({ privacy: { kind: 'dp', delta: 1e-5, epsilon } });

const heart = { name: 'heart-4-hospitals', schema: 'hospitals', split: 'splits.json' };
const digits = { name: 'digits-8x8', schema: 'digits-8x8', split: 'splits-dirichlet03-10.json' };
const adult = { name: 'adult', schema: 'adult', split: 'splits-occupation.json' };

type Row = Omit<AccuracyCase, 'id' | 'drops' | 'plan'> & {
  readonly id: string;
  readonly folder: string;
  readonly changes: Changes;
};

const rows: readonly Row[] = [
  {
    id: 'heart-none',
    data: heart,
    folder: 'hospitals',
    privacy: 'none, trusted',
    goal: { accuracy: 0.798, auc: 0.88 },
    tolerance: 0.01,
    changes: { ...none, training: gradient(1, 486, 1, 100) },
  },
  {
    id: 'heart-1',
    data: heart,
    folder: 'hospitals',
    privacy: 'record ε = 1',
    goal: { accuracy: 0.797, auc: 0.875, meanOfClients: 0.81 },
    tolerance: 0.01,
    changes: { ...record(1), training: gradient(0.25, 486, 1, 100) },
  },
  {
    id: 'heart-3',
    data: heart,
    folder: 'hospitals',
    privacy: 'record ε = 3',
    goal: { accuracy: 0.8, auc: 0.88 },
    tolerance: 0.01,
    changes: { ...record(3), training: gradient(0.5, 486, 2, 60) },
  },
  {
    id: 'digits-none',
    data: digits,
    folder: 'digits-8x8',
    privacy: 'none, trusted',
    goal: { accuracy: 0.944 },
    tolerance: 0.005,
    changes: { ...none, training: gradient(2, 1437, 1, 200) },
  },
  {
    id: 'digits-3',
    data: digits,
    folder: 'digits-8x8',
    privacy: 'record ε = 3',
    goal: { accuracy: 0.925 },
    tolerance: 0.005,
    changes: { ...record(3), training: gradient(0.5, 1437, 4, 80) },
  },
  {
    id: 'adult-1',
    data: adult,
    folder: 'adult',
    privacy: 'record ε = 1',
    goal: { accuracy: 0.851, auc: 0.901 },
    tolerance: 0.005,
    changes: { ...record(1), training: gradient(1, 1024, 2, 620, 135_070_990) },
  },
];

/** Every row with a whole cohort, and each private row again with the drops that t allows. */
export const accuracyCases: readonly AccuracyCase[] = rows.flatMap(({ folder, changes, ...row }) => {
  const cases: AccuracyCase[] = [{ ...row, drops: 'none', plan: planFrom(folder, 'none', changes) }];
  if (!row.id.endsWith('none')) {
    cases.push({ ...row, id: `${row.id}-drops`, drops: 'tolerated', plan: planFrom(folder, 'tolerated', changes) });
  }
  return cases;
});
