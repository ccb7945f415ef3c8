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
  const invitation = issueInvitation(
    authority,
    {
      coordinator: 'https://coordinator.invalid',
      tlsFingerprint: null,
      role: 'silo',
      quota: 1,
      expiresAt: '2099-01-01T00:00:00.000Z',
    },
    random,
  );
  const seed = random.bytes(32);
  const identity = toHex(await crypto.ed25519PublicKey(seed));
  const client = clientIdOf(identity);
  return {
    roster: { client, name, identity },
    certificate: await issueCertificate(invitation, identity, name, crypto),
    identity: { client, sign: (message) => crypto.ed25519Sign(seed, message) },
  };
}
