import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { auditPower, type AuditPower } from '@sotto/shared/audit';
import { createSeededRandom } from '@sotto/shared/random';
import { correctGoal, planOf, powerCases } from './cases.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    repeats: { type: 'string', default: '40' },
    only: { type: 'string' },
    out: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) {
  console.log(`npm run bench -- audit [--json] [--repeats 40] [--only 1,4] [--out FILE]

How often the audit flags a plan whose clients add the planned noise, half of it, or a quarter (seeds are fixed): by its
canaries alone, and by them or the check of 10^6 draws of noise. Each repeat runs the real door, coin and sampler;
contributions are added directly. --only: rows by number, from 1.`);
  process.exit(0);
}

const repeats = Number(values.repeats);
const chosen = values.only?.split(',').map(Number);
const results: unknown[] = [];
let missed = 0;

for (const [index, row] of powerCases.entries()) {
  if (chosen !== undefined && !chosen.includes(index + 1)) continue;
  const plan = planOf(row);
  const began = performance.now();
  const columns: (Omit<AuditPower, 'bounds'> & { noiseFactor: number; medianBound: number })[] = [];
  for (const noiseFactor of [1, 0.5, 0.25]) {
    const { bounds, ...flags } = await auditPower(plan, {
      canaries: row.canaries,
      guesses: row.guesses,
      repeats,
      noiseFactor,
      randomOf: (purpose) => createSeededRandom(`audit power/${index}/${noiseFactor}/${purpose}`),
      allowInsecureRandom: true,
    });
    columns.push({ noiseFactor, medianBound: medianOf(bounds), ...flags });
  }
  const [correct, halved] = columns;
  // The verdict is of canaries and noise check together; what the canaries alone reach is told beside it.
  const metBy = (flag: 'flagged' | 'flaggedByBound') =>
    (correct?.[flag] ?? 1) <= correctGoal && (row.halvedGoal === null || (halved?.[flag] ?? 0) >= row.halvedGoal);
  const [met, metByCanariesAlone] = [metBy('flagged'), metBy('flaggedByBound')];
  if (!met) missed += 1;
  const seconds = (performance.now() - began) / 1_000;
  const { samplingNumerator, ...shown } = row;
  results.push({
    ...shown,
    samplingRate: samplingNumerator / 2 ** 32,
    noiseMultiplier: plan.training.noiseMultiplier,
    correctGoal,
    met,
    metByCanariesAlone,
    columns,
    seconds,
  });
  if (values.json) continue;
  const cells = columns.map(
    ({ noiseFactor, medianBound, flaggedByBound, flagged }) =>
      `noise × ${noiseFactor}: bound ${medianBound.toFixed(2)}, flagged ${percent(flaggedByBound)} by canaries, ${percent(flagged)} in all`,
  );
  console.log(
    `ε ${row.epsilon}, m ${row.canaries}, r ${row.guesses}, q ${samplingNumerator / 2 ** 32}, ${row.rounds} rounds: ${cells.join('; ')}${met ? (metByCanariesAlone ? '' : ' (missed by the canaries alone)') : ' MISSED'} (${seconds.toFixed(0)} s)`,
  );
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

function medianOf(sorted: readonly number[]): number {
  const order = [...sorted].sort((a, b) => a - b);
  const middle = order.length / 2;
  return ((order[Math.floor(middle)] ?? 0) + (order[Math.ceil(middle) - 1] ?? 0)) / 2;
}

const report = { bench: 'audit', significance: 0.05, delta: 1e-5, repeats, node: process.version, results };
if (values.out !== undefined) {
  mkdirSync(new URL('../results/', import.meta.url), { recursive: true });
  writeFileSync(values.out, `${JSON.stringify(report, null, 2)}\n`);
}
if (values.json) console.log(JSON.stringify(report));
process.exitCode = missed > 0 ? 1 : 0;
