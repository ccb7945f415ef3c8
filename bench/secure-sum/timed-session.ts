import { openSessionMemory, type MaskThreads } from '@sotto/coordinator/sessions';
import type { CryptoPort } from '@sotto/shared/crypto';
import { createNodeCrypto, createNodeRandom } from '@sotto/shared/crypto/node';
import {
  addVector,
  beginSession,
  createSum,
  maskVector,
  onAgreeRequest,
  onInbox,
  onRoster,
  onUnmaskRequest,
  recoverSum,
  stepSum,
  thresholdFor,
  verifySumMessage,
  type SessionHeader,
  type SumClientState,
  type SumEffect,
  type SumEvent,
  type SumIdentity,
  type SumMessage,
  type SumRequest,
  type SumRules,
} from '@sotto/shared/secure-sum';
import { toHex } from '@sotto/shared/vector';

export type SessionTerms = {
  readonly clients: number;
  readonly dimension: number;
  /** Clients that deal shares and then are gone. */
  readonly lost: number;
  readonly suite: SessionHeader['suite'];
};

export type SessionTimes = {
  /** CPU seconds of one client that stays to the end: the mean. */
  readonly clientSeconds: number;
  /** CPU seconds of the coordinator on one thread, hashes of the uploads included. */
  readonly coordinatorSeconds: number;
  /** The same with the recovery, by the clock, on the given threads; the fastest of three. */
  readonly threadedSeconds: number | null;
  readonly uploadBytesPerParameter: number;
  /** Of the survivors' integers, [dimension]. */
  readonly sum: Int32Array;
};

type Member = { readonly identity: SumIdentity; readonly key: string };

/** One whole session with the real functions, every signature checked by everybody, no network; the sum is compared. */
export async function timedSession(
  terms: SessionTerms,
  crypto: CryptoPort,
  threads: MaskThreads | null = null,
): Promise<SessionTimes> {
  const { clients, dimension, lost, suite } = terms;
  const random = createNodeRandom();
  const ports = { crypto, random };
  const members = await Promise.all(Array.from({ length: clients }, () => newMember(crypto)));
  members.sort((a, b) => (a.identity.client < b.identity.client ? -1 : 1));
  const gone = new Set(members.slice(0, lost).map(({ identity }) => identity.client));
  const rules: SumRules = {
    header: headerOf(suite, dimension),
    identities: new Map(members.map(({ identity, key }) => [identity.client, key])),
    minSurvivors: thresholdFor(clients),
    colluding: 1,
  };
  const integers = Int32Array.from({ length: dimension }, (_, i) => Math.imul(i, 2_654_435_761));
  const states = new Map<string, SumClientState>();
  const outbox: { message: SumMessage; vector?: Uint8Array }[] = [];
  const { accumulator } = openSessionMemory('', dimension);
  let [clientCpu, coordinatorCpu, uploadBytes] = [0, 0, 0];
  const timed = async (work: () => Promise<void>): Promise<number> => {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  };
  const asClient = async (client: string, work: () => Promise<void>): Promise<void> => {
    const seconds = await timed(work);
    if (!gone.has(client)) clientCpu += seconds;
  };

  for (const { identity } of members) {
    await asClient(identity.client, async () => {
      const { state, message } = await beginSession(rules, identity, ports);
      states.set(identity.client, state);
      if (message !== null) outbox.push({ message });
    });
  }

  async function answer(to: string, request: SumRequest): Promise<void> {
    if (gone.has(to) && request.type !== 'roster') return;
    await asClient(to, async () => {
      const state = states.get(to)!;
      // One that has parsed no key for another client.
      const ports = { crypto: createNodeCrypto({ rememberSignatures: false }), random };
      const next =
        request.type === 'roster'
          ? await onRoster(state, request, ports)
          : request.type === 'inbox'
            ? await onInbox(state, request, ports)
            : request.type === 'agreeRequest'
              ? await onAgreeRequest(state, request, ports)
              : await onUnmaskRequest(state, request, ports);
      outbox.push({ message: next.message });
      if (request.type !== 'inbox') return void states.set(to, next.state);
      const masked = await maskVector(next.state, integers, ports);
      states.set(to, masked.state);
      uploadBytes = masked.vector.length;
      outbox.push({ message: masked.message, vector: masked.vector });
    });
  }

  let step = createSum(
    rules,
    members.map(({ identity }) => identity.client),
  );
  let pending: SumEffect[] = [...step.effects];
  const feed = (event: SumEvent): void => {
    step = stepSum(step.state, event);
    pending.push(...step.effects);
  };
  for (;;) {
    const effects = pending;
    pending = [];
    for (const effect of effects) {
      if (effect.type === 'send') await answer(effect.to, effect.message);
      else if (effect.type === 'recover') {
        const { job } = effect;
        const recover = async (sum: Uint32Array, port: CryptoPort): Promise<number> => {
          const began = performance.now();
          const outcome = await recoverSum(job, sum, port);
          const seconds = (performance.now() - began) / 1e3;
          requireSum(outcome, integers, clients - lost);
          return seconds;
        };
        let threadedSeconds: number | null = null;
        for (let pass = 0; threads !== null && pass < 3; pass += 1) {
          const copy = openSessionMemory('', dimension).accumulator;
          copy.set(accumulator);
          const seconds = coordinatorCpu + (await recover(copy, threads.crypto));
          threadedSeconds = Math.min(threadedSeconds ?? Infinity, seconds);
        }
        coordinatorCpu += await timed(async () => void (await recover(accumulator, crypto)));
        return {
          clientSeconds: clientCpu / (clients - lost),
          coordinatorSeconds: coordinatorCpu,
          threadedSeconds,
          uploadBytesPerParameter: uploadBytes / dimension,
          sum: new Int32Array(accumulator.buffer),
        };
      } else if (effect.type === 'failed') throw new Error(effect.reason);
    }
    coordinatorCpu += await timed(async () => {
      for (const { message, vector } of outbox.splice(0)) {
        // Shares that come after the sum opened are not looked at.
        if (step.state.stage === 'recover') continue;
        const fault = await verifySumMessage(step.state, message, crypto);
        if (fault !== null) throw new Error(fault.reason);
        feed({ type: 'message', message });
        if (vector === undefined || message.type !== 'upload') continue;
        if (toHex(await crypto.sha256(vector)) !== message.vectorHash) throw new Error('an upload was altered');
        addVector(accumulator, vector);
      }
      if (pending.length > 0) return;
      const { stage } = step.state;
      if (stage === 'recover' || stage === 'failed') throw new Error('the session hangs');
      feed({ type: 'stageTimeout', stage });
    });
  }
}

async function newMember(crypto: CryptoPort): Promise<Member> {
  const seed = createNodeRandom().bytes(32);
  const key = await crypto.ed25519PublicKey(seed);
  const client = toHex((await crypto.sha256(key)).slice(0, 20));
  return { identity: { client, sign: (message) => crypto.ed25519Sign(seed, message) }, key: toHex(key) };
}

function headerOf(suite: SessionHeader['suite'], dimension: number): SessionHeader {
  const hash = '11'.repeat(32);
  return {
    protocol: 1,
    suite,
    trust: 'secure',
    planHash: hash,
    runId: '22'.repeat(16),
    round: 1,
    attempt: 1,
    modelHash: hash,
    slots: ['training'],
    dimension,
  };
}

function requireSum(outcome: Awaited<ReturnType<typeof recoverSum>>, integers: Int32Array, survivors: number): void {
  if (!outcome.ok) throw new Error(outcome.reason);
  const wrong = integers.findIndex((value, i) => Math.imul(value, survivors) !== outcome.sum[i]);
  if (wrong !== -1) throw new Error(`the sum is wrong at coordinate ${wrong}`);
}
