import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import type { DataPart } from '@sotto/client/session';
import { createNodeCrypto, nodeKeyStream } from '@sotto/shared/crypto/node';
import { SottoError } from '@sotto/shared/errors';
import type { UnitBatch } from '@sotto/shared/model';
import type { Plan } from '@sotto/shared/plan';
import { createContributionMaker } from './contribution-maker.ts';
import type { ThreadReply, ThreadRequest } from './thread-protocol.ts';

/** The working side: the contributions of the clients that were dealt to this thread. */
function serve(port: MessagePort, plan: Plan): void {
  const maker = createContributionMaker(plan, nodeKeyStream);
  const crypto = createNodeCrypto();
  const known = new Map<string, UnitBatch>();
  let lastHashed: Uint8Array = new Uint8Array(0);
  let lastWeights: Float32Array | null = null;

  async function contribute(request: Extract<ThreadRequest, { type: 'contribute' }>): Promise<void> {
    const { id, job, units: sent } = request;
    lastWeights = request.weights ?? lastWeights;
    const units = new Map(sent.map(([part, batch]) => [part, keep(job.client, part, batch)] as const));
    try {
      if (lastWeights === null) throw new SottoError('INTERNAL', 'the thread was sent no weights');
      const made = await maker.contribute({ ...job, weights: lastWeights, units });
      const integers = new Int32Array(new SharedArrayBuffer(made.integers.byteLength));
      integers.set(made.integers);
      port.postMessage({ type: 'contributed', id, ...made, integers } satisfies ThreadReply);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      port.postMessage({ type: 'failed', id, reason } satisfies ThreadReply);
    }
  }

  function keep(client: string, part: DataPart, batch: UnitBatch | null): UnitBatch {
    const key = `${client}/${part}`;
    if (batch !== null) known.set(key, batch);
    const kept = known.get(key);
    if (kept === undefined)
      throw new SottoError('INTERNAL', `the thread was sent no ${part} units of client ${client}`);
    return kept;
  }

  async function hash({ id, bytes }: Extract<ThreadRequest, { type: 'hash' }>): Promise<void> {
    lastHashed = bytes ?? lastHashed;
    port.postMessage({ type: 'hashed', id, hash: await crypto.sha256(lastHashed) } satisfies ThreadReply);
  }

  port.on('message', (request: ThreadRequest) => {
    switch (request.type) {
      case 'contribute':
        return void contribute(request);
      case 'hash':
        return void hash(request);
      case 'end':
        return maker.end(request.life);
    }
  });
}

if (parentPort !== null) serve(parentPort, workerData as Plan);
