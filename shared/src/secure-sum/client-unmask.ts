import { SottoError } from '../errors/index.ts';
import { fromHex, toHex } from '../vector/index.ts';
import { agreeBytes } from './binding.ts';
import { expectPhase, isSortedSet, type SumClientState } from './client-state.ts';
import { Held } from './held.ts';
import type { Agree, AgreeRequest, Unmask, UnmaskRequest } from './messages.ts';
import { firstRemoved, noiseLevels, walkChain } from './noise-chain.ts';
import type { SumPorts } from './rules.ts';

/**
 * Signs, once in a session, the sets that the sum is to be taken over. The signature enforces the noise floor: by the
 * threshold rule alone, different holders could be shown different survivors.
 * @throws {MESSAGE_UNEXPECTED} out of order, twice or from another session.
 * @throws {MESSAGE_INVALID} when the sharers are not those that dealt to this client, or the survivors not among them.
 * @throws {COHORT_TOO_SMALL} when fewer than max(t, minSurvivors) survived.
 */
export async function onAgreeRequest(
  state: SumClientState,
  request: AgreeRequest,
  _ports: SumPorts,
): Promise<{ state: SumClientState; message: Agree }> {
  const from = expectPhase(state, 'uploaded', request);
  const secrets = from.secrets.take();
  const { rules, identity, sessionId, binding, clients, threshold, sharers } = from;
  const { client } = identity;
  const survivors = [...request.survivors];
  if (request.sharers.length !== sharers.length || sharers.some((sharer, i) => sharer !== request.sharers[i])) {
    throw new SottoError(
      'MESSAGE_INVALID',
      `agree: ${request.sharers.length} sharers, not the ${sharers.length} known`,
    );
  }
  if (!isSortedSet(survivors) || survivors.some((survivor) => !sharers.includes(survivor))) {
    throw new SottoError('MESSAGE_INVALID', 'agree: the survivors are not in order, or not all of them dealt shares');
  }
  if (!survivors.includes(client)) {
    throw new SottoError('MESSAGE_INVALID', `agree: client ${client} uploaded but is not among the survivors`);
  }
  const needed = Math.max(threshold, rules.minSurvivors);
  if (survivors.length < needed) {
    throw new SottoError('COHORT_TOO_SMALL', `agree: ${survivors.length} survivors, ${needed} are needed`);
  }
  const signature = toHex(await identity.sign(agreeBytes(binding, sharers, survivors)));
  return {
    state: {
      phase: 'agreed',
      rules,
      identity,
      sessionId,
      binding,
      clients,
      threshold,
      sharers,
      survivors,
      secrets: new Held(secrets),
    },
    message: { type: 'agree', sessionId, client, signature },
  };
}

/**
 * Gives, once in a session, one share for each sharer: of b for a survivor, of r for a lost one, never both, after t
 * survivors (this client included) signed the very sets that it signed; and the key of those layers of its own noise that so many
 * survivors do not need, which says nothing of the others. Nothing secret is left afterwards.
 * @throws {MESSAGE_UNEXPECTED} out of order, twice or from another session.
 * @throws {SIGNATURE_INVALID} when fewer than t distinct survivors signed these sets.
 */
export async function onUnmaskRequest(
  state: SumClientState,
  request: UnmaskRequest,
  ports: SumPorts,
): Promise<{ state: SumClientState; message: Unmask }> {
  const from = expectPhase(state, 'agreed', request);
  const { shares, noiseKey } = from.secrets.take();
  const { rules, identity, sessionId, binding, clients, threshold, sharers, survivors } = from;
  const { client } = identity;
  const signed = agreeBytes(binding, sharers, survivors);
  const agreed = new Set([client]);
  for (const { client: other, signature } of request.agreed) {
    if (agreed.size >= threshold) break;
    const identityKey = rules.identities.get(other);
    if (agreed.has(other) || identityKey === undefined || !survivors.includes(other)) continue;
    if (await ports.crypto.ed25519Verify(fromHex(identityKey), signed, fromHex(signature))) agreed.add(other);
  }
  if (agreed.size < threshold) {
    throw new SottoError(
      'SIGNATURE_INVALID',
      `unmask: ${agreed.size} survivors signed the same sets, ${threshold} are needed`,
    );
  }
  const given = sharers.map((dealer) => {
    const { selfMask, recovery } = shares.get(dealer)!;
    return survivors.includes(dealer)
      ? { dealer, kind: 'selfMask' as const, share: toHex(selfMask) }
      : { dealer, kind: 'recovery' as const, share: toHex(recovery) };
  });
  // By the sets that this client signed and the roster that it checked: a coordinator has no say in it.
  const first = firstRemoved(noiseLevels(rules, clients.length), survivors.length);
  const disclosed =
    noiseKey === null || first === null
      ? {}
      : { noiseKey: toHex(await walkChain(ports.crypto, binding, client, noiseKey, 1, first)) };
  return {
    state: { phase: 'done', rules, identity, sessionId },
    message: { type: 'unmask', sessionId, client, shares: given, ...disclosed },
  };
}
