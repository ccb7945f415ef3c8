import { SottoError } from '../errors/index.ts';
import type { Mask } from '../crypto/index.ts';
import { littleEndianOf, toHex } from '../vector/index.ts';
import { maskSign, selfMaskInfo, plainRosterHash, uploadBytes, type Binding } from './binding.ts';
import { expectPhase, type SumClientState } from './client-state.ts';
import { Held } from './held.ts';
import type { Upload } from './messages.ts';
import { noiseLevels, walkChain } from './noise-chain.ts';
import type { SumPorts } from './rules.ts';

/**
 * Masks a contribution and signs the hash of what leaves; in `local` and `trusted` mode the vector leaves as it is. A session masks
 * once: the same state masks no second vector, and no vector twice.
 * @param integers - the contribution with its noise, [dimension]; not changed
 * @returns `vector`: little-endian 32-bit words, uniform without the other clients' shares; in `local` and `trusted` mode the
 * integers themselves, in their own memory
 * @throws {MESSAGE_UNEXPECTED} before the pairs are confirmed, or a second time.
 * @throws {INVALID_INPUT} for a vector of another length.
 */
export async function maskVector(
  state: SumClientState,
  integers: Int32Array,
  ports: SumPorts,
): Promise<{ state: SumClientState; message: Upload; vector: Uint8Array }> {
  const { rules, identity, sessionId } = state;
  const { client } = identity;
  const { header } = rules;
  if (integers.length !== header.dimension) {
    throw new SottoError('INVALID_INPUT', `expected ${header.dimension} integers, got ${integers.length}`);
  }
  if (state.phase === 'plain') {
    const binding = { suite: header.suite, sessionId, rosterHash: plainRosterHash(sessionId) };
    const sent = await signUpload(binding, identity, littleEndianOf(integers), {}, ports);
    return { state: { phase: 'done', rules, identity, sessionId }, ...sent };
  }
  const from = expectPhase(state, 'confirmed', { type: 'upload', sessionId });
  const { selfMaskSeed, pairs, shares, noiseKey } = from.secrets.take();
  const { binding, graph, holders, dealers } = from;
  const { crypto } = ports;
  const words = new Uint32Array(integers);
  const selfMask: Mask = { key: await crypto.hkdf(selfMaskSeed, selfMaskInfo(binding, client), 32), sign: 1 };
  const pairMasks = [...pairs].map(([peer, { key }]): Mask => ({ key, sign: maskSign(client, peer) }));
  await crypto.addMasks(words, [selfMask, ...pairMasks]);
  const places = noiseLevels(rules, graph.clients.length).length;
  const end =
    noiseKey === null ? {} : { noiseEnd: toHex(await walkChain(crypto, binding, client, noiseKey, 1, places)) };
  const sent = await signUpload(binding, identity, littleEndianOf(words), end, ports);
  const secrets = new Held({ shares, noiseKey });
  return {
    state: { phase: 'uploaded', rules, identity, sessionId, binding, graph, holders, dealers, secrets },
    ...sent,
  };
}

async function signUpload(
  binding: Binding,
  identity: SumClientState['identity'],
  vector: Uint8Array,
  end: Pick<Upload, 'noiseEnd'>,
  ports: SumPorts,
): Promise<{ message: Upload; vector: Uint8Array }> {
  const { sessionId, rosterHash } = binding;
  const { client } = identity;
  const vectorHash = toHex(await ports.crypto.sha256(vector));
  const signature = toHex(await identity.sign(uploadBytes(binding, client, { vectorHash, ...end })));
  return { message: { type: 'upload', sessionId, client, rosterHash, vectorHash, ...end, signature }, vector };
}
