import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { signedBytes } from '../crypto/index.ts';
import { createNobleCrypto } from '../crypto/noble-crypto.ts';
import type { CryptoPort } from '../crypto/index.ts';
import { isSottoError, type ErrorCode } from '../errors/index.ts';
import { exampleAuthority, examplePlan } from '../plan/testing/index.ts';
import { createSeededRandom } from '../random/index.ts';
import { canonicalJson, fromHex, toHex } from '../vector/index.ts';
import {
  authorityKeyOf,
  authoritySigned,
  checkQuotas,
  clientIdOf,
  decodeInvitation,
  encodeInvitation,
  fingerprintOf,
  issueCertificate,
  issueInvitation,
  parseSignedPlan,
  signAsAuthority,
  signInBytes,
  signPlan,
  signRevocations,
  verifyCertificate,
  verifyRevocations,
  verifySignIn,
  verifySignedPlan,
  verifySignedPlanBy,
  voucherSigned,
  type AuthorityKey,
  type Certificate,
  type Invitation,
} from './index.ts';

const crypto: CryptoPort = createNobleCrypto();
const random = createSeededRandom('signatures');
const authority = authorityKeyOf(toHex(random.bytes(32)));
const stranger = authorityKeyOf(toHex(random.bytes(32)));
const now = Date.parse('2026-11-01T00:00:00.000Z');
const terms = {
  coordinator: 'https://coordinator.example:8443',
  tlsFingerprint: 'ab'.repeat(32),
  role: 'silo',
  quota: 1,
  expiresAt: '2026-12-01T00:00:00.000Z',
  name: 'Kantonsspital Nord',
} as const;

function invitation(key: AuthorityKey = authority, changes: Partial<Parameters<typeof issueInvitation>[1]> = {}) {
  return issueInvitation(key, { ...terms, ...changes }, random);
}

async function certified(
  of: Invitation,
  name: string = terms.name,
): Promise<{ seed: Uint8Array; certificate: Certificate }> {
  const seed = random.bytes(32);
  const identity = toHex(await crypto.ed25519PublicKey(seed));
  return { seed, certificate: await issueCertificate(of, identity, name, crypto) };
}

/** The code that an action fails with; null when it does not fail. */
async function codeOf(action: () => unknown): Promise<ErrorCode | null> {
  try {
    await action();
    return null;
  } catch (error) {
    if (isSottoError(error)) return error.code;
    throw error;
  }
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Every way to change one leaf of a JSON value a little: one digit of a text, one unit of a number, null for both. */
function alterations(value: Json): Json[] {
  if (Array.isArray(value)) {
    const list = value as readonly Json[];
    return list.flatMap((item, i) =>
      alterations(item).map((changed) => list.map((old, j) => (j === i ? changed : old))),
    );
  }
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([key, member]) =>
      alterations(member as Json).map((changed) => ({ ...value, [key]: changed }) as Json),
    );
  }
  if (typeof value === 'number') return [value + 1];
  if (typeof value === 'boolean') return [!value];
  if (typeof value === 'string') {
    const last = value.at(-1);
    const first = value.at(0);
    return [value.slice(0, -1) + (last === '0' ? '1' : '0'), (first === '0' ? '1' : '0') + value.slice(1)];
  }
  return ['x'];
}

describe('the authority', () => {
  test('signs what the platform and the noble library verify', async () => {
    const signature = signAsAuthority(authority, 'plan', { a: 1 });
    expect(authoritySigned(authority.publicKey, 'plan', { a: 1 }, signature)).toBe(true);
    const message = signedBytes('plan', canonicalJson({ a: 1 }));
    expect(await crypto.ed25519Verify(fromHex(authority.publicKey), message, fromHex(signature))).toBe(true);
  });

  test('A17: signs for one purpose: no domain, content or key passes for another', () => {
    const signature = signAsAuthority(authority, 'plan', { a: 1 });
    expect(authoritySigned(authority.publicKey, 'voucher', { a: 1 }, signature)).toBe(false);
    expect(authoritySigned(authority.publicKey, 'revocations', { a: 1 }, signature)).toBe(false);
    expect(authoritySigned(authority.publicKey, 'plan', { a: 2 }, signature)).toBe(false);
    expect(authoritySigned(stranger.publicKey, 'plan', { a: 1 }, signature)).toBe(false);
  });

  test('every altered bit of a signature is refused', () => {
    const signature = fromHex(signAsAuthority(authority, 'plan', { a: 1 }));
    fc.assert(
      fc.property(fc.nat(511), (bit) => {
        const altered = signature.slice();
        altered[bit >> 3]! ^= 1 << (bit & 7);
        expect(authoritySigned(authority.publicKey, 'plan', { a: 1 }, toHex(altered))).toBe(false);
      }),
      { numRuns: 60 },
    );
  });

  test('the second form of a signature, S + L, is refused', () => {
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const signature = fromHex(signAsAuthority(authority, 'plan', { a: 1 }));
    let scalar = 0n;
    for (let i = 63; i >= 32; i--) scalar = scalar * 256n + BigInt(signature[i]!);
    let second = scalar + order;
    const altered = signature.slice();
    for (let i = 32; i < 64; i++, second /= 256n) altered[i] = Number(second % 256n);
    expect(second).toBe(0n);
    expect(authoritySigned(authority.publicKey, 'plan', { a: 1 }, toHex(altered))).toBe(false);
  });

  test('malformed keys and signatures are no signatures', () => {
    for (const text of ['', '00', 'zz'.repeat(64), 'AB'.repeat(64)]) {
      expect(authoritySigned(authority.publicKey, 'plan', {}, text)).toBe(false);
      expect(authoritySigned(text, 'plan', {}, '0'.repeat(128))).toBe(false);
    }
  });

  test('a fingerprint is the SHA-256 of the key', () => {
    expect(fingerprintOf('00'.repeat(32))).toBe('66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925');
    expect(clientIdOf('00'.repeat(32))).toBe('66687aadf862bd776c8fc18b8e9f8e2008971485');
  });
});

describe('a signed plan', () => {
  const plan = examplePlan();
  const key = authorityKeyOf(exampleAuthority().seed);
  const signed = signPlan(plan, key);

  test('verifies, also after a trip through JSON and by the platform', async () => {
    verifySignedPlan(signed, key.publicKey);
    verifySignedPlan(parseSignedPlan(JSON.parse(JSON.stringify(signed))), key.publicKey);
    await verifySignedPlanBy(signed, key.publicKey, crypto);
  });

  test('A19, A21: every altered field is refused', async () => {
    for (const altered of alterations(plan as unknown as Json)) {
      const code = await codeOf(() =>
        verifySignedPlan({ ...signed, plan: altered as unknown as typeof plan }, key.publicKey),
      );
      expect(code, canonicalJson(altered)).toBe('PLAN_UNSIGNED');
    }
  });

  test('of a stranger is refused, and a stranger cannot sign it', async () => {
    expect(await codeOf(() => verifySignedPlan(signed, stranger.publicKey))).toBe('PLAN_UNSIGNED');
    expect(await codeOf(() => signPlan(plan, stranger))).toBe('PLAN_INVALID');
    const forged = { plan, signature: signAsAuthority(stranger, 'plan', { planHash: '0'.repeat(64) }) };
    expect(await codeOf(() => verifySignedPlan(forged, key.publicKey))).toBe('PLAN_UNSIGNED');
    expect(await codeOf(() => verifySignedPlanBy(forged, key.publicKey, crypto))).toBe('PLAN_UNSIGNED');
    expect(await codeOf(() => verifySignedPlanBy(signed, stranger.publicKey, crypto))).toBe('PLAN_UNSIGNED');
  });

  test('without a signature is refused by name', async () => {
    expect(await codeOf(() => parseSignedPlan(plan))).toBe('PLAN_UNSIGNED');
    expect(await codeOf(() => parseSignedPlan({ plan, signature: 'ab' }))).toBe('PLAN_UNSIGNED');
    expect(await codeOf(() => parseSignedPlan({ plan: { ...plan, extra: 1 }, signature: signed.signature }))).toBe(
      'PLAN_INVALID',
    );
  });
});

describe('an invitation', () => {
  test('is one line of text that decodes to itself', () => {
    fc.assert(
      fc.property(
        fc.record({
          name: fc.option(
            fc.string({ minLength: 1, maxLength: 120, unit: 'grapheme' }).filter((s) => s.length <= 120),
            {
              nil: null,
            },
          ),
          role: fc.constantFrom('silo' as const, 'pool' as const),
          quota: fc.integer({ min: 1, max: 1_000_000 }),
          tlsFingerprint: fc.option(fc.constant('0f'.repeat(32)), { nil: null }),
        }),
        (changes) => {
          const made = invitation(authority, { ...changes, quota: changes.role === 'silo' ? 1 : changes.quota });
          const line = encodeInvitation(made);
          expect(line).toMatch(/^sotto1\.[A-Za-z0-9_-]+$/);
          expect(decodeInvitation(`  ${line}\n`, now)).toEqual(made);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('every altered, missing or added character is refused', async () => {
    const line = encodeInvitation(invitation());
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    await fc.assert(
      fc.asyncProperty(fc.nat(line.length - 1), fc.nat(63), async (at, letter) => {
        fc.pre(line[at] !== alphabet[letter]);
        const altered = line.slice(0, at) + alphabet[letter] + line.slice(at + 1);
        expect(await codeOf(() => decodeInvitation(altered, now))).toBe('INVITATION_INVALID');
      }),
      { numRuns: 300 },
    );
    for (const text of [
      line.slice(0, -1),
      `${line}A`,
      `${line}=`,
      line.slice(1),
      '',
      'sotto1.',
      `sotto1.${'A'.repeat(9_000)}`,
    ]) {
      expect(await codeOf(() => decodeInvitation(text, now))).toBe('INVITATION_INVALID');
    }
  });

  test('every altered field is refused, also where the secret still fits', async () => {
    const made = invitation();
    for (const altered of alterations(made as unknown as Json)) {
      const line = encodeInvitation(altered as unknown as Invitation);
      expect(await codeOf(() => decodeInvitation(line, now)), canonicalJson(altered)).toBe('INVITATION_INVALID');
    }
  });

  test('is refused from the moment it expires', async () => {
    const line = encodeInvitation(invitation());
    const expiry = Date.parse(terms.expiresAt);
    expect(await codeOf(() => decodeInvitation(line, expiry - 1))).toBeNull();
    expect(await codeOf(() => decodeInvitation(line, expiry))).toBe('INVITATION_INVALID');
  });

  test('of a silo admits one; terms without form are refused', async () => {
    expect(await codeOf(() => invitation(authority, { quota: 2 }))).toBe('INVALID_INPUT');
    expect(await codeOf(() => invitation(authority, { role: 'pool', quota: 0 }))).toBe('INVALID_INPUT');
    expect(await codeOf(() => invitation(authority, { coordinator: 'not a URL' }))).toBe('INVALID_INPUT');
    expect(await codeOf(() => invitation(authority, { tlsFingerprint: 'AB' }))).toBe('INVALID_INPUT');
    expect(await codeOf(() => invitation(authority, { expiresAt: 'tomorrow' }))).toBe('INVALID_INPUT');
  });

  test('errors hold no secret', () => {
    const made = invitation();
    const line = encodeInvitation({ ...made, voucher: { ...made.voucher, signature: '0'.repeat(128) } });
    try {
      decodeInvitation(line, now);
      expect.unreachable();
    } catch (error) {
      expect(String(error)).not.toContain(made.secret);
      expect(JSON.stringify(error)).not.toContain(made.secret);
    }
  });
});

describe('a certificate', () => {
  test('A6: is valid under the authority that vouches for it, and under no other', async () => {
    const { certificate } = await certified(invitation());
    await verifyCertificate(certificate, authority.publicKey, now, crypto);
    expect(await codeOf(() => verifyCertificate(certificate, stranger.publicKey, now, crypto))).toBe(
      'CERTIFICATE_INVALID',
    );
  });

  test('every altered field is refused', async () => {
    const { certificate } = await certified(invitation());
    for (const altered of alterations(certificate as unknown as Json)) {
      const code = await codeOf(() =>
        verifyCertificate(altered as unknown as Certificate, authority.publicKey, now, crypto),
      );
      expect(code, canonicalJson(altered)).toBe('CERTIFICATE_INVALID');
    }
  });

  test('A7: a voucher that a stranger signed in the authority’s name is refused', async () => {
    const { certificate } = await certified(invitation(stranger));
    const forged = { ...certificate, voucher: { ...certificate.voucher, authority: authority.publicKey } };
    expect(await codeOf(() => verifyCertificate(forged, authority.publicKey, now, crypto))).toBe('CERTIFICATE_INVALID');
    expect(voucherSigned(forged.voucher)).toBe(false);
  });

  test('enrolment ends with the voucher; an enrolled client stays', async () => {
    const { certificate } = await certified(invitation());
    const expiry = Date.parse(terms.expiresAt);
    expect(await codeOf(() => verifyCertificate(certificate, authority.publicKey, expiry - 1, crypto))).toBeNull();
    expect(await codeOf(() => verifyCertificate(certificate, authority.publicKey, expiry, crypto))).toBe(
      'INVITATION_INVALID',
    );
    expect(await codeOf(() => verifyCertificate(certificate, authority.publicKey, null, crypto))).toBeNull();
  });

  test('bears the name that the voucher gives it', async () => {
    const named = invitation();
    expect(await codeOf(() => certified(named, 'Kantonsspital Süd'))).toBe('INVITATION_INVALID');
    const free = await certified(invitation(authority, { name: null }), 'any');
    expect(await codeOf(() => verifyCertificate(free.certificate, authority.publicKey, now, crypto))).toBeNull();
    // A holder who signs another name than its voucher's by hand.
    const { seed } = await certified(named);
    const identity = toHex(await crypto.ed25519PublicKey(seed));
    const unnamed = { ...named, voucher: { ...named.voucher, name: null } };
    const forged = await issueCertificate(unnamed, identity, 'Kantonsspital Süd', crypto);
    const certificate = { ...forged, voucher: named.voucher };
    expect(await codeOf(() => verifyCertificate(certificate, authority.publicKey, now, crypto))).toBe(
      'CERTIFICATE_INVALID',
    );
  });

  test('A7: a voucher admits no more identities than its quota, and one identity counts once', async () => {
    const pool = invitation(authority, { role: 'pool', quota: 2, name: null });
    const all = await Promise.all(['a', 'b', 'c'].map((name) => certified(pool, name)));
    const certificates = all.map(({ certificate }) => certificate);
    expect(await codeOf(() => checkQuotas([...certificates.slice(0, 2), certificates[0]!]))).toBeNull();
    expect(await codeOf(() => checkQuotas(certificates))).toBe('CERTIFICATE_INVALID');
  });
});

describe('a revocation list', () => {
  const clients = ['b', 'a', 'c'].map((letter) => letter.repeat(40));

  test('is sorted, whole, and verifies', () => {
    const list = signRevocations(authority, 3, [...clients, clients[0]!]);
    expect(list.revoked).toEqual(['a'.repeat(40), 'b'.repeat(40), 'c'.repeat(40)]);
    verifyRevocations(list, authority.publicKey, 2);
  });

  test('every altered field is refused', async () => {
    const list = signRevocations(authority, 3, clients);
    const altered = [...alterations(list as unknown as Json), { ...list, revoked: list.revoked.slice(1) }];
    for (const other of altered) {
      const code = await codeOf(() => verifyRevocations(other as unknown as typeof list, authority.publicKey));
      expect(code, canonicalJson(other)).toBe('SIGNATURE_INVALID');
    }
  });

  test('an old list does not replace a newer one', async () => {
    const list = signRevocations(authority, 3, clients);
    expect(await codeOf(() => verifyRevocations(list, authority.publicKey, 3))).toBe('CONFLICT');
    expect(await codeOf(() => verifyRevocations(list, stranger.publicKey))).toBe('SIGNATURE_INVALID');
  });

  test('names clients by id', async () => {
    expect(await codeOf(() => signRevocations(authority, 1, ['hospital']))).toBe('INVALID_INPUT');
    expect(await codeOf(() => signRevocations(authority, 0, clients))).toBe('INVALID_INPUT');
  });
});

describe('a sign-in', () => {
  test('is good for its identity and its nonce alone', async () => {
    const { seed, certificate } = await certified(invitation());
    const other = await certified(invitation());
    const { identity } = certificate;
    const nonce = toHex(random.bytes(32));
    const signature = toHex(await crypto.ed25519Sign(seed, signInBytes(nonce, clientIdOf(identity))));
    expect(await verifySignIn(identity, nonce, signature, crypto)).toBe(true);
    expect(await verifySignIn(identity, toHex(random.bytes(32)), signature, crypto)).toBe(false);
    expect(await verifySignIn(other.certificate.identity, nonce, signature, crypto)).toBe(false);
    for (const altered of alterations(signature)) {
      expect(await verifySignIn(identity, nonce, altered as string, crypto)).toBe(false);
    }
  });

  test('malformed input is no sign-in', async () => {
    const hex = 'ab'.repeat(32);
    expect(await verifySignIn('', hex, hex + hex, crypto)).toBe(false);
    expect(await verifySignIn(hex, 'nonce', hex + hex, crypto)).toBe(false);
    expect(await verifySignIn(hex, hex, hex, crypto)).toBe(false);
  });
});
