import { SottoError } from '../errors/index.ts';

const hexDigits = '0123456789abcdef';

/** The two digits of each byte. */
const hexOfByte = Array.from({ length: 256 }, (_, byte) => hexDigits[byte >> 4]! + hexDigits[byte & 15]!);

/** The value of each digit by its character; 16 where there is none. */
const valueOfDigit = Uint8Array.from({ length: 128 }, (_, unit) => {
  const value = hexDigits.indexOf(String.fromCharCode(unit));
  return value < 0 ? 16 : value;
});

/** Lower-case hexadecimal of bytes. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i++) text += hexOfByte[bytes[i]!]!;
  return text;
}

/**
 * Bytes of a lower-case hexadecimal string.
 * @throws {INVALID_INPUT} when the text is not an even number of lower-case hex digits.
 */
export function fromHex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length >> 1);
  // Of all digits together: 16 or more as soon as one of them is none.
  let digits = text.length % 2 === 0 ? 0 : 16;
  for (let i = 0; i < bytes.length; i++) {
    // Nothing is in the table where the character is not ASCII.
    const high = valueOfDigit[text.charCodeAt(2 * i)] ?? 16;
    const low = valueOfDigit[text.charCodeAt(2 * i + 1)] ?? 16;
    digits |= high | low;
    bytes[i] = (high << 4) | low;
  }
  if (digits > 15) {
    throw new SottoError('INVALID_INPUT', `expected lower-case hexadecimal, got ${text.length} characters`);
  }
  return bytes;
}

const base64UrlDigits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Base64url of bytes, without padding: for fields that are too long for hexadecimal. */
export function toBase64Url(bytes: Uint8Array): string {
  let text = '';
  let i = 0;
  for (; i + 2 < bytes.length; i += 3) {
    // i + 2 < length
    const three = (bytes[i]! << 16) | (bytes[i + 1]! << 8) | bytes[i + 2]!;
    text += base64UrlDigits[three >> 18]! + base64UrlDigits[(three >> 12) & 63]!;
    text += base64UrlDigits[(three >> 6) & 63]! + base64UrlDigits[three & 63]!;
  }
  const left = bytes.length - i;
  if (left === 0) return text;
  const last = (bytes[i]! << 16) | (left === 2 ? bytes[i + 1]! << 8 : 0);
  text += base64UrlDigits[last >> 18]! + base64UrlDigits[(last >> 12) & 63]!;
  return left === 2 ? text + base64UrlDigits[(last >> 6) & 63]! : text;
}

/**
 * Bytes of a base64url string without padding.
 * @throws {INVALID_INPUT} when the text is not that.
 */
export function fromBase64Url(text: string): Uint8Array {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) {
    throw new SottoError('INVALID_INPUT', `expected base64url, got ${text.length} characters`);
  }
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let held = 0;
  let end = 0;
  for (let i = 0; i < text.length; i++) {
    held = (held << 6) | sextet(text.charCodeAt(i));
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[end++] = (held >> bits) & 255;
  }
  return bytes;
}

/** Value of a character that is known to be one of base64url's. */
function sextet(unit: number): number {
  if (unit >= 97) return unit - 71;
  if (unit === 95) return 63;
  if (unit >= 65) return unit - 65;
  return unit === 45 ? 62 : unit + 4;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** UTF-8 bytes of a string. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/**
 * String of UTF-8 bytes.
 * @throws {INVALID_INPUT} when the bytes are not UTF-8.
 */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new SottoError('INVALID_INPUT', 'expected UTF-8 text');
  }
}

/** The parts, one after the other, in new memory. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Whether two byte strings are equal. Time depends on the length alone. */
export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

const platformIsLittleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** 32-bit words as little-endian bytes (new memory), whatever the platform's order. */
export function wordsToLittleEndian(words: Uint32Array | Int32Array): Uint8Array {
  const bytes = new Uint8Array(words.length * 4);
  if (platformIsLittleEndian) {
    bytes.set(new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
  } else {
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < words.length; i++) view.setUint32(4 * i, words[i]! >>> 0, true);
  }
  return bytes;
}

/** As {@link wordsToLittleEndian}, in the words' own memory where that lies as it must; for words that nobody writes again. */
export function littleEndianOf(words: Uint32Array | Int32Array): Uint8Array {
  return platformIsLittleEndian
    ? new Uint8Array(words.buffer, words.byteOffset, words.byteLength)
    : wordsToLittleEndian(words);
}

/**
 * As {@link wordsFromLittleEndian}, in the bytes' own memory where that lies as it must; for words that are only read.
 * @throws {INVALID_INPUT} when the length is no multiple of four.
 */
export function wordsOfLittleEndian(bytes: Uint8Array): Uint32Array {
  if (platformIsLittleEndian && bytes.byteOffset % 4 === 0 && bytes.length % 4 === 0) {
    return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  }
  return wordsFromLittleEndian(bytes);
}

/**
 * 32-bit words of little-endian bytes (new memory).
 * @throws {INVALID_INPUT} when the length is no multiple of four.
 */
export function wordsFromLittleEndian(bytes: Uint8Array): Uint32Array {
  if (bytes.length % 4 !== 0)
    throw new SottoError('INVALID_INPUT', `expected a multiple of 4 bytes, got ${bytes.length}`);
  const words = new Uint32Array(bytes.length / 4);
  if (platformIsLittleEndian) {
    new Uint8Array(words.buffer).set(bytes);
  } else {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < words.length; i++) words[i] = view.getUint32(4 * i, true);
  }
  return words;
}
