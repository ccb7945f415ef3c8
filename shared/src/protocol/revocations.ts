import { authoritySigned, signAsAuthority, type AuthorityKey } from './authority-signature.ts';
import { SottoError } from '../errors/index.ts';
import { revocationListSchema, type RevocationList } from './identity.ts';

/**
 * The authority's next list of revoked clients; sorted, without duplicates.
 * @throws {INVALID_INPUT} when the number or a client id does not have its form.
 */
export function signRevocations(key: AuthorityKey, number: number, revoked: readonly string[]): RevocationList {
  const content = {
    kind: 'sotto-revocations',
    version: 1,
    authority: key.publicKey,
    number,
    revoked: [...new Set(revoked)].sort(),
  } as const;
  const parsed = revocationListSchema.safeParse({
    ...content,
    signature: signAsAuthority(key, 'revocations', content),
  });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new SottoError(
    'INVALID_INPUT',
    `revocations, ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`,
  );
}

/**
 * Checks a revocation list against the pinned authority and the list in force.
 * @param numberInForce - number of the list in force; 0 where there is none yet
 * @throws {SIGNATURE_INVALID} when the authority did not sign it.
 * @throws {CONFLICT} when it is not newer: an old list would bring revoked clients back.
 */
export function verifyRevocations(list: RevocationList, authority: string, numberInForce = 0): void {
  const { signature, ...content } = list;
  if (list.authority !== authority || !authoritySigned(authority, 'revocations', content, signature)) {
    throw new SottoError('SIGNATURE_INVALID', `revocation list ${list.number}: not signed by authority ${authority}`);
  }
  if (list.number <= numberInForce) {
    throw new SottoError('CONFLICT', `revocation list ${list.number} is not newer than list ${numberInForce} in force`);
  }
}
