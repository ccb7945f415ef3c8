import { SottoError } from '@sotto/shared/errors';
import {
  revocationListSchema,
  signRevocations,
  verifyRevocations,
  type AuthorityKey,
  type RevocationList,
} from '@sotto/shared/protocol';

/**
 * The next revocation list: the last one's clients and the new ones, under the next number. A list only grows.
 * @param last - JSON of the list in force, null before the first.
 * @throws {SIGNATURE_INVALID} when the last list is not this authority's; {INVALID_INPUT} when it or a client id is malformed.
 */
export function nextRevocations(key: AuthorityKey, last: unknown, clients: readonly string[]): RevocationList {
  if (last === null) return signRevocations(key, 1, clients);
  const parsed = revocationListSchema.safeParse(last);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new SottoError(
      'INVALID_INPUT',
      `the last revocation list, ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
    );
  }
  verifyRevocations(parsed.data, key.publicKey);
  return signRevocations(key, parsed.data.number + 1, [...parsed.data.revoked, ...clients]);
}
