import type { CryptoPort } from '@sotto/shared/crypto';
import { SottoError } from '@sotto/shared/errors';
import {
  clientIdOf,
  clientPaths,
  decodeInvitation,
  enrolAnswerSchema,
  issueCertificate,
  type Certificate,
} from '@sotto/shared/protocol';
import type { RandomSource } from '@sotto/shared/random';
import type { ClientMember } from '../client/client.ts';
import { postJson } from '../platform/coordinator-http.ts';
import { createWebHttp } from '../platform/web-http.ts';
import { createIdentityKey } from './web-identity.ts';
import type { WebStore } from './web-store.ts';

type Platform = { readonly subtle: SubtleCrypto; readonly crypto: CryptoPort; readonly random: RandomSource };

/**
 * Joins a federation with a store: checks the invitation, makes an identity key, signs it with the voucher, keeps it and enrols.
 * Called by one tab at a time.
 *
 * @throws as `Client.join`.
 */
export async function joinWithStore(
  store: WebStore,
  line: string,
  name: string,
  { subtle, crypto, random }: Platform,
): Promise<ClientMember> {
  let certificate = (await store.identity())?.certificate ?? null;
  // An invitation's expiry limits who joins; a client that has joined may say so again.
  const invitation = decodeInvitation(line.trim(), certificate === null ? Date.now() : 0);
  const { voucher } = invitation;
  if (certificate === null) {
    const { key, seed, identity } = await createIdentityKey(subtle, crypto, random);
    certificate = await issueCertificate(invitation, identity, voucher.name ?? name, crypto);
    await store.saveIdentity({ key, seed, certificate });
  } else if (certificate.voucher.voucherKey !== voucher.voucherKey) {
    throw new SottoError('CONFLICT', 'this store has joined with another invitation already; use another store');
  }
  const http = createWebHttp(voucher.coordinator);
  try {
    enrolAnswerSchema.parse(await postJson(http, clientPaths.enrol, { certificate }));
    return memberOf(certificate);
  } finally {
    http.close();
  }
}

export function memberOf({ identity, name, voucher }: Certificate): ClientMember {
  return { client: clientIdOf(identity), name, coordinator: voucher.coordinator };
}
