import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { topologySchema } from '@sotto/shared/model';
import { trainedPerSecond, type TimedEngine, type TimedModel } from '../../client-sdk/src/testing/timed-training.ts';
import { chooseEngine } from '../../client-sdk/src/training/choose-engine.ts';
import { nodeEngines } from '../../client-sdk/src/training/node-engines.ts';
import { writeReport } from '../report.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    out: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) {
  console.log(`npm run bench -- backends [--json] [--quick] [--out FILE]

Rows a second by the clock that tfjs trains in this process: its wasm backend as it comes and with the overlay on 784-128-10,
wasm with the overlay and the cpu backend on two convolutions (32 and 64 filters, 28×28), in turn, in batches of 32. A ratio is
the median of the turns' own ratios. Then how long each engine that this machine has takes for 256 rows of 784-128-10, as a node
measures it, and how long that choice takes.
--quick: fewer steps.`);
  process.exit(0);
}

type Row = { readonly what: string; readonly unit: string; readonly value: number; readonly goal: number | null };
const rows: Row[] = [];
const load = loadavg()[0] ?? 0;

function row(what: string, unit: string, value: number, goal: number | null = null): void {
  rows.push({ what, unit, value, goal });
  if (!values.json) console.log(`${what}: ${value.toPrecision(4)} ${unit}${goal === null ? '' : ` (goal ${goal})`}`);
}

const median = (of: readonly number[]): number => {
  const sorted = of.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

type Side = { readonly engine: TimedEngine; readonly steps: number };

/** Both in turn, so that a slow minute hurts both alike. */
async function compare(
  name: string,
  kind: TimedModel,
  turns: number,
  [fast, slow]: readonly [Side, Side],
  goal: number,
): Promise<void> {
  const speeds: [number, number][] = [];
  for (let turn = 0; turn < turns; turn++) {
    const slower = await trainedPerSecond(kind, slow.engine, slow.steps);
    speeds.push([await trainedPerSecond(kind, fast.engine, fast.steps), slower]);
  }
  row(`${name}: ${fast.engine}`, 'rows/s', median(speeds.map(([speed]) => speed)));
  row(`${name}: ${slow.engine}`, 'rows/s', median(speeds.map(([, speed]) => speed)));
  const ratios = speeds.map(([one, other]) => one / other);
  row(`${name}: the first as a multiple of the second, median of ${turns} turns`, 'times', median(ratios), goal);
  row(`${name}: the least of the turns`, 'times', Math.min(...ratios));
}

const overlay = 'wasm with overlay';
const [mlpTurns, mlpSteps, cnnTurns] = values.quick ? [3, 15, 1] : [9, 60, 3];
const mlp: [Side, Side] = [
  { engine: overlay, steps: mlpSteps },
  { engine: 'wasm', steps: mlpSteps },
];
const cnn: [Side, Side] = [
  { engine: overlay, steps: values.quick ? 3 : 10 },
  { engine: 'cpu', steps: 1 },
];
await compare('784-128-10', 'mlp', mlpTurns, mlp, 2);
await compare('two convolutions', 'cnn', cnnTurns, cnn, 30);

const begun = performance.now();
const { model, choice } = await chooseEngine(
  {
    topology: topologySchema.parse({
      layers: [
        { kind: 'dense', units: 128, activation: 'relu' },
        { kind: 'dense', units: 10, activation: 'linear' },
      ],
    }),
    inputs: 784,
    loss: 'categoricalCrossEntropy',
  },
  { candidates: nodeEngines(), rowsApart: true, nowMs: () => performance.now() },
);
row('the choice of an engine for 784-128-10, whole', 'ms', performance.now() - begun);
await model.dispose();
for (const { engine, ms, refused } of choice.trials) {
  if (ms !== null) row(`256 rows of it with ${engine}${refused === null ? ', the chosen one' : ''}`, 'ms', ms);
}

writeReport({ bench: 'backends', quick: values.quick, load, rows }, { out: values.out, json: values.json });
