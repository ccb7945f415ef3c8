import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBase64Url, toBase64Url } from './index.ts';

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
