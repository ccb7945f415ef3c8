import { signedBytes, type CryptoPort } from '../crypto/index.ts';
import { SottoError } from '../errors/index.ts';
import { fromHex, toHex } from '../vector/index.ts';
import type { Certificate, Invitation } from './identity.ts';
import { authoritySignedBy } from './authority-signature.ts';
import { expiryMsOf } from './invitation.ts';

/**
 * A client's certificate: its own identity key and name, signed with the voucher's secret.
 * @throws {INVITATION_INVALID} when the voucher is for another name.
 */
export async function issueCertificate(
  invitation: Invitation,
  identity: string,
  name: string,
  crypto: CryptoPort,
): Promise<Certificate> {
  if (invitation.voucher.name !== null && invitation.voucher.name !== name) {
    throw new SottoError('INVITATION_INVALID', `the invitation is for "${invitation.voucher.name}", not for "${name}"`);
  }
  const signature = await crypto.ed25519Sign(fromHex(invitation.secret), certificateBytes(identity, name));
  return { voucher: invitation.voucher, identity, name, signature: toHex(signature) };
}

/**
 * Checks a certificate against the pinned authority: the voucher is the authority's, the identity is the voucher's.
 * Expiry limits when an identity may enrol, not how long it lasts (revocation ends it), so pass the time only on enrolment.
 *
 * @param nowMs - time of enrolment, or null for a client that is enrolled
 * @throws {CERTIFICATE_INVALID} when a signature fails or the authority is another
 * @throws {INVITATION_INVALID} when the voucher has expired
 */
export async function verifyCertificate(
  certificate: Certificate,
  authority: string,
  nowMs: number | null,
  crypto: CryptoPort,
): Promise<void> {
  const { voucher, identity, name } = certificate;
  const { signature, ...content } = voucher;
  if (voucher.authority !== authority || !(await authoritySignedBy(authority, 'voucher', content, signature, crypto))) {
    throw new SottoError('CERTIFICATE_INVALID', `client ${name}: the voucher is not signed by authority ${authority}`);
  }
  if (nowMs !== null && expiryMsOf(voucher) <= nowMs) {
    throw new SottoError('INVITATION_INVALID', `client ${name}: the invitation expired at ${voucher.expiresAt}`);
  }
  if (voucher.name !== null && voucher.name !== name) {
    throw new SottoError('CERTIFICATE_INVALID', `client ${name}: its voucher is for "${voucher.name}"`);
  }
  const bytes = certificateBytes(identity, name);
  if (!(await crypto.ed25519Verify(fromHex(voucher.voucherKey), bytes, fromHex(certificate.signature)))) {
    throw new SottoError('CERTIFICATE_INVALID', `client ${name}: the identity is not signed with its voucher`);
  }
}

/**
 * Checks that no voucher admits more identities than its quota.
 * @throws {CERTIFICATE_INVALID} naming the voucher and both numbers.
 */
export function checkQuotas(certificates: readonly Certificate[]): void {
  const admitted = new Map<string, Set<string>>();
  for (const { voucher, identity } of certificates) {
    const identities = (admitted.get(voucher.voucherKey) ?? new Set<string>()).add(identity);
    admitted.set(voucher.voucherKey, identities);
    if (identities.size > voucher.quota) {
      throw new SottoError(
        'CERTIFICATE_INVALID',
        `voucher ${voucher.voucherKey} admits ${voucher.quota} identities, ${identities.size} hold its certificate`,
      );
    }
  }
}

function certificateBytes(identity: string, name: string): Uint8Array {
  return signedBytes('certificate', fromHex(identity), name);
}
