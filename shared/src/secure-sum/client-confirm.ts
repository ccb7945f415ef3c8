import { SottoError } from '../errors/index.ts';
import { open, type CryptoPort } from '../crypto/index.ts';
import { bytesEqual, fromBase64Url, fromHex, toHex } from '../vector/index.ts';
import { sealInfo, shareHashBegin, shareHashBytes } from './binding.ts';
import { expectPhase, isSortedSet, type HeldShares, type SumClientState } from './client-state.ts';
import { Held } from './held.ts';
import { combinedSecret, hasSuiteCiphertexts, pairOf, type KemSecret } from './hybrid.ts';
import type { Confirm, Inbox } from './messages.ts';
import { layerKeys, noiseLevels, type ClientNoise } from './noise-chain.ts';
import { peersAtOnce, type SumPorts } from './rules.ts';
import { isFieldElement } from './shamir.ts';

/**
 * Opens what was dealt to this client, on the complete graph its own dealing included; every dealing must open and match its
 * published hashes. Answers with the tags of the pairs, and tells the caller from which keys to draw the noise that may be taken out
 * again; null where none may.
 * @throws {MESSAGE_UNEXPECTED} out of order, twice or from another session.
 * @throws {MESSAGE_INVALID} when a dealer is none whose shares this client holds, or the order is wrong.
 * @throws {SHARE_INVALID} naming the dealer whose shares do not open or match.
 * @throws {COHORT_TOO_SMALL} when fewer dealt than max(t, minSurvivors) clients, on the ring than t neighbours: rule M rests on it.
 */
export async function onInbox(
  state: SumClientState,
  inbox: Inbox,
  ports: SumPorts,
): Promise<{ state: SumClientState; message: Confirm; noise: ClientNoise | null }> {
  const from = expectPhase(state, 'shared', inbox);
  const { selfMaskSeed, pairs, awaiting, sealing, kem } = from.secrets.take();
  const { rules, identity, sessionId, binding, graph, holders } = from;
  const { crypto, random } = ports;
  const { client } = identity;
  const dealers = inbox.dealt.map((dealt) => dealt.dealer);
  if (!isSortedSet(dealers) || (holders.includes(client) && !dealers.includes(client))) {
    throw new SottoError('MESSAGE_INVALID', 'inbox: dealers are not in order, or this client is not among them');
  }
  const needed = graph.ring === null ? Math.max(graph.threshold, rules.minSurvivors) : graph.threshold;
  if (dealers.length < needed) {
    throw new SottoError('COHORT_TOO_SMALL', `inbox: ${dealers.length} clients dealt shares, ${needed} are needed`);
  }
  const shares = new Map<string, HeldShares>();
  const agreed = new Map(pairs);
  const hashBegin = shareHashBegin(binding);
  for (const [i, dealing] of inbox.dealt.entries()) {
    if (i % peersAtOnce === 0) await ports.pause?.();
    const { dealer, sealed, selfMaskShareHash, recoveryShareHash, sealCiphertext, maskCiphertext } = dealing;
    const shared = sealing.get(dealer);
    if (shared === undefined) throw new SottoError('MESSAGE_INVALID', `inbox: dealer ${dealer} is not one of its own`);
    if (!hasSuiteCiphertexts(binding.suite, dealer, client, dealing)) {
      throw new SottoError('SHARE_INVALID', `inbox: dealer ${dealer} has not the ciphertexts of the suite`, { dealer });
    }
    const secret = await combinedSecret(crypto, shared, await decapsulated(crypto, kem?.seal, sealCiphertext));
    const plaintext = open(await crypto.hkdf(secret, sealInfo(binding, dealer, client), 32), fromHex(sealed));
    if (plaintext === null || plaintext.length !== 64) {
      throw new SottoError('SHARE_INVALID', `inbox: the shares of dealer ${dealer} do not open`, { dealer });
    }
    const selfMask = plaintext.slice(0, 32);
    const recovery = plaintext.slice(32);
    const given = [
      await crypto.sha256(shareHashBytes(hashBegin, dealer, client, 'selfMask', selfMask)),
      await crypto.sha256(shareHashBytes(hashBegin, dealer, client, 'recovery', recovery)),
    ] as const;
    const intact = bytesEqual(given[0], fromHex(selfMaskShareHash)) && bytesEqual(given[1], fromHex(recoveryShareHash));
    if (!intact || !isFieldElement(selfMask) || !isFieldElement(recovery)) {
      throw new SottoError('SHARE_INVALID', `inbox: the shares of dealer ${dealer} do not match their hashes`, {
        dealer,
      });
    }
    shares.set(dealer, { selfMask, recovery });
    const masking = awaiting.get(dealer);
    if (masking !== undefined) {
      const combined = await combinedSecret(crypto, masking, await decapsulated(crypto, kem?.mask, maskCiphertext));
      agreed.set(dealer, await pairOf(crypto, binding, client, dealer, combined));
    }
  }
  const peers = dealers.filter((dealer) => dealer !== client);
  const tags = peers.map((peer) => ({ peer, tag: toHex(agreed.get(peer)!.tag) }));
  const kept = new Map(peers.map((peer) => [peer, agreed.get(peer)!]));
  const levels = noiseLevels(rules, graph.clients.length);
  const noiseKey = levels.length > 1 ? random.bytes(32) : null;
  const noise =
    noiseKey === null
      ? null
      : {
          clients: graph.clients.length,
          keys: await layerKeys(crypto, binding, client, noiseKey, 1, levels.length - 1),
        };
  return {
    state: {
      phase: 'confirmed',
      rules,
      identity,
      sessionId,
      binding,
      graph,
      holders,
      dealers,
      secrets: new Held({ selfMaskSeed, pairs: kept, shares, noiseKey }),
    },
    message: { type: 'confirm', sessionId, client, tags },
    noise,
  };
}

/** The secret that came to a client; null in the suite without ML-KEM. */
async function decapsulated(
  crypto: CryptoPort,
  seed: Uint8Array | undefined,
  text: string | undefined,
): Promise<KemSecret | null> {
  if (seed === undefined || text === undefined) return null;
  const ciphertext = fromBase64Url(text);
  return { secret: await crypto.mlKemDecapsulate(seed, ciphertext), ciphertext };
}
