import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  encodeSafetensors,
  encodeTfjsModel,
  initialWeights,
  modelTensors,
  weightsFromBytes,
} from '@sotto/shared/model';
import { examplePlan } from '@sotto/shared/plan/testing';
import { sha256 } from '@sotto/shared/crypto';
import { toHex } from '@sotto/shared/vector';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from './program.ts';

const plan = examplePlan({ data: 'digits' });
const { topology, schema } = plan;
const other = initialWeights(topology, 64, 'cd'.repeat(32));
let dir = '';

async function sotto(...args: string[]) {
  let [out, error] = ['', ''];
  const ports = { environment: {}, ended: Promise.resolve() };
  const code = await run(args, { ...ports, out: (text) => (out += text), error: (text) => (error += text) });
  return { code, out, error };
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sotto-model-'));
  const { schema: _, ...draft } = plan;
  await writeFile(join(dir, 'draft.json'), JSON.stringify(draft));
  await writeFile(join(dir, 'schema.json'), JSON.stringify(schema));
  const tensors = modelTensors(topology, 64, other);
  await writeFile(join(dir, 'first.safetensors'), encodeSafetensors(tensors.slice(0, 2)));
  await mkdir(join(dir, 'tfjs'));
  const { modelJson, weightsBin } = encodeTfjsModel(topology, 64, other, plan.loss);
  await writeFile(join(dir, 'tfjs', 'model.json'), modelJson);
  await writeFile(join(dir, 'tfjs', 'weights.bin'), weightsBin);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const importArgs = (source: string) => [
  ...['model', 'import', join(dir, source), '--plan', join(dir, 'draft.json')],
  ...['--schema', join(dir, 'schema.json'), '--out', join(dir, 'weights.bin'), '--json'],
];

it('fills a draft’s layers with those that a safetensors file names, the others from the seed', async () => {
  const { code, out, error } = await sotto(...importArgs('first.safetensors'));
  expect({ code, error }).toEqual({ code: 0, error: '' });
  const bytes = await readFile(join(dir, 'weights.bin'));
  expect(JSON.parse(out)).toEqual({
    taken: ['dense0'],
    seeded: ['dense1'],
    out: join(dir, 'weights.bin'),
    checkpoint: toHex(sha256(bytes)),
  });
  const weights = weightsFromBytes(bytes);
  const own = initialWeights(topology, 64, plan.initialWeights.seed);
  const first = 64 * 32 + 32;
  expect([...weights.subarray(0, first)]).toEqual([...other.subarray(0, first)]);
  expect([...weights.subarray(first)]).toEqual([...own.subarray(first)]);
});

it('reads a LayersModel with its weights, and shows its topology for a draft', async () => {
  expect(JSON.parse((await sotto(...importArgs('tfjs/model.json'))).out)).toMatchObject({ seeded: [] });
  expect(weightsFromBytes(await readFile(join(dir, 'weights.bin')))).toEqual(other);
  const { out } = await sotto('model', 'topology', join(dir, 'tfjs', 'model.json'));
  expect(JSON.parse(out)).toEqual(topology);
});

it('takes no weights from outside the folder of a LayersModel, whatever it names', async () => {
  const { modelJson, weightsBin } = encodeTfjsModel(topology, 64, other, plan.loss);
  await mkdir(join(dir, 'tfjs', 'deep'));
  await writeFile(join(dir, 'tfjs', 'deep', 'weights.bin'), weightsBin);
  for (const path of ['../weights.bin', 'deep/../../weights.bin', join(dir, 'tfjs', 'weights.bin')]) {
    const model = JSON.parse(modelJson);
    model.weightsManifest[0].paths = [path];
    await writeFile(join(dir, 'tfjs', 'deep', 'model.json'), JSON.stringify(model));
    const { code, error } = await sotto(...importArgs('tfjs/deep/model.json'));
    expect(code).not.toBe(0);
    expect(error).toContain('INVALID_INPUT');
    expect(error).toContain('lies outside its folder');
  }
});

it('says what is wrong with a draft or a file, before anything is written', async () => {
  expect(await sotto('model', 'topology', join(dir, 'nothing.json'))).toMatchObject({
    code: expect.any(Number),
    out: '',
  });
  const args = ['model', 'import', join(dir, 'first.safetensors'), '--plan', join(dir, 'draft.json')];
  const { code, error } = await sotto(...args, '--out', join(dir, 'never.bin'));
  expect(code).not.toBe(0);
  expect(error).toMatch(/INVALID_INPUT: .*draft\.json: it has no schema; give --schema/);
  await expect(readFile(join(dir, 'never.bin'))).rejects.toThrow();
});
