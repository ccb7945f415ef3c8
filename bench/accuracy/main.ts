import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isSottoError } from '@sotto/shared/errors';
import { meanInterval } from '@sotto/shared/metrics';
import { accuracyCases, type AccuracyCase } from './cases.ts';
import { loadBenchData } from './datasets.ts';
import { runSeed, type SeedResult } from './run-case.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seeds: { type: 'string', default: '5' },
    only: { type: 'string' },
    out: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) {
  console.log(`npm run bench -- accuracy [--json] [--seeds 5] [--only heart-1,digits-3] [--out FILE]

Trains each row of the accuracy table through the whole pipeline in simulation and compares it with its goal.
Cases: ${accuracyCases.map(({ id }) => id).join(', ')}`);
  process.exit(0);
}

const figureNames = ['accuracy', 'auc', 'meanOfClients'] as const;
const seeds = Array.from({ length: Number(values.seeds) }, (_, index) => index + 1);
const chosen = values.only?.split(',');
const results: unknown[] = [];
let missed = 0;

for (const row of accuracyCases) {
  if (chosen !== undefined && !chosen.includes(row.id)) continue;
  try {
    const data = await loadBenchData(row.data.name, row.data.schema, row.data.split);
    const runs: SeedResult[] = [];
    for (const seed of seeds) {
      const run = await runSeed(row, data, seed);
      runs.push(run);
      if (!values.json)
        console.error(
          `  ${row.id} seed ${seed}: accuracy ${run.accuracy.toFixed(4)}, AUC ${run.auc?.toFixed(4) ?? '–'}, mean of clients ${run.meanOfClients.toFixed(4)} (${run.seconds.toFixed(1)} s)`,
        );
    }
    report(row, runs);
  } catch (error) {
    if (!isSottoError(error, 'FILE_NOT_FOUND')) throw error;
    console.error(`skipped ${row.id}: ${error.message}`);
    results.push({ id: row.id, skipped: error.message });
  }
}

function report(row: AccuracyCase, runs: readonly SeedResult[]): void {
  const figures = Object.fromEntries(
    figureNames.flatMap((name) => {
      const each = runs.map((run) => run[name]).filter((value) => value !== null);
      if (each.length === 0) return [];
      const [only = 0] = each;
      const interval = each.length > 1 ? meanInterval(each) : { value: only, low: only, high: only };
      const goal = row.goal[name];
      const met = goal === undefined ? null : interval.value >= goal - row.tolerance;
      // The goals are for the whole cohort; with drops the figure is printed beside.
      if (met === false && row.drops === 'none') missed += 1;
      return [[name, { ...interval, goal: goal ?? null, met: row.drops === 'none' ? met : null }]];
    }),
  );
  const first = runs[0];
  results.push({
    id: row.id,
    privacy: row.privacy,
    drops: row.drops,
    tolerance: row.tolerance,
    seeds,
    noiseMultiplier: first?.noiseMultiplier ?? null,
    rounds: first?.rounds ?? null,
    figures,
    runs,
  });
  if (values.json) return;
  const line = Object.entries(figures).map(([name, figure]) => {
    const goal =
      figure.goal === null
        ? ''
        : ` (goal ${figure.goal}${figure.met === null ? '' : figure.met ? ', met' : ', MISSED'})`;
    return `${name} ${figure.value.toFixed(4)} [${figure.low.toFixed(4)}, ${figure.high.toFixed(4)}]${goal}`;
  });
  console.log(
    `${row.id.padEnd(18)} ${row.privacy}, ${row.drops === 'none' ? 'whole cohort' : 'drops tolerated'}: ${line.join('; ')}`,
  );
}

const report_ = { bench: 'accuracy', seeds, node: process.version, results };
if (values.out !== undefined) {
  mkdirSync(new URL('../results/', import.meta.url), { recursive: true });
  writeFileSync(values.out, `${JSON.stringify(report_, null, 2)}\n`);
}
if (values.json) console.log(JSON.stringify(report_));
process.exitCode = missed > 0 ? 1 : 0;
