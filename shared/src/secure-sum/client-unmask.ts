import { SottoError } from '../errors/index.ts';
import { fromHex, toHex } from '../vector/index.ts';
import { agreeBytes } from './binding.ts';
import { expectPhase, isSortedSet, type SumClientState } from './client-state.ts';
import { spreadFault } from './graph.ts';
import { Held } from './held.ts';
import type { Agree, AgreeRequest, Unmask, UnmaskRequest } from './messages.ts';
import { firstRemoved, noiseLevels, walkChain } from './noise-chain.ts';
import type { SumPorts } from './rules.ts';

/**
 * Signs, once in a session, the sets that the sum is to be taken over. The signature enforces the noise floor: by the
 * threshold rule alone, different holders could be shown different survivors.
 * @throws {MESSAGE_UNEXPECTED} out of order, twice or from another session.
 * @throws {MESSAGE_INVALID} when those of the sharers whose shares it would hold are not those that dealt to it, or the survivors
 * not among the sharers.
 * @throws {COHORT_TOO_SMALL} when too few survived for ⌊2n/3⌋ + 1 signatures, minSurvivors or t shares of this client's secret.
 */
export async function onAgreeRequest(
  state: SumClientState,
  request: AgreeRequest,
  _ports: SumPorts,
): Promise<{ state: SumClientState; message: Agree }> {
  const from = expectPhase(state, 'uploaded', request);
  const secrets = from.secrets.take();
  const { rules, identity, sessionId, binding, graph, holders, dealers } = from;
  const { client } = identity;
  const sharers = [...request.sharers];
  const survivors = [...request.survivors];
  const everybody = new Set(graph.clients);
  const shared = new Set(sharers);
  const known = holders.filter((dealer) => shared.has(dealer));
  if (
    !isSortedSet(sharers) ||
    !shared.has(client) ||
    sharers.some((sharer) => !everybody.has(sharer)) ||
    known.length !== dealers.length ||
    dealers.some((dealer, i) => dealer !== known[i])
  ) {
    throw new SottoError(
      'MESSAGE_INVALID',
      `agree: the ${sharers.length} sharers are not in order, or do not agree with the ${dealers.length} known`,
    );
  }
  if (!isSortedSet(survivors) || survivors.some((survivor) => !shared.has(survivor))) {
    throw new SottoError('MESSAGE_INVALID', 'agree: the survivors are not in order, or not all of them dealt shares');
  }
  const alive = new Set(survivors);
  if (!alive.has(client)) {
    throw new SottoError('MESSAGE_INVALID', `agree: client ${client} uploaded but is not among the survivors`);
  }
  const needed = Math.max(graph.agreement, rules.minSurvivors);
  if (survivors.length < needed) {
    throw new SottoError('COHORT_TOO_SMALL', `agree: ${survivors.length} survivors, ${needed} are needed`);
  }
  const left = holders.filter((holder) => alive.has(holder)).length;
  if (left < graph.threshold) {
    throw new SottoError('COHORT_TOO_SMALL', `agree: ${left} holders survived, ${graph.threshold} are needed`);
  }
  const signature = toHex(await identity.sign(agreeBytes(binding, sharers, survivors)));
  return {
    state: {
      phase: 'agreed',
      rules,
      identity,
      sessionId,
      binding,
      graph,
      holders,
      dealers,
      sharers,
      survivors,
      secrets: new Held(secrets),
    },
    message: { type: 'agree', sessionId, client, signature },
  };
}

/**
 * Gives, once in a session, one share for each dealer: of b for a survivor, of r for a lost one, never both, after ⌊2n/3⌋ + 1
 * survivors of the whole cohort (this client included), on the ring in each stretch of it, signed the very sets that it signed; and
 * the key of those layers of its own noise that so many survivors do not need, which says nothing of the others. Nothing secret is
 * left afterwards.
 * @throws {MESSAGE_UNEXPECTED} out of order, twice or from another session.
 * @throws {SIGNATURE_INVALID} when fewer distinct survivors signed these sets, or on a part of the ring too few.
 */
export async function onUnmaskRequest(
  state: SumClientState,
  request: UnmaskRequest,
  ports: SumPorts,
): Promise<{ state: SumClientState; message: Unmask }> {
  const from = expectPhase(state, 'agreed', request);
  const { shares, noiseKey } = from.secrets.take();
  const { rules, identity, sessionId, binding, graph, dealers, sharers, survivors } = from;
  const { client } = identity;
  const signed = agreeBytes(binding, sharers, survivors);
  const alive = new Set(survivors);
  const agreed = new Set([client]);
  const isEnough = () => agreed.size >= graph.agreement && spreadFault(graph, agreed) === null;
  for (const { client: other, signature } of request.agreed) {
    if (isEnough()) break;
    const identityKey = rules.identities.get(other);
    if (agreed.has(other) || identityKey === undefined || !alive.has(other)) continue;
    if (await ports.crypto.ed25519Verify(fromHex(identityKey), signed, fromHex(signature))) agreed.add(other);
  }
  if (agreed.size < graph.agreement) {
    throw new SottoError(
      'SIGNATURE_INVALID',
      `unmask: ${agreed.size} survivors signed the same sets, ${graph.agreement} are needed`,
    );
  }
  const fault = spreadFault(graph, agreed);
  if (fault !== null) throw new SottoError('SIGNATURE_INVALID', `unmask: ${fault}`);
  const given = dealers.map((dealer) => {
    const { selfMask, recovery } = shares.get(dealer)!;
    return alive.has(dealer)
      ? { dealer, kind: 'selfMask' as const, share: toHex(selfMask) }
      : { dealer, kind: 'recovery' as const, share: toHex(recovery) };
  });
  // By the sets that this client signed and the roster that it checked: a coordinator has no say in it.
  const first = firstRemoved(noiseLevels(rules, graph.clients.length), survivors.length);
  const disclosed =
    noiseKey === null || first === null
      ? {}
      : { noiseKey: toHex(await walkChain(ports.crypto, binding, client, noiseKey, 1, first)) };
  return {
    state: { phase: 'done', rules, identity, sessionId },
    message: { type: 'unmask', sessionId, client, shares: given, ...disclosed },
  };
}
