import { totalmem } from 'node:os';
import { SottoError } from '@sotto/shared/errors';

const unitBytes: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/** A quarter of what the machine has, or of what the process is allowed (a container's limit), in bytes. */
export function defaultMemoryBytes(): number {
  // 0 or a huge number where nothing limits the process.
  const allowed = process.constrainedMemory();
  return Math.floor(Math.min(totalmem(), allowed > 0 ? allowed : Infinity) / 4);
}

/** Bytes of a text like `2GB` or `500 MB` (thousands, not 1,024s). @throws {INVALID_INPUT} */
export function parseMemory(text: string): number {
  const [, number = '', unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]?)b?\s*$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(number) * (unitBytes[unit.toLowerCase()] ?? NaN));
  if (number === '' || !(bytes > 0)) {
    throw new SottoError('INVALID_INPUT', `--memory "${text.slice(0, 20)}": expected a size, for example 2GB or 500MB`);
  }
  return bytes;
}
