import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBase64Url, fromHex, toBase64Url, toHex } from './index.ts';

describe('base64url', () => {
  it('is that of the platform, both ways, at every length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        const text = toBase64Url(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64url'));
        expect(fromBase64Url(text)).toEqual(bytes);
      }),
      { numRuns: 500 },
    );
    expect(toBase64Url(Uint8Array.of(255, 239, 190))).toBe('_---');
  });

  it.each(['=', 'A', 'AA==', 'a+b_', 'a/b-', 'ä', ' AAA'])('refuses %j', (text) => {
    expect(() => fromBase64Url(text)).toThrow(/base64url/);
  });
});

describe('hexadecimal', () => {
  it('is that of the platform, both ways, at every length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        const text = toHex(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('hex'));
        expect(fromHex(text)).toEqual(bytes);
      }),
      { numRuns: 500 },
    );
  });

  it.each(['0', 'AB', 'abc', '0g', 'g0', 'à0', '0\u{1f600}', ' 00', '00\n'])('refuses %j', (text) => {
    expect(() => fromHex(text)).toThrow(/hexadecimal/);
  });

  it('refuses every pair of characters of which one is no digit', () => {
    const digits = '0123456789abcdef';
    for (let unit = 0; unit < 400; unit++) {
      const other = String.fromCharCode(unit);
      if (digits.includes(other)) continue;
      for (const text of [`a${other}`, `${other}a`]) expect(() => fromHex(text), text).toThrow(/hexadecimal/);
    }
  });
});
