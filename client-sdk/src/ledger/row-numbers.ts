import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { SottoError } from '@sotto/shared/errors';

/** What a file began with when its row numbers were first relied on: its length in bytes and their SHA-256, hex. */
export type FileBeginning = { readonly bytes: number; readonly hash: string };

/**
 * Checks that row numbers still mean the rows that they meant. Where no column names the unit, a row is known by its number, and
 * its number decides for good whether it trains or is held back; a row taken out further up would move all that follow to other
 * parts, where their ε has been counted apart (soundness.md §3). Rows may be added at the end.
 *
 * @param known - the beginning that is on record; null the first time.
 * @returns the beginning to put on record now.
 * @throws {DATA_INVALID} when what was on record has changed.
 * @throws {FILE_NOT_FOUND} when the file cannot be read.
 */
export async function checkRowNumbers(path: string, known: FileBeginning | null): Promise<FileBeginning> {
  const bytes = await sizeOf(path);
  if (known !== null && (bytes < known.bytes || (await hashOf(path, known.bytes)) !== known.hash)) {
    throw new SottoError(
      'DATA_INVALID',
      `${path}: its first ${known.bytes} bytes are not what they were, and without a column that names the unit each row is known ` +
        'by its number: bring the file back and add rows at its end only, or name such a column in the schema',
    );
  }
  return { bytes, hash: await hashOf(path, bytes) };
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function hashOf(path: string, bytes: number): Promise<string> {
  const hash = createHash('sha256');
  if (bytes > 0) {
    try {
      for await (const chunk of createReadStream(path, { end: bytes - 1 })) hash.update(chunk as Buffer);
    } catch (error) {
      throw unreadable(path, error);
    }
  }
  return hash.digest('hex');
}

function unreadable(path: string, error: unknown): SottoError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  return new SottoError('FILE_NOT_FOUND', `${path}: cannot be read (${code})`);
}
