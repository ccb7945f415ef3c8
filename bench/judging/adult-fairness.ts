import { measuresOfRun } from '@sotto/coordinator/runs';
import { SottoError } from '@sotto/shared/errors';
import {
  chanceOfPositive,
  groupThresholds,
  meanAndDeviation,
  reweighingOf,
  type GroupScores,
  type GroupThresholds,
} from '@sotto/shared/metrics';
import { referenceModel, selectUnits, weightsFromBytes, type UnitBatch } from '@sotto/shared/model';
import { inputColumns, inputWidth, type Plan, type PlanInput } from '@sotto/shared/plan';
import {
  groupingBy,
  type FairnessFigures,
  type GroupLabelFigures,
  type MeasureFigures,
  type RowWeights,
} from '@sotto/shared/queries';
import { createSeededRandom, shuffle } from '@sotto/shared/random';
import { fixedData, simulate } from '@sotto/simulation';
import { all, gradient, none, planFrom } from '../accuracy/cases.ts';
import { joinBatches, loadBenchData, type BenchData } from '../accuracy/datasets.ts';
import { fitLogistic, logisticScores } from './pooled-logistic.ts';

export const about =
  'Fifteen occupations learn who earns much, fairly to both sexes: as it is, reweighed, and with thresholds by group; beside the same of all rows in one place.';

const trainRows = 22_000;

/** What a method comes to on the test rows. */
type Scores = {
  readonly accuracy: number;
  readonly demographicParity: number;
  readonly disparateImpact: number;
  readonly equalizedOdds: number;
};
type Method = 'plain' | 'reweighing' | 'thresholds';
const methods: readonly Method[] = ['plain', 'reweighing', 'thresholds'];
const names = ['accuracy', 'demographicParity', 'disparateImpact', 'equalizedOdds'] as const;

/** Measured by a plain implementation with other columns' encodings; five splits. */
const reference: Readonly<Record<Method, Scores>> = {
  plain: { accuracy: 0.8425, demographicParity: 0.192, disparateImpact: 0.267, equalizedOdds: 0.159 },
  reweighing: { accuracy: 0.8379, demographicParity: 0.089, disparateImpact: 0.585, equalizedOdds: 0.135 },
  thresholds: { accuracy: 0.8276, demographicParity: 0.088, disparateImpact: 0.565, equalizedOdds: 0.019 },
};

type Arm = 'pooled' | 'federated' | 'private';
const arms: readonly Arm[] = ['pooled', 'federated', 'private'];

type Row = {
  readonly arm: Arm;
  readonly method: Method;
  readonly figures: Readonly<
    Record<
      (typeof names)[number],
      { readonly mean: number; readonly deviation: number | null; readonly each: readonly number[] }
    >
  >;
};
type Result = {
  readonly rows: readonly Row[];
  readonly epsilon: number;
  readonly reference: typeof reference;
  readonly seconds: number;
};

/** Every arm and method on each split. */
export async function run(seeds: readonly number[]): Promise<Result> {
  const started = performance.now();
  const data = await loadBenchData('adult', 'adult', 'splits-occupation.json');
  const found: { arm: Arm; method: Method; scores: Scores }[] = [];
  for (const seed of seeds) {
    const split = splitOf(data, seed);
    for (const arm of arms) {
      const scores = arm === 'pooled' ? pooled(split) : await federated(split, arm, seed);
      for (const method of methods) found.push({ arm, method, scores: scores[method] });
    }
    console.error(`  split ${seed} after ${((performance.now() - started) / 1_000).toFixed(0)} s`);
  }
  const rows = arms.flatMap((arm) =>
    methods.map((method): Row => {
      const own = found.filter((one) => one.arm === arm && one.method === method);
      const figureOf = (name: (typeof names)[number]) => {
        const each = own.map(({ scores }) => scores[name]);
        return { ...meanAndDeviation(each), each };
      };
      return {
        arm,
        method,
        figures: {
          accuracy: figureOf('accuracy'),
          demographicParity: figureOf('demographicParity'),
          disparateImpact: figureOf('disparateImpact'),
          equalizedOdds: figureOf('equalizedOdds'),
        },
      };
    }),
  );
  return { rows, epsilon: epsilonOf.private, reference, seconds: (performance.now() - started) / 1_000 };
}

/** One line an arm and method. */
export function words({ rows, epsilon, seconds }: Result): string {
  const lines = rows.map(({ arm, method, figures }) => {
    const shown = names.map((name) => {
      const { mean, deviation } = figures[name];
      return `${name} ${mean.toFixed(4)} ± ${(deviation ?? 0).toFixed(4)}`;
    });
    return `${arm.padEnd(10)} ${method.padEnd(11)} ${shown.join('; ')}`;
  });
  return [...lines, `private: record ε = ${epsilon} a run; ${seconds.toFixed(0)} s`].join('\n');
}

type Split = BenchData & { readonly train: UnitBatch; readonly test: UnitBatch };

/** 22,000 rows of the training file train, the others test; each stays with its client. */
function splitOf(data: BenchData, seed: number): Split {
  const places = data.clients.flatMap(({ train }, client) =>
    Array.from({ length: train.units }, (_, unit) => ({ client, unit })),
  );
  const drawn = shuffle(createSeededRandom(`adult fairness/${seed}`), places);
  const clients = data.clients.map(({ name, train }, client) => {
    const of = (some: typeof drawn): UnitBatch =>
      selectUnits(
        train,
        some.filter((place) => place.client === client).map(({ unit }) => unit),
      );
    return { name, train: of(drawn.slice(0, trainRows)), test: of(drawn.slice(trainRows)) };
  });
  return {
    ...data,
    clients,
    train: joinBatches(clients.map(({ train }) => train)),
    test: joinBatches(clients.map(({ test }) => test)),
  };
}

function groupsOf({ schema }: BenchData, batch: UnitBatch) {
  const { names: groups, groupOf } = groupingBy(inputColumns(schema), ['sex']);
  const ofRow = Uint8Array.from({ length: batch.rows }, (_, row) => groupOf(batch.inputs, row * batch.features));
  return { groups, ofRow };
}

/** Counts of the test rows by what is said of each, a chance counting as a part of a row. */
function scoresOf(split: Split, chanceOf: (row: number, group: string) => number): Scores {
  const { test } = split;
  const { groups, ofRow } = groupsOf(split, test);
  const counts = groups.map(() => ({ tp: 0, fp: 0, fn: 0, tn: 0 }));
  for (let row = 0; row < test.rows; row++) {
    const chance = chanceOf(row, groups[ofRow[row]!]!);
    const own = counts[ofRow[row]!]!;
    if (test.targets[row] === 1) [own.tp, own.fn] = [own.tp + chance, own.fn + 1 - chance];
    else [own.fp, own.tn] = [own.fp + chance, own.tn + 1 - chance];
  }
  const present = counts.filter(({ tp, fp, fn, tn }) => tp + fp + fn + tn > 0);
  const rates = (of: (one: (typeof counts)[number]) => number) => present.map(of);
  const gap = (values: readonly number[]): number => Math.max(...values) - Math.min(...values);
  const selected = rates(({ tp, fp, fn, tn }) => (tp + fp) / (tp + fp + fn + tn));
  return {
    accuracy: counts.reduce((sum, { tp, tn }) => sum + tp + tn, 0) / test.rows,
    demographicParity: gap(selected),
    disparateImpact: Math.min(...selected) / Math.max(...selected),
    equalizedOdds: Math.max(gap(rates(({ tp, fn }) => tp / (tp + fn))), gap(rates(({ fp, tn }) => fp / (fp + tn)))),
  };
}

function atHalf(split: Split, scores: ArrayLike<number>): Scores {
  return scoresOf(split, (row) => Number(scores[row]! > 0.5));
}

function byThresholds(split: Split, scores: ArrayLike<number>, { groups }: GroupThresholds): Scores {
  return scoresOf(split, (row, name) => {
    const own = groups.find(({ group }) => group === name);
    return own === undefined ? Number(scores[row]! > 0.5) : chanceOfPositive(own, scores[row]!);
  });
}

/** The same three methods with all rows in one place. */
function pooled(split: Split): Record<Method, Scores> {
  const { train } = split;
  const { groups, ofRow } = groupsOf(split, train);
  const counts = groups.map(() => [0, 0]);
  for (let row = 0; row < train.rows; row++) counts[ofRow[row]!]![train.targets[row]!]! += 1;
  const weights = reweighingOf(counts);
  const plain = fitLogistic(train);
  const scores = logisticScores(plain, train);
  const bins = 1_000;
  const histograms = groups.map((group): GroupScores & { positives: Float64Array; negatives: Float64Array } => {
    return { group, positives: new Float64Array(bins), negatives: new Float64Array(bins) };
  });
  for (let row = 0; row < train.rows; row++) {
    const own = histograms[ofRow[row]!]!;
    const bin = Math.min(bins - 1, Math.floor(scores[row]! * bins));
    (train.targets[row] === 1 ? own.positives : own.negatives)[bin]! += 1;
  }
  const thresholds = groupThresholds(histograms.slice(0, 2), 'equalizedOdds');
  const reweighed = fitLogistic(
    train,
    Float64Array.from({ length: train.rows }, (_, row) => weights[ofRow[row]!]![train.targets[row]!] ?? 1),
  );
  const onTest = logisticScores(plain, split.test);
  return {
    plain: atHalf(split, onTest),
    reweighing: atHalf(split, logisticScores(reweighed, split.test)),
    thresholds: byThresholds(split, onTest, thresholds),
  };
}

/** What a run is promised for a record: survey, training and the report on the training rows together; the report on the test rows as much. */
const epsilonOf = { private: 1 } as const;

/** The plan: logistic regression; a survey of labels by sex before it, histograms of scores by sex after it. */
function planOf(arm: Exclude<Arm, 'pooled'>, seed: number, data: BenchData, weights: RowWeights | undefined) {
  const attributes = [{ columns: ['sex'] }];
  const isPrivate = arm === 'private';
  const bins = isPrivate ? 20 : 1_000;
  const training = isPrivate
    ? gradient(2.5, 1_024, 1.5, 400, Math.round((1_024 / trainRows) * all))
    : // As long as it takes to come where Newton's method does; a bound that no gradient reaches.
      { ...gradient(60, trainRows, 1, 100), strategy: { kind: 'fedSgdAdam', learningRate: 0.05 } };
  const changes = {
    trust: 'trusted',
    privacy: isPrivate ? { kind: 'dp', delta: 1e-5, epsilon: 1, reportEpsilon: 1 } : none.privacy,
    topology: { layers: [{ kind: 'dense', units: 1, activation: 'linear' }] },
    split: { validation: 0, test: 0.3 },
    training: { ...training, ...(weights === undefined ? {} : { weights }) },
    survey: { measures: [{ kind: 'groupLabels', attributes }], budgetShare: 0.1 },
    report: {
      part: 'test',
      measures: [{ kind: 'fairness', attributes }],
      train: { measures: [{ kind: 'fairness', attributes, bins }], budgetShare: 0.3 },
    },
  } satisfies Partial<Record<keyof PlanInput, unknown>>;
  return (roster: Parameters<Parameters<typeof simulate>[0]['plan']>[0], authority: string): Plan =>
    planFrom('adult', 'none', changes)(roster, authority, data.schema, seed);
}

/** Two runs: one as it is, whose releases give weights and thresholds, and one with the weights. */
async function federated(split: Split, arm: Exclude<Arm, 'pooled'>, seed: number): Promise<Record<Method, Scores>> {
  const first = await runOf(split, arm, seed, undefined);
  const [labels] = (first.measured.get('survey')![0]!.report as GroupLabelFigures).attributes;
  const cells = labels!.groups.flatMap(({ group, labels: own }) =>
    own.flatMap(({ label, weight }) => (weight === null ? [] : [{ group, label, weight }])),
  );
  const [fairness] = (first.measured.get('trainReport')![0]!.report as FairnessFigures).attributes;
  const thresholds = fairness!.thresholds?.find(({ criterion }) => criterion === 'equalizedOdds');
  if (thresholds === undefined) throw new SottoError('RUN_FAILED', 'the report gives no thresholds');
  const second = await runOf(split, arm, seed, { columns: ['sex'], cells });
  return {
    plain: atHalf(split, first.scores),
    reweighing: atHalf(split, second.scores),
    thresholds: byThresholds(split, first.scores, thresholds),
  };
}

async function runOf(split: Split, arm: Exclude<Arm, 'pooled'>, seed: number, weights: RowWeights | undefined) {
  const result = await simulate({
    seed: `adult fairness/${arm}/${seed}`,
    clients: split.clients.map(({ name, train, test }) => ({ name, data: fixedData(split.schema, { train, test }) })),
    plan: planOf(arm, seed, split, weights),
    checkSums: false,
  });
  const { status, plan } = result;
  if (status.state !== 'finished') {
    throw new SottoError('RUN_FAILED', `${arm}, split ${seed}: ${status.state}: ${status.reason ?? ''}`);
  }
  const bytes = await result.blobs.get(status.modelHash);
  if (bytes === null) throw new SottoError('INTERNAL', 'the final model is not among the blobs');
  const model = referenceModel(plan.topology, inputWidth(plan.schema), plan.loss);
  await model.setWeights(weightsFromBytes(bytes));
  const record = await result.store.run(result.runId);
  const concluded = await measuresOfRun(result.store, result.blobs, record!);
  return {
    scores: await model.predict(split.test.inputs, split.test.rows),
    measured: new Map<string, readonly MeasureFigures[]>(concluded.map(({ slot, measures }) => [slot, measures])),
  };
}
