import { createNodeCrypto } from '@sotto/shared/crypto/node';
import { SottoError } from '@sotto/shared/errors';
import {
  clientPaths,
  decodeInvitation,
  enrolAnswerSchema,
  issueCertificate,
  type Certificate,
} from '@sotto/shared/protocol';
import { postJson } from '../platform/coordinator-http.ts';
import { createNodeHttp } from '../platform/node-http.ts';
import { createIdentityKey, loadIdentity, saveIdentity } from './node-identity.ts';

export type Joined = { readonly client: string; readonly certificate: Certificate; readonly folder: string };

/**
 * Joins a federation: checks the invitation, makes an identity key, signs it with the voucher, keeps it and enrols with the
 * coordinator, whose TLS certificate must be the invitation's. Can be repeated when the enrolment did not get through.
 *
 * @param invitation - the line of text that the authority gave out.
 * @throws {INVITATION_INVALID} when it is malformed, expired or used up.
 * @throws {TLS_MISMATCH} when another server answers.
 * @throws {UNREACHABLE} when none does; the identity is kept and `join` can be repeated.
 * @throws {CONFLICT} when the folder belongs to another federation or voucher.
 */
export async function joinFederation(options: {
  readonly folder: string;
  readonly invitation: string;
  /** What the others see, unless the invitation fixes the name. */
  readonly name: string;
  readonly nowMs: number;
}): Promise<Joined> {
  let certificate = await existing(options.folder);
  // An invitation's expiry limits who joins; a node that has joined may say so again.
  const invitation = decodeInvitation(options.invitation, certificate === null ? options.nowMs : 0);
  const { voucher } = invitation;
  if (certificate === null) {
    const { seed, identity } = await createIdentityKey();
    certificate = await issueCertificate(invitation, identity, voucher.name ?? options.name, createNodeCrypto());
    await saveIdentity(options.folder, seed, certificate);
  } else if (certificate.voucher.voucherKey !== voucher.voucherKey) {
    throw new SottoError('CONFLICT', `${options.folder}: joined with another invitation already; use another folder`);
  }
  const http = createNodeHttp(voucher.coordinator, voucher.tlsFingerprint);
  try {
    const answer = enrolAnswerSchema.parse(await postJson(http, clientPaths.enrol, { certificate }));
    return { client: answer.client, certificate, folder: options.folder };
  } finally {
    http.close();
  }
}

async function existing(folder: string): Promise<Certificate | null> {
  try {
    return (await loadIdentity(folder)).certificate;
  } catch (error) {
    if (error instanceof SottoError && error.code === 'FILE_NOT_FOUND') return null;
    throw error;
  }
}
