import { SottoError } from '../errors/index.ts';

/**
 * The one encoding of everything that is signed, hashed or fed to a key derivation: `sotto/1/<domain>`, a zero byte, then
 * each field as a type byte, its length (4 bytes, big-endian) and its bytes. No two different lists of fields, and no two
 * domains, give the same bytes, so a signature made for one purpose says nothing for another.
 *
 * Strings are UTF-8, numbers are integers as 8 bytes big-endian.
 * @throws {INVALID_INPUT} when a number is not an integer in [0, 2^53), or a domain holds a zero character.
 */
export function signedBytes(domain: string, ...fields: readonly Field[]): Uint8Array {
  if (domain.includes('\0')) throw new SottoError('INVALID_INPUT', 'a domain holds no zero character');
  const head = `sotto/1/${domain}\0`;
  // A UTF-16 unit takes three bytes of UTF-8 at most.
  const bytes = new Uint8Array(3 * head.length + roomOf(fields));
  const start = writeText(bytes, 0, head);
  return bytes.slice(0, writeFields(bytes, start, fields));
}

/** `signedBytes` of more fields, from those of the first ones: for many strings that begin alike. */
export function withFields(begun: Uint8Array, ...fields: readonly Field[]): Uint8Array {
  const bytes = new Uint8Array(begun.length + roomOf(fields));
  bytes.set(begun);
  return bytes.subarray(0, writeFields(bytes, begun.length, fields));
}

type Field = string | Uint8Array | number;

/** Bytes that the fields take at most. */
function roomOf(fields: readonly Field[]): number {
  let room = 0;
  for (const field of fields) {
    room +=
      fieldHeadBytes + (typeof field === 'string' ? 3 * field.length : typeof field === 'number' ? 8 : field.length);
  }
  return room;
}

/** Writes fields and gives the position after them. */
function writeFields(bytes: Uint8Array, from: number, fields: readonly Field[]): number {
  const view = new DataView(bytes.buffer);
  let end = from;
  for (const field of fields) {
    const start = end + fieldHeadBytes;
    if (typeof field === 'string') {
      bytes[end] = 1;
      const after = writeText(bytes, start, field);
      view.setUint32(end + 1, after - start);
      end = after;
    } else if (typeof field === 'number') {
      if (!Number.isSafeInteger(field) || field < 0) {
        throw new SottoError('INVALID_INPUT', `expected an integer in [0, 2^53), got ${field}`);
      }
      bytes[end] = 2;
      view.setUint32(end + 1, 8);
      view.setBigUint64(start, BigInt(field));
      end = start + 8;
    } else {
      bytes[end] = 3;
      view.setUint32(end + 1, field.length);
      bytes.set(field, start);
      end = start + field.length;
    }
  }
  return end;
}

const fieldHeadBytes = 5;
const encoder = new TextEncoder();

/** Writes UTF-8 and gives the position after it; short ASCII, which almost everything here is, without leaving the loop. */
function writeText(bytes: Uint8Array, start: number, text: string): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 127) return start + encoder.encodeInto(text, bytes.subarray(start)).written;
    bytes[start + i] = unit;
  }
  return start + text.length;
}
