import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initialWeights, referenceModel, topologySchema } from '@sotto/shared/model';
import { afterAll, expect, it } from 'vitest';
import { keepsRowsApart } from './choose-engine.ts';
import { inFixedRows } from './fixed-rows.ts';
import { nativeEngines, restoreRemovedUtil, tryLoad } from './native-tensorflow.ts';
import { createTfjsModel, type ModelSpec } from './tfjs-model.ts';

const folder = await mkdtemp(join(tmpdir(), 'sotto-native-'));
afterAll(() => rm(folder, { recursive: true }));

/** A package of that name, seen from a module in the folder that is given back. */
async function installed(name: string, code: string): Promise<string> {
  const where = await mkdtemp(join(folder, 'at-'));
  const at = join(where, 'node_modules', name);
  await mkdir(at, { recursive: true });
  await writeFile(join(at, 'package.json'), JSON.stringify({ name, main: 'index.js' }));
  await writeFile(join(at, 'index.js'), code);
  return join(where, 'module.js');
}

it('a build that is absent, and one whose addon is missing, each say so', async () => {
  const from = await installed(
    '@tensorflow/tfjs-node',
    "throw new Error('tfjs_binding.node can not be found\\nmore');",
  );
  expect(tryLoad('@tensorflow/tfjs-node', from)).toEqual({
    tf: null,
    reason: 'its addon does not load: tfjs_binding.node can not be found',
  });
  expect(tryLoad('@tensorflow/tfjs-node-gpu', from)).toEqual({
    tf: null,
    reason: 'it is not installed (sotto-node gpu install)',
  });
  const nowhere = new URL('file:///nowhere/module.js').href;
  expect(tryLoad('@tensorflow/tfjs-node', nowhere).reason).toContain('npm install --no-save @tensorflow/tfjs-node@');
});

it('what Node 23 removed is there when a build is loaded', async () => {
  const code =
    "const util = require('util'); module.exports = { checked: util.isNullOrUndefined(null) && util.isArray([]) };";
  const from = await installed('@tensorflow/tfjs-node', code);
  expect(tryLoad('@tensorflow/tfjs-node', from).tf).toEqual({ checked: true });
  const bare: Record<string, unknown> = {};
  restoreRemovedUtil(bare);
  const { isNullOrUndefined, isArray } = bare as Record<string, (value: unknown) => boolean>;
  expect([null, undefined, 0, ''].map((value) => isNullOrUndefined!(value))).toEqual([true, true, false, false]);
  expect(isArray!([])).toBe(true);
  const kept = { isArray: () => 'own' };
  restoreRemovedUtil(kept);
  expect(kept.isArray()).toBe('own');
});

/**
 * The real build, where somebody has put one (docs/guides/gpu-nodes.md says how): `SOTTO_TFJS_NODE` is 1, or names the folder
 * whose node_modules have it. Not one of the tests otherwise: its 600 MB are no part of the project.
 */
const real = process.env['SOTTO_TFJS_NODE'];
if (real !== undefined && real !== '') {
  it('tfjs-node trains as plain arrays do', async () => {
    const from = real === '1' ? undefined : join(real, 'module.js');
    const engine = nativeEngines(from).find(({ name }) => name === '@tensorflow/tfjs-node')!;
    const { tf, backend } = await engine.start(60_000);
    expect([backend, tf.getBackend()]).toEqual(['tensorflow', 'tensorflow']);
    const spec: ModelSpec = {
      topology: topologySchema.parse({
        layers: [
          { kind: 'dense', units: 64, activation: 'relu' },
          { kind: 'dense', units: 4, activation: 'linear' },
        ],
      }),
      inputs: 30,
      loss: 'categoricalCrossEntropy',
    };
    const rows = 100;
    const batch = {
      units: rows,
      rowOffsets: Uint32Array.from({ length: rows + 1 }, (_, row) => row),
      rows,
      inputs: Float32Array.from({ length: rows * 30 }, (_, index) => Math.sin(index)),
      features: 30,
      targets: Float32Array.from({ length: rows }, (_, row) => row % 4),
    };
    const weights = initialWeights(spec.topology, 30, '0f'.repeat(32));
    const settings = { epochs: 2, batchSize: 16, learningRate: 0.2, proximal: 0 };
    const trained = [];
    for (const model of [createTfjsModel(tf, spec), referenceModel(spec.topology, 30, spec.loss)]) {
      await model.setWeights(weights);
      trained.push(await model.train(batch, settings, new Uint8Array(32)));
      await model.dispose();
    }
    const [own, plain] = trained as [Float32Array, Float32Array];
    plain.forEach((value, index) => expect(Math.abs(value - own[index]!)).toBeLessThan(1e-5));
    // Failure: its blocking follows the number of rows, and one unit moves the integers of all the others.
    expect(await keepsRowsApart((one) => inFixedRows(createTfjsModel(tf, one), 256), spec)).toBe(true);
  });
}
