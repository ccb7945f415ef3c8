import { createHash } from 'node:crypto';
import { measuresOfRun } from '@sotto/coordinator/runs';
import { SottoError } from '@sotto/shared/errors';
import { meanAndDeviation } from '@sotto/shared/metrics';
import { selectUnits, weightsToBytes, type UnitBatch } from '@sotto/shared/model';
import type { DataSchema } from '@sotto/shared/plan';
import { normalDraws } from '@sotto/shared/judging';
import { createSeededRandom, shuffle } from '@sotto/shared/random';
import { fixedData, simulate } from '@sotto/simulation';
import { none, planFrom } from '../accuracy/cases.ts';
import { joinBatches, loadBenchData } from '../accuracy/datasets.ts';

export const about =
  'Twenty owners of digits, divided evenly, train with and without rows that are moved against the model; then attacks.';

const clients = 20;
const trainRows = 1_400;
const hidden = 32;
const epsilons = [0.05, 0.1, 0.2];

/** Means over three seeds of a plain implementation, and the deviations that the comparison allows twice. */
const goals = {
  plain: { clean: 0.942, 'linf.0.05.worst': 0.788, 'linf.0.1.worst': 0.535, 'linf.0.2.worst': 0.021 },
  adversarial: { clean: 0.957, 'linf.0.05.worst': 0.864, 'linf.0.1.worst': 0.691, 'linf.0.2.worst': 0.15 },
} as const;

/** One arm over all seeds. */
type Arm = {
  readonly arm: keyof typeof goals;
  readonly seconds: number;
  readonly figures: Readonly<
    Record<
      string,
      { readonly mean: number; readonly deviation: number | null; readonly goal: number; readonly each: number[] }
    >
  >;
};

/** Trains both arms through the whole pipeline; every figure is one that the run's own report released, without noise. */
export async function run(seeds: readonly number[]): Promise<readonly Arm[]> {
  const data = await loadBenchData('digits-8x8', 'digits-8x8', 'splits-dirichlet03-10.json');
  const rows = joinBatches(data.clients.flatMap(({ train, test }) => [train, test]));
  // Pixels in [0, 1], as the figures to reach have them; the schema's own are in [-1, 1].
  const digits = { ...rows, inputs: rows.inputs.map((value) => (value + 1) / 2) };
  const schema: DataSchema = {
    ...data.schema,
    columns: data.schema.columns.map((column) => ({ ...column, centre: 0, scale: 16 })),
  };
  const arms: Arm[] = [];
  for (const arm of ['plain', 'adversarial'] as const) {
    const started = performance.now();
    const reports: (readonly { readonly name: string; readonly value: number }[])[] = [];
    for (const seed of seeds) reports.push(await trained(arm, seed, schema, digits));
    const figures = Object.entries(goals[arm]).map(([name, goal]) => {
      const each = reports.map((report) => report.find((one) => one.name === name)!.value);
      return [name, { ...meanAndDeviation(each), goal, each }] as const;
    });
    arms.push({ arm, seconds: (performance.now() - started) / 1_000, figures: Object.fromEntries(figures) });
  }
  return arms;
}

/** One line an arm. */
export function words(arms: readonly Arm[]): string {
  return arms
    .map(({ arm, seconds, figures }) => {
      const shown = Object.entries(figures).map(
        ([name, { mean, deviation, goal }]) =>
          `${name} ${(100 * mean).toFixed(1)} ± ${(100 * (deviation ?? 0)).toFixed(1)} (goal ${(100 * goal).toFixed(1)})`,
      );
      return `${arm.padEnd(12)} ${shown.join('; ')} (${seconds.toFixed(1)} s)`;
    })
    .join('\n');
}

/** Weights for rectified units, normal with variance 2 / inputs, and biases of 0. He et al. 2015, §2.2. */
function heWeights(seed: number): Uint8Array {
  const normal = normalDraws(createSeededRandom(`He/${seed}`));
  const layers = [
    [64, hidden],
    [hidden, 10],
  ] as const;
  return weightsToBytes(
    Float32Array.from(
      layers.flatMap(([inputs, units]) => [
        ...Array.from({ length: inputs * units }, () => normal() * Math.sqrt(2 / inputs)),
        ...Array.from({ length: units }, () => 0),
      ]),
    ),
  );
}

/** The figures of one federation's report on its test rows. */
async function trained(arm: keyof typeof goals, seed: number, schema: DataSchema, digits: UnitBatch) {
  const order = shuffle(
    createSeededRandom(`digits/${seed}`),
    Array.from({ length: digits.units }, (_, unit) => unit),
  );
  const share = (from: number, to: number, client: number): UnitBatch =>
    selectUnits(
      digits,
      order.slice(from, to).filter((_, index) => index % clients === client),
    );
  const plan = planFrom('digits-8x8', 'none', {
    ...none,
    unit: 'client',
    topology: {
      layers: [
        { kind: 'dense', units: hidden, activation: 'relu' },
        { kind: 'dense', units: 10, activation: 'linear' },
      ],
    },
    split: { validation: 0, test: 0.2 },
    training: {
      query: {
        kind: 'update',
        clipNormL2: 4,
        localEpochs: 1,
        batchSize: 20,
        learningRate: 0.2,
        ...(arm === 'plain' ? {} : { adversarial: { epsilon: 0.1, steps: 5 } }),
      },
      strategy: { kind: 'fedAvg' },
      rounds: 40,
      paceMs: 1,
    },
    report: {
      part: 'test',
      measures: [{ kind: 'robustness', norm: 'linf', epsilons, attacks: [{ kind: 'pgd', steps: 10 }] }],
    },
  });
  const initial = heWeights(seed);
  const checkpoint = createHash('sha256').update(initial).digest('hex');
  const result = await simulate({
    initial,
    seed: `adversarial training/${seed}`,
    clients: Array.from({ length: clients }, (_, client) => ({
      name: `client ${client}`,
      data: fixedData(schema, {
        train: share(0, trainRows, client),
        test: share(trainRows, digits.units, client),
      }),
    })),
    plan: (roster, authority) => {
      const whole = plan(roster, authority, schema, seed);
      return { ...whole, initialWeights: { ...whole.initialWeights, checkpoint } };
    },
    checkSums: false,
  });
  const record = await result.store.run(result.runId);
  const released = record === null ? [] : await measuresOfRun(result.store, result.blobs, record);
  const figures = released.at(-1)?.measures[0]?.report.figures;
  if (result.status.state !== 'finished' || figures === undefined) {
    throw new SottoError('RUN_FAILED', `${arm}, seed ${seed}: ${result.status.state}: ${result.status.reason ?? ''}`);
  }
  return figures.map(({ name, figure, withheld }) => {
    if (figure === null) throw new SottoError('RUN_FAILED', `${arm}, seed ${seed}: ${name} is withheld: ${withheld}`);
    return { name, value: figure.value };
  });
}
