import { measuresOfRun } from '@sotto/coordinator/runs';
import { fixedData, simulate } from '@sotto/simulation';
import { SottoError } from '@sotto/shared/errors';
import { integratedGradients, scalarOutput } from '@sotto/shared/judging';
import { meanAndDeviation, type Shown } from '@sotto/shared/metrics';
import { missingInputs, referenceModel, weightsFromBytes, type UnitBatch } from '@sotto/shared/model';
import { inputWidth, queryContext, type Plan } from '@sotto/shared/plan';
import type { AttributionFigures, PermutationFigures } from '@sotto/shared/queries';
import { gradient, none, planFrom, record } from '../accuracy/cases.ts';
import { loadBenchData, type BenchData } from '../accuracy/datasets.ts';

export const about =
  'what attributions and permutation importance tell of the four hospitals, at ε = 1 and without noise';

type Case = {
  readonly id: string;
  readonly measures: readonly object[];
  readonly private: boolean;
};

const attributions = { kind: 'attributions' };
const permutation = { kind: 'permutation' };
const cases: readonly Case[] = [
  { id: 'without noise', measures: [attributions, permutation], private: false },
  { id: 'ε = 1, attributions alone', measures: [attributions], private: true },
  { id: 'ε = 1, permutation alone', measures: [permutation], private: true },
  { id: 'ε = 1, beside performance', measures: [{ kind: 'performance' }, attributions, permutation], private: true },
];

type ColumnResult = {
  readonly column: string;
  /** Seeds in which it was told, and the mean and deviation of what was. */
  readonly told: number;
  readonly mean: number | null;
  readonly deviation: number | null;
  readonly noiseHalfWidth: number | null;
};
type CaseResult = {
  readonly id: string;
  readonly attributions: readonly ColumnResult[];
  readonly permutation: readonly ColumnResult[];
};
type Shortcut = {
  readonly hospital: string;
  /** Test rows, those whose cholesterol is 0, and the mean attribution of it in log odds. */
  readonly rows: number;
  readonly zeros: number;
  readonly meanAttribution: number;
};
export type HeartImportance = {
  readonly cases: readonly CaseResult[];
  /** Of the model without noise, with exact sums: the experimenter's view, which nobody in a federation has. */
  readonly cholesterol: readonly Shortcut[];
};

export async function run(seeds: readonly number[]): Promise<HeartImportance> {
  const data = await loadBenchData('heart-4-hospitals', 'hospitals', 'splits.json');
  const results: CaseResult[] = [];
  let exact: { readonly plan: Plan; readonly weights: Float32Array } | null = null;
  for (const one of cases) {
    const runs: Awaited<ReturnType<typeof runOne>>[] = [];
    for (const seed of seeds) runs.push(await runOne(one, data, seed));
    if (!one.private) exact ??= runs[0]!;
    results.push({
      id: one.id,
      attributions: tabled(
        runs.flatMap(({ attributed }) => (attributed === null ? [] : [attributed.features])),
        ({ meanAbsolute }) => meanAbsolute,
      ),
      permutation: tabled(
        runs.flatMap(({ permuted }) => (permuted === null ? [] : [permuted.features])),
        ({ drop }) => drop,
      ),
    });
  }
  return { cases: results, cholesterol: await shortcut(exact!, data) };
}

async function runOne({ id, measures, private: isPrivate }: Case, data: BenchData, seed: number) {
  const make = planFrom('hospitals', 'none', {
    ...(isPrivate ? { privacy: { ...record(1).privacy, reportEpsilon: 1 } } : none),
    training: gradient(isPrivate ? 0.25 : 1, 486, 1, 100),
    // The split is the data set's own; the plan only has to have a part to report on.
    split: { validation: 0, test: 0.3 },
    report: { measures },
  });
  const result = await simulate({
    seed: `heart-importance/${id}/${seed}`,
    clients: data.clients.map(({ name, train, test }) => ({ name, data: fixedData(data.schema, { train, test }) })),
    plan: (roster, authority) => make(roster, authority, data.schema, seed),
    checkSums: false,
  });
  const { status, store, blobs, runId, plan } = result;
  if (status.state !== 'finished') throw new SottoError('RUN_FAILED', `${id}, seed ${seed}: ${status.reason ?? ''}`);
  const found = (await measuresOfRun(store, blobs, (await store.run(runId))!)).find(({ slot }) => slot === 'report');
  const of = (kind: string) => found?.measures.find(({ settings }) => settings.kind === kind)?.report ?? null;
  const bytes = await blobs.get(status.modelHash);
  if (found === undefined || bytes === null) throw new SottoError('INTERNAL', `${id}: no report, or no model`);
  return {
    plan,
    weights: weightsFromBytes(bytes),
    attributed: of('attributions') as AttributionFigures | null,
    permuted: of('permutation') as PermutationFigures | null,
  };
}

/** By column over seeds, in the order of the mean of what was told. */
function tabled<Feature extends { readonly name: string }>(
  runs: readonly (readonly Feature[])[],
  shownOf: (feature: Feature) => Shown,
): readonly ColumnResult[] {
  const columns = runs[0]?.map(({ name }) => name) ?? [];
  return columns
    .map((column): ColumnResult => {
      const told = runs.flatMap((features) => {
        const { figure } = shownOf(features.find(({ name }) => name === column)!);
        return figure === null ? [] : [figure];
      });
      if (told.length === 0) return { column, told: 0, mean: null, deviation: null, noiseHalfWidth: null };
      const { mean, deviation } = meanAndDeviation(told.map(({ value }) => value));
      const noise = meanAndDeviation(told.map(({ noiseHalfWidth }) => noiseHalfWidth)).mean;
      return { column, told: told.length, mean, deviation, noiseHalfWidth: noise };
    })
    .sort((a, b) => b.told - a.told || (b.mean ?? 0) - (a.mean ?? 0));
}

async function shortcut(
  { plan, weights }: { readonly plan: Plan; readonly weights: Float32Array },
  data: BenchData,
): Promise<readonly Shortcut[]> {
  const width = inputWidth(plan.schema);
  const model = referenceModel(plan.topology, width, plan.loss);
  await model.setWeights(weights);
  const { columns } = queryContext(plan);
  const chol = columns.find(({ name }) => name === 'chol')!;
  const output = scalarOutput(model, 0);
  const attributionsOf = ({ inputs, rows }: UnitBatch): number[] =>
    Array.from({ length: rows }, (_, row) => {
      const input = Float64Array.from(inputs.subarray(row * width, (row + 1) * width));
      return integratedGradients(output, input, missingInputs(columns)).attributions[chol.from]!;
    });
  return data.clients.map(({ name, test }) => {
    const values = attributionsOf(test);
    const zeros = Array.from({ length: test.rows }, (_, row) => test.inputs[row * width + chol.from]! === chol.low);
    return {
      hospital: name,
      rows: test.rows,
      zeros: zeros.filter(Boolean).length,
      meanAttribution: meanAndDeviation(values).mean,
    };
  });
}

export function words({ cases: found, cholesterol }: HeartImportance): string {
  const line = ({ column, told, mean, noiseHalfWidth }: ColumnResult): string =>
    `    ${column.padEnd(10)} told ${told}${mean === null ? '' : `  ${mean.toFixed(3)}  noise ±${noiseHalfWidth!.toFixed(3)}`}`;
  const tables = found.flatMap(({ id, attributions: attributed, permutation: permuted }) => [
    id,
    ...(attributed.length === 0 ? [] : ['  mean |attribution|, log odds', ...attributed.map(line)]),
    ...(permuted.length === 0 ? [] : ['  drop in accuracy', ...permuted.map(line)]),
  ]);
  const hospitals = cholesterol.map(
    ({ hospital, rows, zeros, meanAttribution }) =>
      `    ${hospital.padEnd(12)} ${zeros} of ${rows} rows at 0, mean attribution ${meanAttribution.toFixed(3)}`,
  );
  return [...tables, 'cholesterol by hospital, without noise', ...hospitals].join('\n');
}
