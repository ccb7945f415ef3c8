import type { RandomSource } from '../random/index.ts';
import { sha256, type CryptoPort } from '../crypto/index.ts';
import { SottoError } from '../errors/index.ts';
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
  verifySumMessage,
  type SumClientState,
  type SumEffect,
  type SumEvent,
  type SumIdentity,
  type SumMessage,
  type SumPorts,
  type SumRequest,
  type SumRules,
} from '../secure-sum/index.ts';
import { toHex } from '../vector/index.ts';

/** A throwaway client of an audit, with an identity key of its own. */
export type AuditMember = { readonly identity: SumIdentity; readonly publicKey: string };

/** `count` members, sorted by id as a roster is. */
export async function auditMembers(count: number, crypto: CryptoPort, random: RandomSource): Promise<AuditMember[]> {
  const members = await Promise.all(
    Array.from({ length: count }, async () => {
      const seed = random.bytes(32);
      const key = await crypto.ed25519PublicKey(seed);
      // The rule of `clientIdOf` in `protocol`, which stands beside this folder.
      const client = toHex(sha256(key)).slice(0, 40);
      return {
        identity: { client, sign: (message: Uint8Array) => crypto.ed25519Sign(seed, message) },
        publicKey: toHex(key),
      };
    }),
  );
  return members.sort((a, b) => (a.identity.client < b.identity.client ? -1 : 1));
}

/**
 * One whole session of the secure sum in memory: the real client and coordinator machines, every message verified, without
 * network or clock.
 *
 * @param contributions - integers with their noise of each client, [dimension]; null for a client that is lost after it has
 * dealt its shares and before its upload
 * @returns the sum of those that uploaded, [dimension]
 * @throws {INTERNAL} when an honest message is turned away or the session fails: nothing here has a reason to
 */
export async function sumInMemory(
  rules: SumRules,
  contributions: ReadonlyMap<SumIdentity, Int32Array | null>,
  ports: SumPorts,
): Promise<Int32Array> {
  const identities = new Map([...contributions.keys()].map((identity) => [identity.client, identity]));
  const states = new Map<string, SumClientState>();
  const accumulator = new Uint32Array(rules.header.dimension);
  let step = createSum(rules, [...identities.keys()]);
  const effects: SumEffect[] = [...step.effects];

  function feed(event: SumEvent): void {
    step = stepSum(step.state, event);
    effects.push(...step.effects);
  }

  async function deliver(message: SumMessage, vector?: Uint8Array): Promise<void> {
    // The sum opens with t answers, and fails with too few clients; what comes later is not waited for.
    if (step.state.stage === 'recover' || step.state.stage === 'failed') return;
    const fault = await verifySumMessage(step.state, message, ports.crypto);
    if (fault !== null) throw new SottoError('INTERNAL', `audit: ${message.type} was turned away: ${fault.reason}`);
    feed({ type: 'message', message });
    if (vector !== undefined) addVector(accumulator, vector);
  }

  async function upload(identity: SumIdentity, state: SumClientState): Promise<void> {
    const integers = contributions.get(identity) ?? null;
    if (integers === null) return feed({ type: 'lost', client: identity.client, reason: 'left before its upload' });
    const masked = await maskVector(state, integers, ports);
    states.set(identity.client, masked.state);
    await deliver(masked.message, masked.vector);
  }

  async function answer(to: string, request: SumRequest): Promise<void> {
    const [identity, state] = [identities.get(to)!, states.get(to)!];
    const next = await answerOf(state, request, ports);
    states.set(to, next.state);
    await deliver(next.message);
    if (request.type === 'inbox') await upload(identity, next.state);
  }

  for (const identity of identities.values()) {
    const begun = await beginSession(rules, identity, ports);
    states.set(identity.client, begun.state);
    if (begun.message === null) await upload(identity, begun.state);
    else await deliver(begun.message);
  }
  for (;;) {
    const effect = effects.shift();
    if (effect === undefined) throw new SottoError('INTERNAL', `audit: the session hangs in stage ${step.state.stage}`);
    if (effect.type === 'send') await answer(effect.to, effect.message);
    else if (effect.type === 'failed') throw new SottoError('INTERNAL', `audit: the session failed: ${effect.reason}`);
    else if (effect.type === 'recover') {
      const outcome = await recoverSum(effect.job, accumulator, ports.crypto);
      if (!outcome.ok) throw new SottoError('INTERNAL', `audit: the sum was not recovered: ${outcome.reason}`);
      return outcome.sum;
    }
  }
}

function answerOf(
  state: SumClientState,
  request: SumRequest,
  ports: SumPorts,
): Promise<{ state: SumClientState; message: SumMessage }> {
  switch (request.type) {
    case 'roster':
      return onRoster(state, request, ports);
    case 'inbox':
      return onInbox(state, request, ports);
    case 'agreeRequest':
      return onAgreeRequest(state, request, ports);
    case 'unmaskRequest':
      return onUnmaskRequest(state, request, ports);
  }
}
