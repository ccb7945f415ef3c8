import { SottoError } from '@sotto/shared/errors';
import { accuracyOf, lossAttack, meanAndDeviation } from '@sotto/shared/metrics';
import { referenceModel, selectUnits, weightsFromBytes, type UnitBatch } from '@sotto/shared/model';
import { inputWidth } from '@sotto/shared/plan';
import { createSeededRandom, shuffle } from '@sotto/shared/random';
import { fixedData, simulate } from '@sotto/simulation';
import { all, none, planFrom } from '../accuracy/cases.ts';
import { joinBatches } from '../accuracy/datasets.ts';
import { creditSchema as schema, germanCredit, lossesOf, type CreditOwner } from './german-credit.ts';

export const about =
  'German credit by housing, an MLP 128-128 that learns it by heart: what early stopping, L2 and dropout do';

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

async function runSeed(variant: string, seed: number, whole: readonly CreditOwner[]): Promise<Result> {
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
  const losses = (batches: readonly UnitBatch[]) => lossesOf(model, joinBatches(batches));
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
