import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeSafetensors, encodeTfjsModel, modelTensors, type Topology } from '@sotto/shared/model';
import { modelMetadata } from '@sotto/shared/plan';
import { examplePlan } from '@sotto/shared/plan/testing';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { exampleSchema, exampleTargets } from '../testing/example-model.ts';
import { readModel } from './model-file.ts';
import { runCli } from './program.ts';

const topology: Topology = { layers: [{ kind: 'dense', units: 1, activation: 'linear' }] };
const loss = 'binaryCrossEntropy';
/** Age counts 2 for ten years, income nothing, some pain 1 and much pain 4. */
const weights = Float32Array.of(2, 0, 0, 1, 4, -6);
const row = JSON.stringify({ age: 60, income: 20_000, pain: 'some' });
let folder = '';
let text = '';
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-judging-'));
  const schema = exampleSchema(exampleTargets.binary);
  const metadata = modelMetadata({ schema, topology, loss });
  const tensors = modelTensors(topology, 5, weights);
  await writeFile(file('model.safetensors'), encodeSafetensors(tensors, metadata));
  await writeFile(file('plain.safetensors'), encodeSafetensors(tensors));
  await mkdir(file('tfjs'));
  const { modelJson, weightsBin } = encodeTfjsModel(topology, 5, weights, loss, metadata);
  await writeFile(file('tfjs/model.json'), modelJson);
  await writeFile(file('tfjs/weights.bin'), weightsBin);
  await writeFile(file('schema.json'), JSON.stringify(schema));
  await writeFile(file('other.json'), JSON.stringify({ ...schema, name: 'another' }));
  await writeFile(file('plan.json'), JSON.stringify({ plan: { ...examplePlan(), schema, topology, loss } }));
  await writeFile(
    file('rows.csv'),
    'name,age,income,pain\nann,60,20000,some\nbob,101,20000,some\ncy,90,,much\ndi,50,,elsewhere\n',
  );
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => {
  text = '';
  vi.restoreAllMocks();
});

/** Runs the command; what it says lies in `text`. */
function node(...args: string[]): Promise<number> {
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((written) => {
      text += String(written);
      return true;
    });
  }
  return runCli(['node', 'sotto-node', ...args]);
}
const events = () =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

it.each(['model.safetensors', 'tfjs', 'tfjs/model.json'])('predicts and explains a row from %s', async (model) => {
  expect(await node('--json', 'predict', file(model), '--schema', file('schema.json'), '--row', row)).toBe(0);
  const probability = 1 / (1 + Math.exp(3));
  expect(events()[0]).toMatchObject({
    type: 'prediction',
    row: 1,
    value: 'no',
    probabilities: [{ value: 'yes', probability: expect.closeTo(probability, 9) }, {}],
  });
  text = '';
  expect(await node('--json', 'explain', file(model), '--row', row)).toBe(0);
  expect(events()).toMatchObject([
    { type: 'explanation', base: -6, features: [{ column: 'age', attribution: expect.closeTo(2, 6) }, {}, {}] },
    { type: 'counterfactual', changes: [{ column: 'age', from: 60, to: 75.1 }], prediction: { value: 'yes' } },
  ]);
});

it('reads a table, with its further columns and without a target, and says what it leaves out', async () => {
  expect(await node('predict', file('model.safetensors'), '--data', file('rows.csv'))).toBe(0);
  expect(text.split('\n')).toEqual([
    'row 1  no  (no 0.953, yes 0.047)',
    'row 3  yes  (yes 0.998, no 0.002)',
    'row 4  no  (no 0.998, yes 0.002)',
    'row 2  left out: age: outside [20, 100]',
    '',
  ]);
});

it('smooths predictions, and says in words where it abstains', async () => {
  // Ages of 75 and 60: log odds of 0 and of -3 with some pain; sigma moves them by 2 · 0.5 and a hair.
  const table = 'age,income,pain\n75,20000,some\n60,20000,some\n';
  await writeFile(file('near.csv'), table);
  expect(await node('predict', file('model.safetensors'), '--data', file('near.csv'), '--smooth', '0.5')).toBe(0);
  expect(text).toMatch(/^row 1 {2}(abstains|yes|no) {2}\(of 1000 noisy copies (yes|no) 0\.[45]\d\d, .*; as it is/);
  expect(text).toMatch(
    /\nrow 2 {2}no {2}\(of 1000 noisy copies no (0\.99\d|1\.000), .*as it is no 0\.953, yes 0\.047\)\n/,
  );
  text = '';
  expect(await node('--json', 'predict', file('model.safetensors'), '--row', row, '--smooth', '0.001')).toBe(0);
  expect(events()[0]).toMatchObject({
    value: 'no',
    smoothed: {
      value: 'no',
      sigma: 0.001,
      draws: 1_000,
      shares: [
        { value: 'yes', share: 0 },
        { value: 'no', share: 1 },
      ],
    },
  });
});

it('explains a row of a table in words', async () => {
  const args = ['explain', file('model.safetensors'), '--data', file('rows.csv'), '--row-number', '3'];
  expect(await node(...args, '--method', 'shapley', '--keep', 'age')).toBe(0);
  expect(text).toMatchInlineSnapshot(`
    "Predicted     yes  (yes 0.998, no 0.002)
    Log odds of "yes": 6.000 for this row, -6.000 for the baseline; the columns add the difference
    By exact Shapley values; they add up to within 0.0e+0

    column  value  baseline    adds
    age     90     50        +8.000  ++++++++++++
    pain    much   (none)    +4.000  ++++++
    income  20000  20000      0.000

    No change of three columns or fewer was found that turns the prediction.
    "
  `);
});

it('calibrates by the temperature of a report of the same model', async () => {
  const performance = { kind: 'performance', slot: 'report', newest: true };
  const told = { value: 2, low: 1.5, high: 3, noiseHalfWidth: 0.1 };
  const modelHash = (await readModel(file('model.safetensors'), undefined, undefined)).modelHash;
  const write = (run: object, measures: readonly object[]) =>
    writeFile(file('report.json'), JSON.stringify({ kind: 'sotto-report', version: 1, run, measures }));
  const predict = ['predict', file('model.safetensors'), '--row', row, '--report', file('report.json')];
  await write({ modelHash }, [
    { ...performance, newest: false, detail: {} },
    { ...performance, detail: { temperature: told } },
  ]);
  expect(await node(...predict)).toBe(0);
  const probability = 1 / (1 + Math.exp(-3 / 2));
  expect(text).toContain(`row 1  no  (no ${probability.toFixed(3)}`);
  expect(text).toContain("Probabilities are calibrated by the report's temperature 2;");
  text = '';
  expect(await node('--json', 'explain', ...predict.slice(1))).toBe(0);
  expect(events()).toMatchObject([
    {
      type: 'explanation',
      value: -3,
      prediction: { probabilities: [{}, { probability: expect.closeTo(probability, 9) }] },
    },
    { type: 'calibration', temperature: 2, from: 'report' },
    { type: 'counterfactual' },
  ]);
  const refused = async (...args: string[]): Promise<string> => {
    text = '';
    expect(await node(...predict, ...args)).toBe(2);
    return text;
  };
  expect(await refused('--temperature', '3')).toContain('name --temperature or --report, not both');
  await write({ modelHash: 'ab'.repeat(32) }, [{ ...performance, detail: { temperature: told } }]);
  expect(await refused()).toContain('a temperature holds for its own model alone');
  await write({ modelHash }, [{ ...performance, detail: { temperature: null } }]);
  expect(await refused()).toContain('it tells no temperature');
  await write({ modelHash }, [{ ...performance, kind: 'fairness', detail: {} }]);
  expect(await refused()).toContain('not asked for performance');
  await writeFile(file('report.json'), '{}');
  expect(await refused()).toContain('not a report');
});

it('says clearly what cannot be', async () => {
  const cases: [string[], number, string][] = [
    [['predict', file('plain.safetensors'), '--row', row], 2, 'name the plan with --plan'],
    [['predict', file('plain.safetensors'), '--row', row, '--plan', file('plan.json')], 0, 'row 1  no'],
    [['predict', file('model.safetensors'), '--row', row, '--schema', file('other.json')], 2, 'another data schema'],
    [['predict', file('none.safetensors'), '--row', row], 2, 'cannot be read'],
    [['predict', file('model.safetensors')], 2, 'name either --row or --data'],
    [['predict', file('model.safetensors'), '--row', '{"age": 60'], 2, '--row: not JSON'],
    [['predict', file('model.safetensors'), '--row', '{"age": 60}'], 3, 'row 1: lacks income, pain'],
    [['predict', file('model.safetensors'), '--row', row, '--temperature', '0'], 2, '--temperature: expected a number'],
    [['predict', file('model.safetensors'), '--row', row, '--smooth', '0'], 2, '--smooth: expected a number above 0'],
    [['explain', file('model.safetensors'), '--data', file('rows.csv'), '--row-number', '2'], 3, 'outside [20, 100]'],
    [['explain', file('model.safetensors'), '--data', file('rows.csv'), '--row-number', '9'], 2, 'has 4 rows, got 9'],
    [['explain', file('model.safetensors'), '--row', row, '--class', 'maybe'], 2, 'expected one of yes, no'],
  ];
  for (const [args, code, words] of cases) {
    text = '';
    expect([await node(...args), text]).toEqual([code, expect.stringContaining(words)]);
  }
});

it('decides by thresholds of the row’s group', async () => {
  const groups = [
    { group: 'some', thresholds: [{ atLeast: 0.04, chance: 1 }] },
    { group: 'much', thresholds: [{ atLeast: 0, chance: 0.5 }] },
  ];
  const thresholds = { kind: 'sotto-thresholds', version: 1, columns: ['pain'], criterion: 'equalizedOdds', groups };
  await writeFile(file('thresholds.json'), JSON.stringify(thresholds));
  const args = ['predict', file('model.safetensors'), '--thresholds', file('thresholds.json')];
  expect(await node(...args, '--row', row)).toBe(0);
  expect(text).toBe('row 1  yes  (no 0.953, yes 0.047)  by the thresholds of some\n');
  text = '';
  expect(await node('--json', ...args, '--row', JSON.stringify({ age: 60, income: 20_000, pain: 'much' }))).toBe(0);
  expect(events()[0]).toMatchObject({ type: 'prediction', group: 'much', chance: 0.5 });
  text = '';
  expect(await node(...args, '--row', row, '--smooth', '0.5')).not.toBe(0);
  expect(text).toContain('name --smooth or --thresholds');
  text = '';
  expect(await node(...args.slice(0, -1), file('schema.json'), '--row', row)).not.toBe(0);
  expect(text).toContain('schema.json');
});
