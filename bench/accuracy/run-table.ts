import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { isSottoError } from '@sotto/shared/errors';
import { meanInterval } from '@sotto/shared/metrics';
import type { AccuracyCase } from './cases.ts';
import type { BenchData } from './datasets.ts';
import { runSeed, type SeedResult } from './run-case.ts';

/** A table of trainings with goals. */
export type AccuracyTable = {
  readonly bench: string;
  readonly about: string;
  readonly cases: readonly AccuracyCase[];
  /** @param choosing - for choosing settings: a part of the training rows stands in for the test rows. */
  readonly load: (row: AccuracyCase, choosing: boolean) => Promise<BenchData>;
};

const figureNames = ['accuracy', 'auc', 'meanOfClients'] as const;

/** First seed of a report, and of trials that choose settings, which share none. */
const firstSeed = { report: 1, choosing: 101 };

/** Trains every row of a table over its seeds, prints and writes the report, and sets the exit code: 1 when a goal is missed. */
export async function runTable({ bench, about, cases, load }: AccuracyTable): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      seeds: { type: 'string', default: '5' },
      only: { type: 'string' },
      out: { type: 'string' },
      choose: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(`npm run bench -- ${bench} [--json] [--seeds 5] [--only ${cases
      .slice(0, 2)
      .map(({ id }) => id)
      .join(',')}] [--out FILE] [--choose]

${about}
--choose scores on a fifth of the training rows, which then train nothing, with other seeds: for choosing settings.
Cases: ${cases.map(({ id }) => id).join(', ')}`);
    return;
  }
  const first = values.choose ? firstSeed.choosing : firstSeed.report;
  const seeds = Array.from({ length: Number(values.seeds) }, (_, index) => index + first);
  const chosen = values.only?.split(',');
  const results: unknown[] = [];
  let missed = 0;

  for (const row of cases) {
    if (chosen !== undefined && !chosen.includes(row.id)) continue;
    try {
      const data = await load(row, values.choose);
      const runs: SeedResult[] = [];
      for (const seed of seeds) {
        const run = await runSeed(row, data, seed);
        runs.push(run);
        console.error(
          `  ${row.id} seed ${seed}: accuracy ${run.accuracy.toFixed(4)}, AUC ${run.auc?.toFixed(4) ?? '–'}, mean of clients ${run.meanOfClients.toFixed(4)} (${run.seconds.toFixed(1)} s)`,
        );
      }
      const { result, misses, line } = reportOf(row, runs, seeds);
      results.push(result);
      missed += misses;
      if (!values.json) console.log(line);
    } catch (error) {
      if (!isSottoError(error, 'FILE_NOT_FOUND')) throw error;
      console.error(`skipped ${row.id}: ${error.message}`);
      results.push({ id: row.id, skipped: error.message });
    }
  }

  const report = { bench, seeds, node: process.version, results };
  if (values.out !== undefined) {
    mkdirSync(dirname(values.out), { recursive: true });
    writeFileSync(values.out, `${JSON.stringify(report, null, 2)}\n`);
  }
  if (values.json) console.log(JSON.stringify(report));
  process.exitCode = missed > 0 ? 1 : 0;
}

function reportOf(row: AccuracyCase, runs: readonly SeedResult[], seeds: readonly number[]) {
  let misses = 0;
  const figures = Object.fromEntries(
    figureNames.flatMap((name) => {
      const each = runs.map((run) => run[name]).filter((value) => value !== null);
      if (each.length === 0) return [];
      const [only = 0] = each;
      const interval = each.length > 1 ? meanInterval(each) : { value: only, low: only, high: only };
      const goal = row.goal[name];
      const met = goal === undefined ? null : interval.value >= goal - row.tolerance;
      // The goals are for the whole cohort; with drops the figure is printed beside.
      if (met === false && row.drops === 'none') misses += 1;
      return [[name, { ...interval, goal: goal ?? null, met: row.drops === 'none' ? met : null }]];
    }),
  );
  const first = runs[0];
  const result = {
    id: row.id,
    privacy: row.privacy,
    drops: row.drops,
    tolerance: row.tolerance,
    seeds,
    noiseMultiplier: first?.noiseMultiplier ?? null,
    rounds: first?.rounds ?? null,
    figures,
    runs,
  };
  const shown = Object.entries(figures).map(([name, figure]) => {
    const goal =
      figure.goal === null
        ? ''
        : ` (goal ${figure.goal}${figure.met === null ? '' : figure.met ? ', met' : ', MISSED'})`;
    return `${name} ${figure.value.toFixed(4)} [${figure.low.toFixed(4)}, ${figure.high.toFixed(4)}]${goal}`;
  });
  const cohort = row.drops === 'none' ? 'whole cohort' : 'drops tolerated';
  return { result, misses, line: `${row.id.padEnd(18)} ${row.privacy}, ${cohort}: ${shown.join('; ')}` };
}
