import { fixedData, sharesByLabel, sharesIid, simulate, type Shares } from '@sotto/simulation';
import { SottoError } from '@sotto/shared/errors';
import { accuracyOf, generalizationGaps, meanAndDeviation, type Figure } from '@sotto/shared/metrics';
import { referenceModel, selectUnits, weightsFromBytes, type UnitBatch } from '@sotto/shared/model';
import { inputWidth, outputWidth, type Plan } from '@sotto/shared/plan';
import { createSeededRandom, shuffle } from '@sotto/shared/random';
import { none, planFrom } from '../accuracy/cases.ts';
import { joinBatches, loadBenchData } from '../accuracy/datasets.ts';

export const about =
  'digits of 12 clients that train and 8 that do not, IID and by Dirichlet 0.3: the gap between both';

const clientCount = 20;
/** Digits that are divided, drawn for each seed: as many as the figures to reach had. */
const digitCount = 1_400;
const trainCount = 12;
/** Share of a training client's digits that validate. */
const validationShare = 0.2;

/** FedAvg with one local epoch in batches of 20, as the figures to reach were made. The bound clips nothing. */
const changes = {
  ...none,
  unit: 'client',
  topology: {
    layers: [
      { kind: 'dense', units: 32, activation: 'relu' },
      { kind: 'dense', units: 10, activation: 'linear' },
    ],
  },
  training: {
    query: { kind: 'update', clipNormL2: 16, localEpochs: 1, batchSize: 20, learningRate: 0.2 },
    strategy: { kind: 'fedAvg' },
    rounds: 40,
    paceMs: 1,
  },
  split: { validation: validationShare, test: 0 },
  evaluation: { every: 10, part: 'validation', detail: 'accuracy', lossMax: 4, fit: {} },
};

type Way = 'iid' | 'dirichlet';
type Three = { readonly train: number; readonly validation: number; readonly unseen: number };

/** Percent; each unit weighing the same, and as released at unit = client, each client weighing the same. */
type SeedResult = { readonly way: Way; readonly seed: number; readonly byUnit: Three; readonly released: Three };

/** What centralised code gave: means over three seeds. */
const goals: Record<Way, Three> = {
  iid: { train: 94.3, validation: 93.5, unseen: 92.0 },
  dirichlet: { train: 94.8, validation: 93.4, unseen: 87.0 },
};

export async function run(seeds: readonly number[]) {
  const { schema: around, clients } = await loadBenchData('digits-8x8', 'digits-8x8', 'splits-dirichlet03-10.json');
  const columns = around.columns.map((column) =>
    column.kind === 'number' ? { ...column, centre: 0, scale: 16 } : column,
  );
  const schema = { ...around, columns };
  const read = joinBatches(clients.flatMap(({ train, test }) => [train, test]));
  // Pixels in [0, 1], as the figures to reach were made: the shipped schema puts them in [-1, 1].
  const all = { ...read, inputs: read.inputs.map((pixel) => (pixel + 1) / 2) };
  const results: SeedResult[] = [];
  for (const way of ['iid', 'dirichlet'] as const) {
    for (const seed of seeds) results.push(await runSeed(way, seed, schema, all));
  }
  return results;
}

export function words(results: readonly SeedResult[]): string {
  const lines = (['iid', 'dirichlet'] as const).flatMap((way) => {
    const own = results.filter((result) => result.way === way);
    return (['byUnit', 'released'] as const).map((kind) => {
      const shown = (['train', 'validation', 'unseen'] as const).map((part) => {
        const { mean, deviation } = meanAndDeviation(own.map((result) => result[kind][part]));
        return `${mean.toFixed(1)} ± ${deviation?.toFixed(1) ?? '–'} (goal ${goals[way][part]})`;
      });
      return `${way.padEnd(9)} ${kind === 'byUnit' ? 'each unit  ' : 'each client'}: ${shown.join(' / ')}`;
    });
  });
  return ['train / validation / unseen, percent', ...lines].join('\n');
}

async function runSeed(way: Way, seed: number, schema: Plan['schema'], all: UnitBatch): Promise<SeedResult> {
  const random = createSeededRandom(`participation gap/${way}/${seed}`);
  const drawn = shuffle(
    random,
    Array.from({ length: all.units }, (_, unit) => unit),
  ).slice(0, digitCount);
  const digits = selectUnits(all, drawn);
  const labels = Array.from(digits.targets, String);
  const shares: Shares =
    way === 'iid' ? sharesIid(digits.units, clientCount, random) : sharesByLabel(labels, clientCount, 0.3, random);
  const clients = shares.map((units, index) => {
    const order = shuffle(random, units);
    const held = Math.round(validationShare * order.length);
    const [validation, train] = [selectUnits(digits, order.slice(0, held)), selectUnits(digits, order.slice(held))];
    return { name: `client ${String(index).padStart(2, '0')}`, train, validation, out: index >= trainCount };
  });
  const apart = new Set(clients.filter(({ out }) => out).map(({ name }) => name));
  const result = await simulate({
    seed: `participation gap/${way}/${seed}`,
    clients: clients.map(({ name, train, validation }) => ({ name, data: fixedData(schema, { train, validation }) })),
    plan: (roster, authority) => {
      const heldOut = roster.flatMap(({ client, name }) => (apart.has(name) ? [client] : [])).toSorted();
      return planFrom('digits-8x8', 'none', { ...changes, heldOut })(roster, authority, schema, seed);
    },
    checkSums: false,
  });
  const { plan, status } = result;
  const last = status.evaluations.at(-1);
  if (status.state !== 'finished' || last === undefined) {
    throw new SottoError('RUN_FAILED', `${way}, seed ${seed}: ${status.state}: ${status.reason ?? ''}`);
  }
  const bytes = await result.blobs.get(status.modelHash);
  if (bytes === null) throw new SottoError('INTERNAL', 'the final model is not among the blobs');
  const model = referenceModel(plan.topology, inputWidth(plan.schema), plan.loss);
  await model.setWeights(weightsFromBytes(bytes));
  const accuracy = async (batches: readonly UnitBatch[]): Promise<number> => {
    const { inputs, rows, targets } = joinBatches(batches);
    return 100 * accuracyOf(await model.predict(inputs, rows), targets, outputWidth(plan.schema.target));
  };
  const within = clients.filter(({ out }) => !out);
  const byUnit = {
    train: await accuracy(within.map(({ train }) => train)),
    validation: await accuracy(within.map(({ validation }) => validation)),
    unseen: await accuracy(clients.filter(({ out }) => out).flatMap(({ train, validation }) => [train, validation])),
  };
  const released = {
    train: 100 * (last.fit?.accuracy?.value ?? NaN),
    validation: 100 * (last.accuracy?.value ?? NaN),
    unseen: 100 * (last.unseen?.accuracy?.value ?? NaN),
  };
  console.error(
    `  ${way} seed ${seed}: ${Object.values(byUnit)
      .map((value) => value.toFixed(1))
      .join(' / ')}${gapWords(last)}`,
  );
  return { way, seed, byUnit, released };
}

function gapWords(last: {
  readonly accuracy: Figure | null;
  readonly fit?: { readonly accuracy: Figure | null } | undefined;
  readonly unseen?: { readonly accuracy: Figure | null } | undefined;
}): string {
  const { participation } = generalizationGaps({
    train: last.fit?.accuracy ?? null,
    validation: last.accuracy,
    unseen: last.unseen?.accuracy ?? null,
  });
  return participation === null ? '' : `; participation gap as released ${(100 * participation.value).toFixed(1)}`;
}
