const bytesLength = 32;

/** y-coordinates, little-endian, of the eight points of small order; the sign of x does not matter here. */
const smallOrder = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map((text) => Uint8Array.from(text.match(/../g)!, (digits) => Number.parseInt(digits, 16)));

/**
 * Whether a public key may be one: y below p = 2^255 − 19, so that it has one spelling, and no point of small order, under which
 * one signature can fit every message. Libraries differ in this, so every port asks it first.
 * @see Chalkias, Garillot and Nikolaenko 2020, "Taming the many EdDSAs", §3
 */
export function isSoundEd25519Key(raw: Uint8Array): boolean {
  if (raw.length !== bytesLength) return false;
  const y = raw.slice();
  y[31]! &= 0x7f;
  if (y[31] === 0x7f && y[0]! >= 0xed && y.subarray(1, 31).every((byte) => byte === 0xff)) return false;
  return !smallOrder.some((point) => point.every((byte, i) => byte === y[i]));
}
