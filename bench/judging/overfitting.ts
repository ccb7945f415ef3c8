import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCsv } from '@sotto/client/data';
import { SottoError } from '@sotto/shared/errors';
import { accuracyOf, lossAttack, meanAndDeviation } from '@sotto/shared/metrics';
import { referenceModel, selectUnits, weightsFromBytes, type UnitBatch } from '@sotto/shared/model';
import { inputWidth, parseDataSchema, type DataSchema } from '@sotto/shared/plan';
import { createSeededRandom, shuffle } from '@sotto/shared/random';
import { fixedData, simulate } from '@sotto/simulation';
import { all, none, planFrom } from '../accuracy/cases.ts';
import { dataFolder, joinBatches } from '../accuracy/datasets.ts';

export const about =
  'German credit by housing, an MLP 128-128 that learns it by heart: what early stopping, L2 and dropout do';

const numbers: readonly (readonly [string, number, number, number, number])[] = [
  ['duration', 0, 120, 20, 12],
  ['amount', 0, 50_000, 3_000, 3_000],
  ['installment_rate', 1, 4, 2.5, 1],
  ['residence_since', 1, 4, 2.5, 1],
  ['age', 18, 100, 40, 12],
  ['existing_credits', 1, 10, 2, 1],
  ['dependents', 1, 10, 1, 1],
];
const categories: Readonly<Record<string, readonly string[]>> = {
  checking: ['A11', 'A12', 'A13', 'A14'],
  credit_history: ['A30', 'A31', 'A32', 'A33', 'A34'],
  purpose: ['A40', 'A41', 'A42', 'A43', 'A44', 'A45', 'A46', 'A47', 'A48', 'A49', 'A410'],
  savings: ['A61', 'A62', 'A63', 'A64', 'A65'],
  employment: ['A71', 'A72', 'A73', 'A74', 'A75'],
  personal_status_sex: ['A91', 'A92', 'A93', 'A94', 'A95'],
  other_debtors: ['A101', 'A102', 'A103'],
  property: ['A121', 'A122', 'A123', 'A124'],
  other_installments: ['A141', 'A142', 'A143'],
  job: ['A171', 'A172', 'A173', 'A174'],
  telephone: ['A191', 'A192'],
  foreign_worker: ['A201', 'A202'],
};
const schema: DataSchema = parseDataSchema({
  name: 'german credit',
  unitId: 'row_id',
  columns: [
    ...numbers.map(([name, min, max, centre, scale]) => ({ kind: 'number', name, min, max, centre, scale })),
    ...Object.entries(categories).map(([name, values]) => ({ kind: 'category', name, values })),
  ],
  target: { kind: 'binary', column: 'label', positive: '1', negative: '0' },
});

/** Share of the training rows that validate: in every variant, so that all train on the same rows. */
const validationShare = 0.2;
const rounds = 401;
const every = 10;

const layer = (units: number, activation: 'relu' | 'linear') => ({ kind: 'dense', units, activation });
const dropout = { kind: 'dropout', rate: 0.5 };
const plain = [layer(128, 'relu'), layer(128, 'relu'), layer(1, 'linear')];
const adam = { kind: 'fedSgdAdam', learningRate: 0.003 };
const patience = { rule: 'patience', patience: 8, smoothing: 3 };

type Variant = {
  readonly layers?: object[];
  readonly strategy?: object;
  readonly earlyStopping?: object;
  /** Clip norm and privacy, where noise is the remedy. */
  readonly privacy?: object;
};

/** What is done against learning by heart. */
const variants: Readonly<Record<string, Variant>> = {
  plain: {},
  'early stopping': { earlyStopping: patience },
  'L2 (weightDecay 1)': { strategy: { ...adam, weightDecay: 1 } },
  'dropout 0.5': { layers: [plain[0]!, dropout, plain[1]!, dropout, plain[2]!] },
  'dropout, L2 and early stopping': {
    layers: [plain[0]!, dropout, plain[1]!, dropout, plain[2]!],
    strategy: { ...adam, weightDecay: 1 },
    earlyStopping: patience,
  },
  'record ε = 3': {
    privacy: { trust: 'secure', privacy: { kind: 'dp', delta: 1e-5, epsilon: 3, evaluationEpsilon: 3 } },
  },
};

type Client = { readonly name: string; readonly train: UnitBatch; readonly test: UnitBatch };
type Result = {
  readonly variant: string;
  readonly seed: number;
  readonly train: number;
  readonly validation: number;
  readonly test: number;
  /** What an attack by the loss tells of who trained: rows that trained against test rows. */
  readonly attack: { readonly auc: number; readonly advantage: number };
  /** Rounds that trained, and the round whose evaluation chose the model; null: the last. */
  readonly trained: number;
  readonly bestRound: number | null;
};

export async function run(seeds: readonly number[]): Promise<readonly Result[]> {
  const clients = await germanCredit();
  const results: Result[] = [];
  for (const variant of Object.keys(variants)) {
    for (const seed of seeds) results.push(await runSeed(variant, seed, clients));
  }
  return results;
}

export function words(results: readonly Result[]): string {
  const names = [...new Set(results.map(({ variant }) => variant))];
  const lines = names.map((name) => {
    const own = results.filter(({ variant }) => variant === name);
    const shown = (['train', 'validation', 'test'] as const).map((part) => {
      const { mean, deviation } = meanAndDeviation(own.map((result) => result[part]));
      return `${mean.toFixed(3)} ± ${deviation?.toFixed(3) ?? '–'}`;
    });
    const attack = meanAndDeviation(own.map((result) => result.attack.auc));
    return `${name.padEnd(32)} ${shown.join(' / ')}, attack AUC ${attack.mean.toFixed(3)}, ${own.map(({ trained }) => trained).join(', ')} rounds`;
  });
  return ['accuracy train / validation / test', ...lines].join('\n');
}

async function germanCredit(): Promise<readonly Client[]> {
  const folder = dataFolder('german-credit');
  if (folder === null) throw new SottoError('FILE_NOT_FOUND', 'german-credit/data.csv: not found; set SOTTO_DATA');
  const { batch, unitIds } = await readCsv(join(folder, 'data.csv'), schema);
  const unitOf = new Map(unitIds.map((id, unit) => [id, unit]));
  const split = JSON.parse(readFileSync(join(folder, 'splits-housing.json'), 'utf8')) as {
    clients: { id: string; train: number[]; test: number[] }[];
  };
  const pick = (rows: readonly number[]): UnitBatch =>
    selectUnits(
      batch,
      rows.map((row) => unitOf.get(String(row))!),
    );
  return split.clients.map(({ id, train, test }) => ({ name: id, train: pick(train), test: pick(test) }));
}

async function runSeed(variant: string, seed: number, whole: readonly Client[]): Promise<Result> {
  const { layers = plain, strategy = adam, earlyStopping, privacy = none } = variants[variant]!;
  const clients = whole.map(({ name, train, test }) => {
    const order = shuffle(
      createSeededRandom(`overfitting/${seed}/${name}`),
      Array.from({ length: train.units }, (_, unit) => unit),
    );
    const held = Math.round(validationShare * order.length);
    return {
      name,
      test,
      validation: selectUnits(train, order.slice(0, held)),
      train: selectUnits(train, order.slice(held)),
    };
  });
  const units = clients.reduce((sum, { train }) => sum + train.units, 0);
  const rate = 64 / units;
  const result = await simulate({
    seed: `overfitting/${variant}/${seed}`,
    clients: clients.map(({ name, train, validation }) => ({ name, data: fixedData(schema, { train, validation }) })),
    plan: (roster, authority) =>
      planFrom('hospitals', 'none', {
        ...privacy,
        name: 'credit by heart',
        purpose: 'Shows what overfitting is and what helps.',
        topology: { layers },
        training: {
          query: {
            kind: 'gradient',
            samplingNumerator: Math.round(rate * all),
            clipNormL2: privacy === none ? 8 : 1,
            expectedBatch: 64,
          },
          strategy,
          rounds,
          paceMs: 1,
          ...(earlyStopping === undefined ? {} : { earlyStopping }),
        },
        split: { validation: validationShare, test: 0 },
        evaluation: { every, part: 'validation', detail: 'accuracy', lossMax: 8, fit: {} },
      })(roster, authority, schema, seed),
    checkSums: false,
  });
  const { plan, status } = result;
  if (status.state !== 'finished') {
    throw new SottoError('RUN_FAILED', `${variant}, seed ${seed}: ${status.state}: ${status.reason ?? ''}`);
  }
  const bytes = await result.blobs.get(status.modelHash);
  if (bytes === null) throw new SottoError('INTERNAL', 'the final model is not among the blobs');
  const model = referenceModel(plan.topology, inputWidth(schema), plan.loss);
  await model.setWeights(weightsFromBytes(bytes));
  const accuracy = async (batches: readonly UnitBatch[]): Promise<number> => {
    const { inputs, rows, targets } = joinBatches(batches);
    return accuracyOf(await model.predict(inputs, rows), targets, 1);
  };
  const losses = async (batches: readonly UnitBatch[]): Promise<number[]> => {
    const { inputs, rows, targets } = joinBatches(batches);
    const outputs = await model.predict(inputs, rows);
    return Array.from(outputs, (p, row) => -Math.log(targets[row] === 1 ? p : 1 - p));
  };
  const { auc, best } = lossAttack(
    await losses(clients.map(({ train }) => train)),
    await losses(clients.map(({ test }) => test)),
  );
  const found = {
    train: await accuracy(clients.map(({ train }) => train)),
    validation: await accuracy(clients.map(({ validation }) => validation)),
    test: await accuracy(clients.map(({ test }) => test)),
  };
  const trained = status.earlyStopping?.stoppedIn ?? rounds;
  const bestRound = status.earlyStopping?.bestRound ?? null;
  const shown = Object.values(found).map((value) => value.toFixed(3));
  console.error(`  ${variant} seed ${seed}: ${shown.join(' / ')}, ${trained} rounds, best ${bestRound ?? 'last'}`);
  return { variant, seed, ...found, attack: { auc, advantage: best.advantage }, trained, bestRound };
}
