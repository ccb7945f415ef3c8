import { SottoError, isSottoError } from '../errors/index.ts';
import { mlKemSizes, seal, type CryptoPort } from '../crypto/index.ts';
import { concatBytes, fromBase64Url, fromHex, toBase64Url, toHex } from '../vector/index.ts';
import {
  advertiseBytes,
  kemSecretsInfo,
  memberOf,
  rosterHashOf,
  sealInfo,
  shareBytes,
  shareHashBegin,
  shareHashBytes,
  type Binding,
} from './binding.ts';
import { expectPhase, isSortedSet, type Pair, type SumClientState } from './client-state.ts';
import { createGraph, holdersIn, type SumGraph } from './graph.ts';
import { Held } from './held.ts';
import { combinedSecret, hasSuiteKeys, keysOf, pairOf, type KemSecret } from './hybrid.ts';
import type { Advertise, DealtShare, Roster, RosterMember, Share } from './messages.ts';
import { cohortFault, completeGraphMaxClients } from './parameters.ts';
import { peersAtOnce, type SumPorts, type SumRules } from './rules.ts';
import { dealShares, drawFieldElement } from './shamir.ts';

/**
 * Checks the roster, draws its graph, derives the keys of every pair that this client is in and deals shares of the self-mask
 * seed b and the recovery seed r to every holder.
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
  const { rosterHash, graph, holders } = await checkRoster(rules, roster, from.advertise, crypto);

  const binding: Binding = { suite: rules.header.suite, sessionId, rosterHash };
  const places = new Map(graph.clients.map((other, i) => [other, i + 1]));
  const positions = holders.map((holder) => places.get(holder)!);
  const selfMaskSeed = drawFieldElement(random);
  const selfMaskShares = dealShares(selfMaskSeed, graph.threshold, positions, random);
  const recoveryShares = dealShares(recoverySeed, graph.threshold, positions, random);

  const pairs = new Map<string, Pair>();
  const awaiting = new Map<string, Uint8Array>();
  const kemSecrets: Uint8Array[] = [];
  const sealing = new Map<string, Uint8Array>();
  const shares: DealtShare[] = [];
  const entries = new Map(roster.entries.map((entry) => [entry.client, entry]));
  const hashBegin = shareHashBegin(binding);
  for (const [i, holder] of holders.entries()) {
    if (i % peersAtOnce === 0) await ports.pause?.();
    // The entries are those of the holders, and the own one.
    const entry = entries.get(holder)!;
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
      selfMaskShareHash: toHex(await crypto.sha256(shareHashBytes(hashBegin, client, holder, 'selfMask', selfMask))),
      recoveryShareHash: toHex(await crypto.sha256(shareHashBytes(hashBegin, client, holder, 'recovery', recovery))),
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
      graph,
      holders,
      secrets: new Held({ selfMaskSeed, pairs, awaiting, sealing, kem }),
    },
    message: { type: 'share', sessionId, client, rosterHash, shares, ...recoverable, signature },
  };
}

/** What a roster that passed its checks fixes. */
type CheckedRoster = {
  readonly rosterHash: string;
  readonly graph: SumGraph;
  readonly holders: readonly string[];
};

async function checkRoster(
  rules: SumRules,
  roster: Roster,
  own: Advertise,
  crypto: CryptoPort,
): Promise<CheckedRoster> {
  const { entries, sessionId } = roster;
  const hashes = entries.map(memberOf);
  const members = roster.members ?? hashes;
  const clients = members.map(({ client }) => client);
  if (!isSortedSet(clients)) {
    throw new SottoError('ROSTER_INVALID', 'roster: clients are not in order, or one is there twice');
  }
  if ((roster.members !== undefined) !== clients.length > completeGraphMaxClients) {
    throw new SottoError('ROSTER_INVALID', `roster: ${clients.length} clients are not named in the way for so many`);
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
  const fault = cohortFault(clients.length, rules.minSurvivors, rules.colluding);
  if (fault !== null) throw new SottoError('COHORT_TOO_SMALL', `roster: ${fault}`);
  for (const client of clients) {
    if (!rules.identities.has(client)) {
      throw new SottoError('ROSTER_INVALID', `roster: client ${client} is not on the plan's roster`);
    }
  }
  for (const entry of entries) {
    const { client, sessionId: session } = entry;
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
  const rosterHash = rosterHashOf({ ...roster, members });
  const graph = createGraph(clients, rosterHash);
  const holders = holdersIn(graph, [own.client]).get(own.client) ?? [];
  if (roster.members !== undefined) checkNeighbours(members, hashes, holders, own.client);
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
  return { rosterHash, graph, holders };
}

/** On the ring: the entries are those of the neighbours that the roster's hash gives, and each is the one that went into it. */
function checkNeighbours(
  members: readonly RosterMember[],
  given: readonly RosterMember[],
  holders: readonly string[],
  client: string,
): void {
  const expected = [...holders, client].sort();
  if (given.length !== expected.length || given.some((entry, i) => entry.client !== expected[i])) {
    throw new SottoError('ROSTER_INVALID', 'roster: these are not the neighbours that its hash gives');
  }
  const hashes = new Map(members.map((member) => [member.client, member.entryHash]));
  const altered = given.find((entry) => hashes.get(entry.client) !== entry.entryHash);
  if (altered !== undefined) {
    throw new SottoError('ROSTER_INVALID', `roster: the entry of client ${altered.client} is not the one in its hash`);
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
