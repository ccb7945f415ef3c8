import { SottoError } from '../errors/index.ts';
import { mlKemSizes } from '../crypto/index.ts';
import { toBase64Url, toHex } from '../vector/index.ts';
import { advertiseBytes, maskKemInfo, maskKeyInfo, sessionIdOf } from './binding.ts';
import type { SumClientState } from './client-state.ts';
import { Held } from './held.ts';
import type { Advertise } from './messages.ts';
import type { SumIdentity, SumPorts, SumRules } from './rules.ts';
import { drawFieldElement } from './shamir.ts';
import { isHybrid } from './suite.ts';

/**
 * Begins a session: fresh keys, signed. The caller has checked the plan against its policy, the attempt against its
 * durable mark and the model's bytes against the header's hash. In `local` and `trusted` mode there are no keys and no message.
 *
 * The masking key pairs follow from the recovery seed r, whose shares the others hold; the sealing pairs come from seeds of
 * their own that are never shared.
 * @throws {PLAN_INVALID} when the rules do not name this client or allow a sum over too few.
 */
export async function beginSession(
  rules: SumRules,
  identity: SumIdentity,
  ports: SumPorts,
): Promise<{ state: SumClientState; message: Advertise | null }> {
  const { header } = rules;
  const { client } = identity;
  const sessionId = sessionIdOf(header);
  if (!rules.identities.has(client)) {
    throw new SottoError('PLAN_INVALID', `client ${client} is not on the plan's roster`);
  }
  if (header.trust !== 'secure') return { state: { phase: 'plain', rules, identity, sessionId }, message: null };
  const least = Math.max(3, rules.colluding + 2);
  if (rules.minSurvivors < least) {
    throw new SottoError('PLAN_INVALID', `minSurvivors ${rules.minSurvivors} is below ${least}`);
  }
  const { crypto, random } = ports;
  const recoverySeed = drawFieldElement(random);
  const sealSecret = random.bytes(32);
  const maskSecret = await crypto.hkdf(recoverySeed, maskKeyInfo(header.suite, sessionId, client), 32);
  const kem = isHybrid(header.suite)
    ? {
        mask: await crypto.hkdf(recoverySeed, maskKemInfo(header.suite, sessionId, client), mlKemSizes.seed),
        seal: random.bytes(mlKemSizes.seed),
      }
    : null;
  const keys = {
    sessionId,
    client,
    maskKey: toHex(await crypto.x25519PublicKey(maskSecret)),
    sealKey: toHex(await crypto.x25519PublicKey(sealSecret)),
    ...(kem !== null && {
      maskKemKey: toBase64Url(await crypto.mlKemPublicKey(kem.mask)),
      sealKemKey: toBase64Url(await crypto.mlKemPublicKey(kem.seal)),
    }),
  };
  const signature = toHex(await identity.sign(advertiseBytes(header.suite, keys)));
  const message: Advertise = { type: 'advertise', ...keys, signature };
  const secrets = new Held({ recoverySeed, maskSecret, sealSecret, kem });
  return { state: { phase: 'advertised', rules, identity, sessionId, advertise: message, secrets }, message };
}
