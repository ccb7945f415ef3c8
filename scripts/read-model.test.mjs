import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { readCsv } from '../client-sdk/src/data/index.ts';
import { scoreLocally } from '../client-sdk/src/scoring/local-score.ts';
import { encodeSafetensors, initialWeights, modelTensors, referenceModel } from '../shared/src/model/index.ts';
import { inputWidth, outputWidth, parsePlan, planHashOf } from '../shared/src/plan/index.ts';
import { examplePlan } from '../shared/src/plan/testing/index.ts';
import { hasNumpy } from './python.mjs';

/** npm test makes one; a run of this file alone takes the system's where it can. */
const python = process.env['SOTTO_PYTHON'] ?? 'python3';
const script = fileURLToPath(new URL('../examples/python-reader/read_model.py', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'sotto-reader-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name) => join(folder, name);

/** Columns of every kind, with every rule that leaves a row out or replaces a value. */
const columns = [
  { kind: 'number', name: 'age', min: 0, max: 120, centre: 55.5, scale: 10 },
  { kind: 'number', name: 'dose', min: 0, max: 1e6, transform: 'log1p', centre: 3, scale: 2, fill: 7, missing: ['?'] },
  { kind: 'category', name: 'ward', values: ['north', 'south, upper'] },
  { kind: 'category', name: 'pain', values: ['none', 'some'], other: 'zeros' },
];
const rows = [
  ['61', '12.25', 'north', 'none'],
  [' 1e1 ', '?', '"south, upper"', 'terrible'],
  ['121', '3', 'north', 'none'],
  ['40', '', 'north', 'some'],
  ['40', '999999', 'east', 'some'],
  ['', '5', 'north', 'some'],
  ['0x20', '5', 'north', 'some'],
  ['.5', '+17', '"south, upper"', ''],
];
const targets = {
  binary: [{ kind: 'binary', column: 'ill', positive: '1', negative: '0' }, 'binaryCrossEntropy', (i) => `${i % 2}`],
  classes: [
    { kind: 'classes', column: 'ill', values: ['a', 'b', 'c'] },
    'categoricalCrossEntropy',
    (i) => 'abc'[i % 3],
  ],
  number: [
    { kind: 'number', column: 'ill', min: 0, max: 1_000, centre: 20, scale: 0.25 },
    'meanSquaredError',
    (i) => `${i * 3.5}`,
  ],
};

/** A plan for that target, a model of it and a table, as files; and the same predicted by Sotto's own model. */
async function written(kind) {
  const [target, loss, label] = targets[kind];
  const schema = { name: 'rows of all kinds', unitId: null, columns, target };
  const topology = {
    layers: [
      { kind: 'dense', units: 7, activation: 'tanh' },
      { kind: 'dropout', rate: 0.25 },
      { kind: 'dense', units: 5, activation: 'relu' },
      { kind: 'dense', units: 4, activation: 'sigmoid' },
      { kind: 'dense', units: outputWidth(target), activation: 'linear' },
    ],
  };
  const plan = parsePlan({ ...examplePlan(), name: `Größe, "${kind}"`, schema, topology, loss });
  const inputs = inputWidth(plan.schema);
  // Biases too: first weights have none.
  const weights = initialWeights(topology, inputs, '5a'.repeat(32)).map(
    (weight, index) => weight + Math.sin(index) / 4,
  );
  const modelHash = createHash('sha256').update(weights).digest('hex');
  const tensors = modelTensors(topology, inputs, weights);
  const files = { model: at(`${kind}.safetensors`), plan: at(`${kind}.plan.json`), table: at(`${kind}.csv`) };
  writeFileSync(files.model, encodeSafetensors(tensors, { planHash: planHashOf(plan), modelHash }));
  writeFileSync(files.plan, JSON.stringify({ plan, signature: 'not looked at' }));
  const lines = rows.map((cells, index) => [...cells, label(index)].join());
  writeFileSync(files.table, `\ufeffage,dose,ward,pain,ill\r\n${lines.join('\r\n')}\r\n`);
  const table = await readCsv(files.table, plan.schema);
  const model = referenceModel(topology, inputs, loss);
  await model.setWeights(weights);
  const outputs = await model.predict(table.batch.inputs, table.batch.rows);
  return { plan, weights, files, table, outputs, score: await scoreLocally(plan, weights, table.batch) };
}

function read({ model, plan, table }, ...more) {
  const { status, stdout, stderr } = spawnSync(python, [script, model, plan, table, ...more], { encoding: 'utf8' });
  return { status, said: stdout + stderr };
}

describe.skipIf(!hasNumpy(python))('read_model.py', () => {
  test.each(Object.keys(targets))('%s: the same rows, predictions and score as Sotto', async (kind) => {
    const { files, outputs, score } = await written(kind);
    const out = at(`${kind}.predictions.csv`);
    const { status, said } = read(files, '--out', out);
    expect(status, said).toBe(0);
    expect(said).toContain('4 of 8 rows fit the schema');
    const [header, ...lines] = readFileSync(out, 'utf8').trim().split('\n');
    const predicted = lines.map((line) => line.split(','));
    expect(predicted.map(([row]) => row)).toEqual(['1', '2', '4', '8']);
    const width = outputs.length / 4;
    for (const [row, [, prediction, ...probabilities]] of predicted.entries()) {
      const own = [...outputs.subarray(row * width, (row + 1) * width)];
      if (kind === 'number') {
        expect(Number(prediction)).toBeCloseTo(own[0] * 0.25 + 20, 5);
        continue;
      }
      const wanted = kind === 'binary' ? [1 - own[0], own[0]] : own;
      expect(probabilities).toHaveLength(wanted.length);
      for (const [index, value] of wanted.entries()) expect(Number(probabilities[index])).toBeCloseTo(value, 6);
      const labels = header.split(',').slice(2);
      expect(labels[wanted.indexOf(Math.max(...wanted))]).toBe(`probability of ${prediction}`);
    }
    const [, figure] = /(?:accuracy|error) ([\d.]+)/.exec(said);
    expect(Number(figure)).toBeCloseTo(score.accuracy ?? score.rootMeanSquaredError, 3);
  });

  test('predicts for rows that nobody has labelled', async () => {
    const { files } = await written('binary');
    const lines = readFileSync(files.table, 'utf8').split('\r\n');
    writeFileSync(at('unlabelled.csv'), lines.map((line) => line.replace(/,[^,]*$/, '')).join('\n'));
    expect(read({ ...files, table: at('unlabelled.csv') })).toEqual({
      status: 0,
      said: '4 of 8 rows fit the schema\n',
    });
  });

  test('refuses weights that were changed, another plan, and layers that it does not read', async () => {
    const { files, plan, weights } = await written('classes');
    const bytes = readFileSync(files.model);
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(at('changed.safetensors'), bytes);
    expect(read({ ...files, model: at('changed.safetensors') })).toMatchObject({
      status: 1,
      said: expect.stringContaining("do not have the model's hash"),
    });

    const other = structuredClone(plan);
    other.schema.columns[0].centre = 55.25;
    writeFileSync(at('other.json'), JSON.stringify(other));
    const refused = read({ ...files, plan: at('other.json') });
    expect(refused).toMatchObject({ status: 1, said: expect.stringContaining(planHashOf(plan)) });

    // As a later version may have it: the hash is right, the layer is unknown here.
    other.topology.layers[0] = { ...other.topology.layers[0], kind: 'gru' };
    writeFileSync(at('later.json'), JSON.stringify(other));
    const modelHash = createHash('sha256').update(weights).digest('hex');
    const tensors = modelTensors(plan.topology, inputWidth(plan.schema), weights);
    writeFileSync(at('later.safetensors'), encodeSafetensors(tensors, { planHash: planHashOf(other), modelHash }));
    expect(read({ ...files, plan: at('later.json'), model: at('later.safetensors') })).toMatchObject({
      status: 1,
      said: expect.stringContaining('not gru'),
    });
    expect(read({ ...files, table: at('nowhere.csv') })).toMatchObject({ status: 2 });
  });
});
