import { SottoError } from '../errors/index.ts';
import type { RandomSource } from '../random/index.ts';
import { canonicalJson, fromBase64Url, fromUtf8, toBase64Url, toHex, utf8 } from '../vector/index.ts';
import { authorityKeyOf, authoritySigned, signAsAuthority, type AuthorityKey } from './authority-signature.ts';
import { invitationSchema, type Invitation, type Voucher } from './identity.ts';

/** What an authority decides about an invitation. */
export type InvitationTerms = Pick<Voucher, 'coordinator' | 'tlsFingerprint' | 'role' | 'quota' | 'expiresAt'> & {
  /** The name that the certificate must bear; absent: its holder chooses. */
  readonly name?: string | null;
};

/**
 * Makes an invitation: a voucher with a key of its own that the authority signs, and the voucher's secret for its holder.
 * @throws {INVALID_INPUT} when a silo's quota is not 1, or a term does not have the voucher's form.
 */
export function issueInvitation(
  key: AuthorityKey,
  terms: InvitationTerms,
  random: Pick<RandomSource, 'bytes'>,
): Invitation {
  if (terms.role === 'silo' && terms.quota !== 1) {
    throw new SottoError('INVALID_INPUT', `quota: a silo's invitation admits 1 identity, got ${terms.quota}`);
  }
  const secret = toHex(random.bytes(32));
  const content = {
    kind: 'sotto-voucher',
    version: 1,
    authority: key.publicKey,
    coordinator: terms.coordinator,
    tlsFingerprint: terms.tlsFingerprint,
    role: terms.role,
    quota: terms.quota,
    expiresAt: terms.expiresAt,
    name: terms.name ?? null,
    voucherKey: authorityKeyOf(secret).publicKey,
  } as const;
  const voucher: Voucher = { ...content, signature: signAsAuthority(key, 'voucher', content) };
  const parsed = invitationSchema.safeParse({ voucher, secret });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new SottoError('INVALID_INPUT', `invitation, ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`);
}

/** Whether the authority that the voucher names signed it. Which authority is trusted is the caller's to say. */
export function voucherSigned(voucher: Voucher): boolean {
  const { signature, ...content } = voucher;
  return authoritySigned(voucher.authority, 'voucher', content, signature);
}

/** When a voucher stops admitting identities, in milliseconds since the epoch. */
export function expiryMsOf(voucher: Voucher): number {
  // eslint-disable-next-line no-restricted-globals -- Date.parse of an ISO 8601 text reads no clock.
  return Date.parse(voucher.expiresAt);
}

const prefix = 'sotto1.';
const lineMaxCharacters = 8_192;

/** An invitation as one line of text: `sotto1.` and base64url. Whoever has the line can join; treat it as a password. */
export function encodeInvitation(invitation: Invitation): string {
  return prefix + toBase64Url(utf8(canonicalJson(invitation)));
}

/**
 * The invitation of a line of text, checked: form, signature, expiry, and that the secret belongs to the voucher.
 * @throws {INVITATION_INVALID} naming what is wrong.
 */
export function decodeInvitation(text: string, nowMs: number): Invitation {
  const line = text.trim();
  if (!line.startsWith(prefix)) throw new SottoError('INVITATION_INVALID', `an invitation begins with ${prefix}`);
  if (line.length > lineMaxCharacters) {
    throw new SottoError(
      'INVITATION_INVALID',
      `an invitation has at most ${lineMaxCharacters} characters, got ${line.length}`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(fromUtf8(fromBase64Url(line.slice(prefix.length))));
  } catch {
    throw new SottoError('INVITATION_INVALID', 'the invitation was cut or altered: it cannot be decoded');
  }
  const parsed = invitationSchema.safeParse(value);
  if (!parsed.success)
    throw new SottoError('INVITATION_INVALID', 'the invitation does not have the form of an invitation');
  // Encoding again finds what a lenient decoder lets pass: other spellings of the same bytes.
  if (encodeInvitation(parsed.data) !== line) {
    throw new SottoError('INVITATION_INVALID', 'the invitation was cut or altered: copy the whole line again');
  }
  const { voucher, secret } = parsed.data;
  if (!voucherSigned(voucher)) {
    throw new SottoError('INVITATION_INVALID', `the signature is not that of authority ${voucher.authority}`);
  }
  if (authorityKeyOf(secret).publicKey !== voucher.voucherKey) {
    throw new SottoError('INVITATION_INVALID', 'the secret does not belong to the voucher');
  }
  if (expiryMsOf(voucher) <= nowMs) {
    throw new SottoError('INVITATION_INVALID', `the invitation expired at ${voucher.expiresAt}`);
  }
  return parsed.data;
}
