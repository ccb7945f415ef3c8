import { measuresOfRun } from '@sotto/coordinator/runs';
import { dataCard, dataCardMarkdown, type DataCard } from '@sotto/shared/card';
import { SottoError } from '@sotto/shared/errors';
import { accuracyOf, fitLearningCurve, meanAndDeviation } from '@sotto/shared/metrics';
import { referenceModel, selectUnits, weightsFromBytes, type UnitBatch } from '@sotto/shared/model';
import { inputWidth, outputWidth, planHashOf, type Plan } from '@sotto/shared/plan';
import { createSeededRandom, shuffle } from '@sotto/shared/random';
import { fixedData, simulate, type SimulationResult } from '@sotto/simulation';
import { gradient, none, planFrom, record } from '../accuracy/cases.ts';
import { joinBatches, loadBenchData, type BenchData } from '../accuracy/datasets.ts';

export const about =
  'What a survey of four hospitals tells at which ε; a learning curve of digits with its range; noise and mixup where rows are few.';

type Spread = { readonly mean: number; readonly deviation: number | null };

type Result = {
  readonly surveys: readonly {
    readonly epsilon: number | null;
    readonly told: number;
    readonly asked: number;
    readonly units: string;
    readonly largestSkew: number | null;
    readonly floor: number | null;
  }[];
  /** The first seed's card at ε = 1 of its own, in words. */
  readonly card: string;
  readonly curve: {
    readonly sizes: readonly number[];
    readonly error: readonly Spread[];
    readonly foretold: readonly { readonly value: number; readonly low: number; readonly high: number }[];
    readonly measured: Spread;
  };
  readonly augmentation: readonly {
    readonly unit: Plan['unit'];
    readonly noise: number;
    readonly mixup: number;
    readonly units: number;
    readonly accuracy: Spread;
  }[];
  readonly seconds: number;
};

export async function run(seeds: readonly number[]): Promise<Result> {
  const started = performance.now();
  const hospitals = await loadBenchData('heart-4-hospitals', 'hospitals', 'splits.json');
  const digits = await loadBenchData('digits-8x8', 'digits-8x8', 'splits-dirichlet03-10.json');
  const { surveys, card } = await surveysOf(hospitals);
  const curve = await curveOf(digits, seeds);
  const augmentation = await augmentationOf(digits, seeds);
  return { surveys, card, curve, augmentation, seconds: (performance.now() - started) / 1_000 };
}

export function words({ surveys, card, curve, augmentation, seconds }: Result): string {
  const spread = ({ mean, deviation }: Spread): string => `${mean.toFixed(4)} ± ${(deviation ?? 0).toFixed(4)}`;
  return [
    card,
    ...surveys.map(
      ({ epsilon, told, asked, units, largestSkew, floor }) =>
        `survey at ε = ${epsilon ?? '∞'}: ${told} of ${asked} figures told; units ${units}; largest skew ${largestSkew?.toFixed(4) ?? 'withheld'}, floor ${floor?.toFixed(4) ?? '–'}`,
    ),
    ...curve.sizes.map((size, i) => `error of ${size} units: ${spread(curve.error[i]!)}`),
    ...curve.foretold.map(
      ({ value, low, high }) => `foretold for all units: ${value.toFixed(4)}, ${low.toFixed(4)} to ${high.toFixed(4)}`,
    ),
    `measured: ${spread(curve.measured)}`,
    ...augmentation.map(
      ({ unit, noise, mixup, units, accuracy }) =>
        `${units} units, ${unit}: noise ${noise}, mixup ${mixup}: accuracy ${spread(accuracy)}`,
    ),
    `${seconds.toFixed(0)} s`,
  ].join('\n');
}

const surveyed = [{ kind: 'labels' }, { kind: 'columns', columns: ['age', 'trestbps', 'chol', 'thalach'], bins: 8 }];

/** A survey of the hospitals, of so much ε by itself; a round of training follows, as a plan has to have one. */
async function surveysOf(data: BenchData): Promise<Pick<Result, 'surveys' | 'card'>> {
  const surveys: Result['surveys'][number][] = [];
  let words = '';
  for (const epsilon of [null, 1, 0.3, 0.1]) {
    const privacy = epsilon === null ? none : record(2 * epsilon);
    const training = gradient(0.25, 486, 1, 1);
    const survey = { measures: surveyed, budgetShare: 0.5 };
    const result = await runOf(
      data,
      planFrom('hospitals', 'none', { ...privacy, training, survey }),
      `survey/${epsilon}`,
    );
    const card = await cardOf(result);
    const labels = card.target.figures.find(({ name }) => name === 'largestSkew');
    const figures = [card.units!, ...card.target.figures, ...card.columns.flatMap(({ told }) => told)];
    const { figure } = card.units!;
    surveys.push({
      epsilon,
      told: figures.filter((one) => one.figure !== null).length,
      asked: figures.length,
      units: figure === null ? 'withheld' : `${Math.round(figure.value)} ± ${Math.round(figure.noiseHalfWidth)}`,
      largestSkew: labels?.figure?.value ?? null,
      floor: labels?.floor ?? null,
    });
    if (epsilon === 1) words = dataCardMarkdown(card);
  }
  return { surveys, card: words };
}

async function cardOf({ store, blobs, runId, plan }: SimulationResult): Promise<DataCard> {
  const releases = await measuresOfRun(store, blobs, (await store.run(runId))!);
  return dataCard(plan, planHashOf(plan), releases.find(({ slot }) => slot === 'survey')?.measures ?? []);
}

const sizes = [45, 90, 180, 360, 720];

/** Errors of models of so many units, and what they foretell for all. */
async function curveOf(data: BenchData, seeds: readonly number[]): Promise<Result['curve']> {
  const all = data.clients.reduce((sum, { train }) => sum + train.units, 0);
  const tested = data.clients.reduce((sum, { test }) => sum + test.rows, 0);
  const errors: number[][] = [...sizes, all].map(() => []);
  const foretold: Result['curve']['foretold'][number][] = [];
  for (const seed of seeds) {
    const points: { units: number; error: number; std: number }[] = [];
    for (const [index, units] of [...sizes, all].entries()) {
      const plan = planFrom('digits-8x8', 'none', { ...none, training: gradient(2, units, 1, 150) });
      const error = 1 - (await accuracyOfRun(some(data, units, seed), plan, `curve/${units}/${seed}`));
      errors[index]!.push(error);
      if (units < all) points.push({ units, error, std: Math.sqrt((error * (1 - error)) / tested) });
    }
    const { value, low, high } = fitLearningCurve(points)!.at(all)!;
    foretold.push({ value, low, high });
  }
  const spreads = errors.map((each) => meanAndDeviation(each));
  return { sizes, error: spreads.slice(0, -1), foretold, measured: spreads.at(-1)! };
}

const fewUnits = 150;

/** Accuracy of models of few units, with noise and with mixup. */
async function augmentationOf(data: BenchData, seeds: readonly number[]): Promise<Result['augmentation']> {
  const cases = [
    ...[0, 0.25, 0.5].map((noise) => ({ unit: 'record' as const, noise, mixup: 0 })),
    ...[0, 0.25].map((noise) => ({ unit: 'client' as const, noise, mixup: 0 })),
    { unit: 'client' as const, noise: 0, mixup: 0.4 },
  ];
  const found: Result['augmentation'][number][] = [];
  for (const { unit, noise, mixup } of cases) {
    const augmentation = noise === 0 && mixup === 0 ? {} : { augmentation: { noise, mixup } };
    const asked = gradient(2, fewUnits, 1, 150);
    const training =
      unit === 'record'
        ? { ...asked, query: { ...asked.query, ...augmentation } }
        : {
            query: { kind: 'update', clipNormL2: 10, localEpochs: 2, batchSize: 8, learningRate: 0.2, ...augmentation },
            strategy: { kind: 'fedAvg' },
            rounds: 40,
            paceMs: 1,
          };
    const each: number[] = [];
    for (const seed of seeds) {
      const plan = planFrom('digits-8x8', 'none', { ...none, unit, training });
      each.push(
        await accuracyOfRun(some(data, fewUnits, seed), plan, `augmentation/${unit}/${noise}/${mixup}/${seed}`),
      );
    }
    found.push({ unit, noise, mixup, units: fewUnits, accuracy: meanAndDeviation(each) });
  }
  return found;
}

/** So many of all training units, drawn; each stays with its client. */
function some(data: BenchData, units: number, seed: number): BenchData {
  const places = data.clients.flatMap(({ train }, client) =>
    Array.from({ length: train.units }, (_, unit) => ({ client, unit })),
  );
  const drawn = shuffle(createSeededRandom(`data adequacy/${seed}`), places).slice(0, units);
  const of = (train: UnitBatch, client: number): UnitBatch =>
    selectUnits(
      train,
      drawn.filter((place) => place.client === client).map(({ unit }) => unit),
    );
  return { ...data, clients: data.clients.map((one, client) => ({ ...one, train: of(one.train, client) })) };
}

async function runOf(data: BenchData, planOf: ReturnType<typeof planFrom>, seed: string): Promise<SimulationResult> {
  const result = await simulate({
    seed,
    clients: data.clients.map(({ name, train }) => ({ name, data: fixedData(data.schema, { train }) })),
    plan: (roster, authority) => planOf(roster, authority, data.schema, Number(/\d+$/.exec(seed)?.[0] ?? 1)),
    checkSums: false,
  });
  if (result.status.state !== 'finished') {
    throw new SottoError('RUN_FAILED', `${seed}: ${result.status.state}: ${result.status.reason ?? ''}`);
  }
  return result;
}

/** Accuracy of a run's model on the experimenter's test rows, which no client holds. */
async function accuracyOfRun(data: BenchData, planOf: ReturnType<typeof planFrom>, seed: string): Promise<number> {
  const { blobs, plan, status } = await runOf(data, planOf, seed);
  const bytes = await blobs.get(status.modelHash);
  if (bytes === null) throw new SottoError('INTERNAL', 'the final model is not among the blobs');
  const model = referenceModel(plan.topology, inputWidth(plan.schema), plan.loss);
  await model.setWeights(weightsFromBytes(bytes));
  const test = joinBatches(data.clients.map((client) => client.test));
  const outputs = await model.predict(test.inputs, test.rows);
  return accuracyOf(outputs, test.targets, outputWidth(plan.schema.target));
}
