import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { accountCase } from '@sotto/shared/privacy';
import { peerTimings, peersFolder } from './peer.ts';
import { rdpGoal, type Scenario, scenarios, type Timing } from './scenarios.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    turns: { type: 'string', default: '3' },
    repeats: { type: 'string', default: '10' },
    out: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) {
  console.log(`npm run bench -- privacy [--json] [--turns 3] [--repeats 10] [--out FILE]

Times ε of five plans by PLD and by Rényi DP and, with SOTTO_SHARED/peers, the same with dp-accounting, in turn. Ratios are of
medians; an ε of ours above theirs counts as a miss. Run it on a machine that does nothing else: the load is in the result.`);
  process.exit(0);
}

const folder = peersFolder();
const repeats = Number(values.repeats);
if (folder === null) console.error('SOTTO_SHARED does not name a folder with peers: no comparison');
const turns: { ours: Timing[][]; theirs: ReturnType<typeof peerTimings> | null }[] = [];
const load = loadavg()[0];
for (let turn = 0; turn < Number(values.turns); turn++) {
  const ours = scenarios.map((scenario) => (['pld', 'rdp'] as const).map((by) => timeOurs(scenario, by)));
  turns.push({ ours, theirs: folder === null ? null : peerTimings(folder) });
}

const results = scenarios.map((scenario, row) => {
  const { pldGoal, ...plan } = scenario;
  return {
    ...plan,
    pld: compare(row, 0, 'pld-1e-4', pldGoal),
    rdp: compare(row, 1, 'rdp', rdpGoal),
  };
});
const missed = results.flatMap(({ pld, rdp }) => [pld, rdp]).filter(({ met }) => met === false).length;
const report = {
  bench: 'privacy',
  node: process.version,
  machine: { cpu: cpus()[0]?.model, cores: cpus().length },
  load,
  turns: turns.length,
  repeats,
  peer: turns[0]?.theirs?.version ?? null,
  results,
  missed,
};
if (values.out !== undefined) {
  mkdirSync(dirname(values.out), { recursive: true });
  writeFileSync(values.out, `${JSON.stringify(report, null, 2)}\n`);
}
if (values.json) console.log(JSON.stringify(report, null, 2));
else {
  for (const { q, sigma, steps, delta, pld, rdp } of results) {
    console.log(`q ${q.toPrecision(3)}, sigma ${sigma}, ${steps} steps, delta ${delta}`);
    for (const [name, one] of Object.entries({ pld, rdp })) {
      const theirs =
        one.peer === null
          ? ''
          : `, ${one.peer.medianMs.toFixed(1)} ms theirs: ${one.ratio?.toFixed(1)} times, worst turn ${one.worstRatio?.toFixed(1)} (goal ${one.goal}, ${one.met === true ? 'met' : 'MISSED'})`;
      console.log(
        `  ${name}: ${one.epsilon} in ${one.medianMs.toFixed(2)} ms (${one.cpuMs.toFixed(2)} ms of CPU)${theirs}`,
      );
    }
  }
}
process.exitCode = missed === 0 ? 0 : 1;

function timeOurs({ q, sigma, steps, delta }: Scenario, accountant: 'pld' | 'rdp'): Timing {
  const entry = {
    id: 'bench',
    neighboring: 'add-or-remove-one',
    events: [
      { type: 'poisson', samplingProbability: q, inner: { type: 'gaussian', noiseMultiplier: sigma }, count: steps },
    ],
    query: { kind: 'epsilon', delta, accountant },
  };
  let epsilon = Number.NaN;
  const milliseconds: number[] = [];
  const cpuMilliseconds: number[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) {
    const cpu = process.cpuUsage();
    const begin = performance.now();
    const result = accountCase(entry);
    milliseconds.push(performance.now() - begin);
    const { user, system } = process.cpuUsage(cpu);
    cpuMilliseconds.push((user + system) / 1_000);
    if ('error' in result) throw result.error;
    const answer = result[accountant];
    if (answer === undefined || 'unsupported' in answer) throw new Error(`no answer by ${accountant}`);
    epsilon = answer.epsilon ?? Number.NaN;
  }
  return { epsilon, milliseconds, cpuMilliseconds };
}

function compare(row: number, which: 0 | 1, peerName: string, goal: number) {
  const ours = turns.flatMap((turn) => turn.ours[row]?.[which] ?? []);
  const theirs = turns.flatMap((turn) => turn.theirs?.rows.filter((one) => one.accountant === peerName)[row] ?? []);
  const medianMs = median(ours.flatMap(({ milliseconds }) => milliseconds));
  const cpuMs = median(ours.flatMap(({ cpuMilliseconds }) => cpuMilliseconds));
  const epsilon = ours[0]?.epsilon ?? Number.NaN;
  if (theirs.length === 0)
    return { epsilon, medianMs, cpuMs, peer: null, ratio: null, worstRatio: null, goal, met: null };
  const peer = { epsilon: theirs[0]?.epsilon ?? Number.NaN, medianMs: median(theirs.map((one) => one.medianMs)) };
  const ratio = peer.medianMs / medianMs;
  const worstRatio = Math.min(
    ...theirs.map((one, turn) => one.medianMs / median(ours[turn]?.milliseconds ?? [Number.NaN])),
  );
  // Where both are exact, both are rounded up.
  const met = ratio >= goal && epsilon <= peer.epsilon * (1 + 1e-9);
  return { epsilon, medianMs, cpuMs, peer, ratio, worstRatio, goal, met };
}

function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? Number.NaN) + (sorted[sorted.length >> 1] ?? Number.NaN)) / 2;
}
