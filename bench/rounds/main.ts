import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { isSottoError } from '@sotto/shared/errors';
import { roundsCases, type Measured } from './cases.ts';
import { compareWithPeers, peersFolder } from './peers.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    peers: { type: 'string' },
    only: { type: 'string' },
    out: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) {
  console.log(`npm run bench -- rounds [--json] [--quick] [--only network-5,simulation-secure-30] [--peers 3] [--out FILE]

Times rounds in simulation and over real sockets with TLS, and measures memory, start and size of installation. Medians are held
to the goals; run it on a machine that does nothing else: the load before each row is in the result.
--peers N runs each row and the same work on a peer N times in turn and gives the ratio; it needs SOTTO_SHARED/peers.
With --only, the FILE of --out keeps its other rows.
Cases: ${roundsCases.map(({ id }) => id).join(', ')}`);
  process.exit(0);
}

const chosen = values.only?.split(',');
const results: (Readonly<Record<string, unknown>> & { readonly id: string })[] = [];
let missed = 0;

for (const { id, what, measure } of roundsCases) {
  if (chosen !== undefined && !chosen.includes(id)) continue;
  const load = loadavg()[0] ?? 0;
  try {
    const figures = (await measure(values.quick)).map(summary);
    missed += figures.filter(({ met }) => met === false).length;
    results.push({ id, what, load, figures });
    if (values.json) continue;
    console.log(`${id}: ${what} (load ${load.toFixed(1)})`);
    for (const figure of figures) console.log(`  ${words(figure)}`);
  } catch (error) {
    // One row that fails must not cost the others.
    const reason = (error instanceof Error ? error.message : String(error)).slice(0, 500);
    const skipped = isSottoError(error, 'FILE_NOT_FOUND');
    console.error(`${skipped ? 'skipped' : 'FAILED'} ${id}: ${reason}`);
    results.push({ id, what, load, [skipped ? 'skipped' : 'failed']: reason });
    if (!skipped) missed += 1;
  }
}

type Summary = Omit<Measured, 'goal'> & {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly goal: number | null;
  readonly met: boolean | null;
};

function summary({ goal, ...figure }: Measured): Summary {
  const sorted = [...figure.samples].sort((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const median = (at(Math.floor((sorted.length - 1) / 2)) + at(Math.ceil((sorted.length - 1) / 2))) / 2;
  const bounded = Number.isFinite(goal);
  return {
    ...figure,
    median,
    low: at(0),
    high: at(sorted.length - 1),
    goal: bounded ? goal : null,
    met: bounded ? (figure.atMost ? median <= goal : median >= goal) : null,
  };
}

function words({ name, unit, samples, median, low, high, goal, atMost, met }: Summary): string {
  const range = samples.length > 1 ? ` [${low.toFixed(3)}, ${high.toFixed(3)}], ${samples.length} samples` : '';
  const held = goal === null ? '' : ` (goal ${atMost ? '≤' : '≥'} ${goal}, ${met === true ? 'met' : 'MISSED'})`;
  return `${name}: ${median.toFixed(3)} ${unit}${range}${held}`;
}

const folder = values.peers === undefined ? null : peersFolder();
if (values.peers !== undefined && folder === null) console.error('skipped the peers: SOTTO_SHARED/peers is not there');
const peers =
  folder === null ? null : await compareWithPeers(folder, chosen, Number(values.peers), (text) => console.error(text));

/** What the file has already, where only some rows were asked for. */
function kept<T>(part: 'results' | 'peers'): readonly T[] | null {
  if (chosen === undefined || values.out === undefined || !existsSync(values.out)) return null;
  return (JSON.parse(readFileSync(values.out, 'utf8')) as Record<string, readonly T[] | null>)[part] ?? null;
}

/** The file's rows, with what was measured now in the place of what was. */
function withKept<T>(measured: readonly T[], part: 'results' | 'peers', keyOf: (row: T) => string): readonly T[] {
  const before = kept<T>(part) ?? [];
  const now = new Map(measured.map((row) => [keyOf(row), row]));
  const known = new Set(before.map(keyOf));
  return [...before.map((row) => now.get(keyOf(row)) ?? row), ...measured.filter((row) => !known.has(keyOf(row)))];
}

const report = {
  bench: 'rounds',
  quick: values.quick,
  node: process.version,
  machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: availableParallelism() },
  results: withKept(results, 'results', ({ id }) => id),
  peers: peers === null ? kept('peers') : withKept(peers, 'peers', ({ ours, peer, only }) => `${ours}/${peer}/${only}`),
};
if (values.out !== undefined) {
  mkdirSync(dirname(values.out), { recursive: true });
  writeFileSync(values.out, `${JSON.stringify(report, null, 2)}\n`);
}
if (values.json) console.log(JSON.stringify(report));
process.exitCode = missed > 0 ? 1 : 0;
