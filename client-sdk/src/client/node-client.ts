import { join } from 'node:path';
import { SottoError } from '@sotto/shared/errors';
import { parsePolicy } from '@sotto/shared/plan';
import { joinFederation } from '../identity/join.ts';
import { loadIdentity } from '../identity/node-identity.ts';
import type { RunningNode } from '../node-config.ts';
import { startNode } from '../node.ts';
import type { Client, ClientMember, OpenOptions, RunningClient, StartOptions } from './client.ts';
import { sourceOf } from './data.ts';
import { createJudgingThread } from './judging-thread.ts';
import { createNodeMemory } from './node-memory.ts';
import { rememberedConsent } from './remembered-consent.ts';

/**
 * Opens a client in Node, by the same calls as in a browser.
 *
 * @example
 * const client = await openClient({ store: '.sotto/client' });
 * await client.join(invitation, { name: 'Ada' });
 * const running = await client.start({ data: 'patients.csv', schema, policy: { version: 1 }, onNotice: console.log });
 */
export async function openClient({ store }: OpenOptions): Promise<Client> {
  const memory = createNodeMemory(store);
  const judging = createJudgingThread();
  let running: RunningNode | null = null;

  async function member(): Promise<ClientMember | null> {
    try {
      const { sum, certificate, coordinator } = await loadIdentity(store);
      return { client: sum.client, name: certificate.name, coordinator };
    } catch (error) {
      if (error instanceof SottoError && error.code === 'FILE_NOT_FOUND') return null;
      throw error;
    }
  }

  async function start(options: StartOptions): Promise<RunningClient> {
    const { data, schema, policy, consent, onNotice, once = false, battery = 'any', network = 'any' } = options;
    if (running !== null) throw new SottoError('CONFLICT', 'this client runs already: close it first');
    if ((await member()) === null) {
      throw new SottoError('NOT_FOUND', 'this client has not joined a federation: call join first');
    }
    for (const [condition, wanted] of [
      ['battery', battery],
      ['network', network],
    ] as const) {
      if (wanted === 'any') continue;
      onNotice?.({ type: 'conditionUnknown', condition, reason: 'Node does not tell' });
    }
    const node = await startNode({
      folder: store,
      ...(typeof data === 'string'
        ? { dataFile: data }
        : { dataFile: sourceOf(data), dataSource: join(store, 'books') }),
      schema,
      policy: parsePolicy(policy),
      once,
      ...(onNotice === undefined ? {} : { notify: onNotice }),
      ...(consent === undefined ? {} : { consent: rememberedConsent(memory, consent) }),
      keepModel: async (model) => {
        await memory.saveModel(model);
        onNotice?.({ type: 'modelKept', runId: model.runId, modelHash: model.modelHash });
      },
    });
    running = node;
    const over = (): void => {
      if (running === node) running = null;
    };
    void node.done.then(over, over);
    return {
      done: node.done,
      close: () => node.close(),
      pause: async () => node.pause('paused by its owner'),
      resume: async () => node.resume(),
    };
  }

  return {
    member,
    start,
    async join(invitation, { name }) {
      await joinFederation({ folder: store, invitation, name, nowMs: Date.now() });
      const joined = await member();
      if (joined === null) throw new SottoError('INTERNAL', `${store}: the identity is gone`);
      return joined;
    },
    model: () => memory.model(),
    predict: judging.predict,
    explain: judging.explain,
    async close() {
      judging.close();
      await running?.close();
    },
  };
}
