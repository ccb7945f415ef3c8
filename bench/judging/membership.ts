import {
  empiricalEpsilon,
  liraOffline,
  liraOnline,
  logitScaled,
  lossAttack,
  meanAndDeviation,
  populationStd,
} from '@sotto/shared/metrics';
import { initialWeights, referenceModel, selectUnits, type UnitBatch } from '@sotto/shared/model';
import { inputWidth } from '@sotto/shared/plan';
import { createSeededRandom, shuffle } from '@sotto/shared/random';
import { toHex } from '@sotto/shared/vector';
import { joinBatches } from '../accuracy/datasets.ts';
import { creditSchema, germanCredit, lossesOf } from './german-credit.ts';

export const about =
  'German credit, attacked by the loss and by LiRA with 16 shadow models: outside a federation, as a researcher with such data would';

const shadowModels = 16;
const topology = {
  layers: [
    { kind: 'dense' as const, units: 64, activation: 'relu' as const },
    { kind: 'dense' as const, units: 1, activation: 'linear' as const },
  ],
};
const training = { epochs: 80, batchSize: 20, learningRate: 0.1, proximal: 0 };

type Attack = { readonly auc: number; readonly advantage: number; readonly tprAt1: number };
type Result = {
  readonly seed: number;
  readonly loss: Attack;
  readonly liraOnline: Attack;
  readonly liraOffline: Attack;
  /** Lower bound on ε by the loss attack at the mean loss of members, 95 %. */
  readonly epsilon: number;
};

/** Trains on half of the rows, and shadow models on other halves; each attack says of every row whether it was in the first half. */
export async function run(seeds: readonly number[]): Promise<readonly Result[]> {
  const owners = await germanCredit();
  const all = joinBatches(owners.flatMap(({ train, test }) => [train, test]));
  const results: Result[] = [];
  for (const seed of seeds) {
    const target = await trained(all, `${seed}/target`, 'first');
    const shadows: Awaited<ReturnType<typeof trained>>[] = [];
    for (let pair = 0; pair < shadowModels / 2; pair++) {
      // Two halves of one draw, so that each row is in half of the shadow models.
      shadows.push(await trained(all, `${seed}/shadows ${pair}`, 'first'));
      shadows.push(await trained(all, `${seed}/shadows ${pair}`, 'second'));
    }
    const [members, others] = [[], []] as [number[], number[]];
    for (let row = 0; row < all.rows; row++) (target.has(row) ? members : others).push(row);

    const logits = (model: { readonly confidences: readonly number[] }, row: number) =>
      logitScaled(model.confidences[row]!);
    const sides = (row: number) => ({
      inLogits: shadows.filter((shadow) => shadow.has(row)).map((shadow) => logits(shadow, row)),
      outLogits: shadows.filter((shadow) => !shadow.has(row)).map((shadow) => logits(shadow, row)),
    });
    const rows = Array.from({ length: all.rows }, (_, row) => sides(row));
    // One deviation over all rows: with eight models on either side a row's own is mostly chance.
    const fixed = {
      inStd: pooledStd(rows.map((one) => one.inLogits)),
      outStd: pooledStd(rows.map((one) => one.outLogits)),
    };
    const online = (row: number) => -liraOnline(rows[row]!, logits(target, row), fixed);
    const offline = (row: number) => -liraOffline(rows[row]!.outLogits, logits(target, row), fixed.outStd).surprise;
    const loss = (row: number) => -Math.log(target.confidences[row]!);

    const byLoss = lossAttack(members.map(loss), others.map(loss));
    const { tpr, fpr } = byLoss.yeom;
    const counts = {
      found: Math.round(tpr * members.length),
      members: members.length,
      accused: Math.round(fpr * others.length),
      others: others.length,
    };
    const result = {
      seed,
      loss: attackOf(byLoss),
      liraOnline: attackOf(lossAttack(members.map(online), others.map(online))),
      liraOffline: attackOf(lossAttack(members.map(offline), others.map(offline))),
      epsilon: empiricalEpsilon(counts, 1e-5),
    };
    console.error(
      `  seed ${seed}: AUC ${result.loss.auc.toFixed(3)} by the loss, ${result.liraOnline.auc.toFixed(3)} by LiRA`,
    );
    results.push(result);
  }
  return results;
}

export function words(results: readonly Result[]): string {
  const line = (name: string, of: (result: Result) => Attack): string => {
    const mean = (part: keyof Attack): string => meanAndDeviation(results.map((one) => of(one)[part])).mean.toFixed(3);
    return `${name.padEnd(16)} ${mean('auc')} / ${mean('advantage')} / ${mean('tprAt1')}`;
  };
  const epsilon = meanAndDeviation(results.map((one) => one.epsilon)).mean.toFixed(2);
  return [
    'AUC / advantage / TPR at FPR 1 %',
    line('loss threshold', (one) => one.loss),
    line('LiRA, online', (one) => one.liraOnline),
    line('LiRA, offline', (one) => one.liraOffline),
    `a mechanism that does so has ε ≥ ${epsilon}`,
  ].join('\n');
}

/** A model trained on half of the rows, and its confidence in each row's true class, kept off 0 and 1. */
async function trained(all: UnitBatch, name: string, half: 'first' | 'second') {
  const random = createSeededRandom(`membership/${name}`);
  const order = shuffle(
    random,
    Array.from({ length: all.units }, (_, unit) => unit),
  );
  const middle = Math.floor(all.units / 2);
  const within = half === 'first' ? order.slice(0, middle) : order.slice(middle);
  const inputs = inputWidth(creditSchema);
  const model = referenceModel(topology, inputs, 'binaryCrossEntropy');
  await model.setWeights(initialWeights(topology, inputs, toHex(random.bytes(32))));
  await model.setWeights(await model.train(selectUnits(all, within), training, random.bytes(32)));
  const losses = await lossesOf(model, all);
  const rows = new Set(within);
  const confidences = losses.map((loss) => Math.min(1 - 1e-6, Math.max(1e-6, Math.exp(-loss))));
  return { has: (row: number) => rows.has(row), confidences };
}

/** Deviation of logits about their own row's mean. */
function pooledStd(rows: readonly (readonly number[])[]): number {
  return populationStd(
    rows.flatMap((values) => {
      const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
      return values.map((value) => value - mean);
    }),
  );
}

function attackOf({ auc, best, tprAt }: ReturnType<typeof lossAttack>): Attack {
  return { auc, advantage: best.advantage, tprAt1: tprAt(0.01) };
}
