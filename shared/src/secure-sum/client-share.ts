import { SottoError, isSottoError } from '../errors/index.ts';
import { mlKemSizes, seal, type CryptoPort } from '../crypto/index.ts';
import { concatBytes, fromBase64Url, fromHex, toBase64Url, toHex } from '../vector/index.ts';
import {
  advertiseBytes,
  kemSecretsInfo,
  rosterHashOf,
  sealInfo,
  shareBytes,
  shareHashBytes,
  type Binding,
} from './binding.ts';
import { expectPhase, isSortedSet, type Pair, type SumClientState } from './client-state.ts';
import { Held } from './held.ts';
import { combinedSecret, hasSuiteKeys, keysOf, pairOf, type KemSecret } from './hybrid.ts';
import type { Advertise, DealtShare, Roster, Share } from './messages.ts';
import { cohortFault, thresholdFor } from './parameters.ts';
import { peersAtOnce, type SumPorts, type SumRules } from './rules.ts';
import { dealShares, drawFieldElement } from './shamir.ts';

/**
 * Checks the whole roster, derives every pair's keys and deals shares of the self-mask seed b and the recovery seed r to
 * every holder, this client among them.
 * @throws {MESSAGE_UNEXPECTED} out of order, twice or from another session.
 * @throws {ROSTER_INVALID} when an entry is not what the plan allows, or the own one was altered.
 * @throws {SIGNATURE_INVALID} when an entry was not signed by its identity.
 * @throws {COHORT_TOO_SMALL} when the rules cannot be kept by so few clients.
 */
export async function onRoster(
  state: SumClientState,
  roster: Roster,
  ports: SumPorts,
): Promise<{ state: SumClientState; message: Share }> {
  const from = expectPhase(state, 'advertised', roster);
  const { recoverySeed, maskSecret, sealSecret, kem } = from.secrets.take();
  const { rules, identity, sessionId } = from;
  const { crypto, random } = ports;
  const { client } = identity;
  await checkRoster(rules, roster, from.advertise, crypto);

  const binding: Binding = { suite: rules.header.suite, sessionId, rosterHash: rosterHashOf(roster) };
  const clients = roster.entries.map((entry) => entry.client);
  const threshold = thresholdFor(clients.length);
  const selfMaskSeed = drawFieldElement(random);
  const selfMaskShares = dealShares(selfMaskSeed, threshold, clients.length, random);
  const recoveryShares = dealShares(recoverySeed, threshold, clients.length, random);

  const pairs = new Map<string, Pair>();
  const awaiting = new Map<string, Uint8Array>();
  const kemSecrets: Uint8Array[] = [];
  const sealing = new Map<string, Uint8Array>();
  const shares: DealtShare[] = [];
  for (const [i, entry] of roster.entries.entries()) {
    const holder = entry.client;
    if (i % peersAtOnce === 0) await ports.pause?.();
    let maskKem: KemSecret | null = null;
    if (holder !== client) {
      const secret = await sharedSecret(crypto, maskSecret, entry.maskKey, holder);
      if (kem !== null && client < holder) {
        maskKem = await encapsulated(ports, entry.maskKemKey, holder);
        kemSecrets.push(maskKem.secret);
      }
      if (kem !== null && maskKem === null) awaiting.set(holder, secret);
      else
        pairs.set(holder, await pairOf(crypto, binding, client, holder, await combinedSecret(crypto, secret, maskKem)));
    }
    const sealSecretOfTwo = await sharedSecret(crypto, sealSecret, entry.sealKey, holder);
    sealing.set(holder, sealSecretOfTwo);
    const sealKem = kem === null ? null : await encapsulated(ports, entry.sealKemKey, holder);
    const key = await crypto.hkdf(
      await combinedSecret(crypto, sealSecretOfTwo, sealKem),
      sealInfo(binding, client, holder),
      32,
    );
    const selfMask = selfMaskShares[i]!;
    const recovery = recoveryShares[i]!;
    shares.push({
      holder,
      sealed: toHex(seal(key, concatBytes(selfMask, recovery))),
      selfMaskShareHash: toHex(await crypto.sha256(shareHashBytes(binding, client, holder, 'selfMask', selfMask))),
      recoveryShareHash: toHex(await crypto.sha256(shareHashBytes(binding, client, holder, 'recovery', recovery))),
      ...(sealKem !== null && { sealCiphertext: toBase64Url(sealKem.ciphertext) }),
      ...(maskKem !== null && { maskCiphertext: toBase64Url(maskKem.ciphertext) }),
    });
  }
  const recoverable =
    kem === null
      ? {}
      : {
          maskKemSecrets: toBase64Url(
            seal(await crypto.hkdf(recoverySeed, kemSecretsInfo(binding, client), 32), concatBytes(...kemSecrets)),
          ),
        };
  const signature = toHex(await identity.sign(shareBytes(binding, client, { shares, ...recoverable })));
  return {
    state: {
      phase: 'shared',
      rules,
      identity,
      sessionId,
      binding,
      clients,
      threshold,
      secrets: new Held({ selfMaskSeed, pairs, awaiting, sealing, kem }),
    },
    message: { type: 'share', sessionId, client, rosterHash: binding.rosterHash, shares, ...recoverable, signature },
  };
}

async function checkRoster(rules: SumRules, roster: Roster, own: Advertise, crypto: CryptoPort): Promise<void> {
  const { entries, sessionId } = roster;
  if (!isSortedSet(entries.map((entry) => entry.client))) {
    throw new SottoError('ROSTER_INVALID', 'roster: clients are not in order, or one is there twice');
  }
  // One key in two places would let a share or a mask of one client be read as another's.
  const keys = entries.flatMap((entry) => keysOf(entry));
  if (new Set(keys).size !== keys.length) {
    throw new SottoError('ROSTER_INVALID', 'roster: a key is there twice');
  }
  const mine = entries.find((entry) => entry.client === own.client);
  if (
    mine === undefined ||
    mine.maskKey !== own.maskKey ||
    mine.sealKey !== own.sealKey ||
    mine.maskKemKey !== own.maskKemKey ||
    mine.sealKemKey !== own.sealKemKey ||
    mine.signature !== own.signature
  ) {
    throw new SottoError('ROSTER_INVALID', `roster: the own entry of client ${own.client} was altered or left out`);
  }
  const fault = cohortFault(entries.length, rules.minSurvivors, rules.colluding);
  if (fault !== null) throw new SottoError('COHORT_TOO_SMALL', `roster: ${fault}`);
  for (const entry of entries) {
    const { client, sessionId: session } = entry;
    if (!rules.identities.has(client)) {
      throw new SottoError('ROSTER_INVALID', `roster: client ${client} is not on the plan's roster`);
    }
    if (session !== sessionId) {
      throw new SottoError('ROSTER_INVALID', `roster: client ${client} advertised for session ${session}`);
    }
    if (!hasSuiteKeys(rules.header.suite, entry)) {
      throw new SottoError(
        'ROSTER_INVALID',
        `roster: client ${client} has not the keys of suite ${rules.header.suite}`,
      );
    }
  }
  // Side by side, so that a platform with threads for it checks several at a time.
  const others = entries.filter((entry) => entry !== mine);
  const valid = await Promise.all(
    others.map((entry) =>
      crypto.ed25519Verify(
        fromHex(rules.identities.get(entry.client)!),
        advertiseBytes(rules.header.suite, entry),
        fromHex(entry.signature),
      ),
    ),
  );
  const unsigned = others.find((_, index) => valid[index] !== true);
  if (unsigned !== undefined) {
    throw new SottoError('SIGNATURE_INVALID', `roster: the keys of client ${unsigned.client} are not signed by it`);
  }
}

/** A fresh secret for the owner of a key. */
async function encapsulated({ crypto, random }: SumPorts, key: string | undefined, client: string): Promise<KemSecret> {
  try {
    return await crypto.mlKemEncapsulate(fromBase64Url(key ?? ''), random.bytes(mlKemSizes.coins));
  } catch (error) {
    if (!isSottoError(error, 'KEY_MISMATCH')) throw error;
    throw new SottoError('ROSTER_INVALID', `roster: client ${client} has a malformed ML-KEM key`);
  }
}

async function sharedSecret(crypto: CryptoPort, secret: Uint8Array, peer: string, client: string): Promise<Uint8Array> {
  try {
    return await crypto.x25519(secret, fromHex(peer));
  } catch (error) {
    if (!isSottoError(error, 'KEY_MISMATCH')) throw error;
    throw new SottoError('ROSTER_INVALID', `roster: client ${client} has a low-order key`);
  }
}
