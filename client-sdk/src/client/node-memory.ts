import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createNodeCrypto } from '@sotto/shared/crypto/node';
import { SottoError } from '@sotto/shared/errors';
import { weightsFromBytes, weightsToBytes } from '@sotto/shared/model';
import { planSchema } from '@sotto/shared/plan';
import { toHex } from '@sotto/shared/vector';
import { z } from 'zod';
import { readIfThere, replaceFile } from '../platform/node-kept-file.ts';
import type { ClientModel } from './client.ts';
import type { ConsentMemory } from './remembered-consent.ts';

const consentsSchema = z.record(z.string(), z.boolean());
const modelSchema = z.strictObject({
  runId: z.string(),
  planHash: z.string(),
  modelHash: z.string(),
  plan: planSchema,
});

/** What a client of Node keeps in its folder besides identity and books: what its owner said to plans, and its last model. */
export type NodeMemory = ConsentMemory & {
  model(): Promise<ClientModel | null>;
  saveModel(model: ClientModel): Promise<void>;
};

export function createNodeMemory(folder: string): NodeMemory {
  const consents = join(folder, 'consents.json');
  const model = join(folder, 'model.json');
  const weightsOf = (modelHash: string): string => join(folder, `model-${modelHash.slice(0, 16)}.bin`);
  const known = async (): Promise<Readonly<Record<string, boolean>>> =>
    consentsSchema.parse(JSON.parse((await readIfThere(consents))?.toString() ?? '{}'));
  return {
    consent: async (planHash) => (await known())[planHash] ?? null,
    async saveConsent(planHash, agreed) {
      await replaceFile(consents, `${JSON.stringify({ ...(await known()), [planHash]: agreed }, null, 2)}\n`);
    },
    async model() {
      const text = await readIfThere(model);
      if (text === null) return null;
      const facts = modelSchema.parse(JSON.parse(text.toString()));
      const bytes = await readIfThere(weightsOf(facts.modelHash));
      const hash = bytes === null ? 'none' : toHex(await createNodeCrypto().sha256(bytes));
      if (bytes === null || hash !== facts.modelHash) {
        throw new SottoError('STORE_FAILED', `${model}: the weights have hash ${hash}, expected ${facts.modelHash}`);
      }
      return { ...facts, weights: weightsFromBytes(bytes) };
    },
    async saveModel({ weights, ...facts }) {
      // The weights first: the file that names them is never without them.
      await replaceFile(weightsOf(facts.modelHash), weightsToBytes(weights));
      await replaceFile(model, `${JSON.stringify(facts)}\n`);
      for (const name of await readdir(folder)) {
        if (/^model-.*\.bin$/.test(name) && join(folder, name) !== weightsOf(facts.modelHash))
          await rm(join(folder, name));
      }
    },
  };
}
