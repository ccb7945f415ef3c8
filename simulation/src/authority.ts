import {
  authorityKeyOf,
  clientIdOf,
  issueCertificate,
  issueInvitation,
  type AuthorityKey,
  type Certificate,
} from '@sotto/shared/protocol';
import type { CryptoPort } from '@sotto/shared/crypto';
import type { RosterClient } from '@sotto/shared/plan';
import type { RandomSource } from '@sotto/shared/random';
import type { SumIdentity } from '@sotto/shared/secure-sum';
import { toHex } from '@sotto/shared/vector';

/** A simulated client's identity, with the certificate that its invitation gave it. */
export type SimulatedIdentity = {
  readonly roster: RosterClient;
  readonly certificate: Certificate;
  readonly identity: SumIdentity;
};

/** An authority of this simulation alone. */
export function simulatedAuthority(random: RandomSource): AuthorityKey {
  return authorityKeyOf(toHex(random.bytes(32)));
}

/** Invites and certifies one client, as by hand. */
export async function simulatedIdentity(
  name: string,
  authority: AuthorityKey,
  crypto: CryptoPort,
  random: RandomSource,
): Promise<SimulatedIdentity> {
  const secret = random.bytes(32);
  const seed = random.bytes(32);
  const drawn = [authority.seed, toHex(secret), toHex(seed), name].join();
  const known = made.get(drawn) ?? (await certified(name, authority, crypto, secret, seed));
  if (made.size >= madeMax) made.clear();
  made.set(drawn, known);
  return { ...known, identity: { client: known.roster.client, sign: (message) => crypto.ed25519Sign(seed, message) } };
}

/** Who runs one scenario again and again draws the same clients each time; to invite them all is a fifth of a short run. */
const made = new Map<string, Omit<SimulatedIdentity, 'identity'>>();
const madeMax = 512;

async function certified(
  name: string,
  authority: AuthorityKey,
  crypto: CryptoPort,
  secret: Uint8Array,
  seed: Uint8Array,
): Promise<Omit<SimulatedIdentity, 'identity'>> {
  const invitation = issueInvitation(
    authority,
    {
      coordinator: 'https://coordinator.invalid',
      tlsFingerprint: null,
      role: 'silo',
      quota: 1,
      expiresAt: '2099-01-01T00:00:00.000Z',
    },
    { bytes: () => secret },
  );
  const identity = toHex(await crypto.ed25519PublicKey(seed));
  return {
    roster: { client: clientIdOf(identity), name, identity },
    certificate: await issueCertificate(invitation, identity, name, crypto),
  };
}
