import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNodeCrypto } from '@sotto/shared/crypto/node';
import { weightsToBytes } from '@sotto/shared/model';
import { planHashOf } from '@sotto/shared/plan';
import { examplePlan } from '@sotto/shared/plan/testing';
import { toHex } from '@sotto/shared/vector';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createNodeMemory } from './node-memory.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-memory-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function modelOf(...values: readonly number[]) {
  const plan = examplePlan();
  const weights = Float32Array.from(values);
  const modelHash = toHex(await createNodeCrypto().sha256(weightsToBytes(weights)));
  return { runId: 'ab'.repeat(16), planHash: planHashOf(plan), plan, modelHash, weights };
}

it('keeps answers and the last model over a restart, and no other model', async () => {
  const memory = createNodeMemory(folder);
  expect([await memory.model(), await memory.consent('aa')]).toEqual([null, null]);
  await memory.saveConsent('aa', true);
  await memory.saveConsent('bb', false);
  await memory.saveModel(await modelOf(1, 2));
  const last = await modelOf(0.5, -3, 4);
  await memory.saveModel(last);
  const again = createNodeMemory(folder);
  expect([await again.consent('aa'), await again.consent('bb'), await again.consent('cc')]).toEqual([
    true,
    false,
    null,
  ]);
  expect(await again.model()).toEqual(last);
  expect((await readdir(folder)).filter((name) => name.endsWith('.bin'))).toHaveLength(1);
});

it('gives out no weights but those that the run named', async () => {
  const memory = createNodeMemory(folder);
  const { modelHash } = (await memory.model())!;
  await writeFile(join(folder, `model-${modelHash.slice(0, 16)}.bin`), new Uint8Array(12));
  await expect(memory.model()).rejects.toThrow(/expected/);
});
