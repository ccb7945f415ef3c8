import { concatBytes, utf8 } from '../vector/index.ts';
import { SottoError } from '../errors/index.ts';

/**
 * The one encoding of everything that is signed, hashed or fed to a key derivation: `sotto/1/<domain>`, a zero byte, then
 * each field as a type byte, its length (4 bytes, big-endian) and its bytes. No two different lists of fields, and no two
 * domains, give the same bytes, so a signature made for one purpose says nothing for another.
 *
 * Strings are UTF-8, numbers are integers as 8 bytes big-endian.
 * @throws {INVALID_INPUT} when a number is not an integer in [0, 2^53), or a domain holds a zero character.
 */
export function signedBytes(domain: string, ...fields: readonly (string | Uint8Array | number)[]): Uint8Array {
  if (domain.includes('\0')) throw new SottoError('INVALID_INPUT', 'a domain holds no zero character');
  const parts: Uint8Array[] = [utf8(`sotto/1/${domain}\0`)];
  for (const field of fields) {
    const [type, bytes] =
      typeof field === 'string' ? [1, utf8(field)] : typeof field === 'number' ? [2, integerBytes(field)] : [3, field];
    const head = new Uint8Array(5);
    head[0] = type;
    new DataView(head.buffer).setUint32(1, bytes.length);
    parts.push(head, bytes);
  }
  return concatBytes(...parts);
}

function integerBytes(value: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new SottoError('INVALID_INPUT', `expected an integer in [0, 2^53), got ${value}`);
  }
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}
