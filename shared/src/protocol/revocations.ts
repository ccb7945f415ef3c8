import { authoritySigned, signAsAuthority, type AuthorityKey } from './authority-signature.ts';
import { SottoError } from '../errors/index.ts';
import type { RevocationList } from './identity.ts';

/** The authority's next list of revoked clients; sorted, without duplicates. */
export function signRevocations(key: AuthorityKey, number: number, revoked: readonly string[]): RevocationList {
  const content = {
    kind: 'sotto-revocations',
    version: 1,
    authority: key.publicKey,
    number,
    revoked: [...new Set(revoked)].sort(),
  } as const;
  return { ...content, signature: signAsAuthority(key, 'revocations', content) };
}

/**
 * Checks a revocation list against the pinned authority.
 * @throws {SIGNATURE_INVALID} when the authority did not sign it.
 */
export function verifyRevocations(list: RevocationList, authority: string): void {
  const { signature, ...content } = list;
  if (list.authority !== authority || !authoritySigned(authority, 'revocations', content, signature)) {
    throw new SottoError('SIGNATURE_INVALID', `revocation list ${list.number}: not signed by authority ${authority}`);
  }
}
