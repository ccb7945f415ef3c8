import { readFile } from 'node:fs/promises';
import { SottoError } from '@sotto/shared/errors';

/**
 * The JSON of a file.
 * @throws {FILE_NOT_FOUND} when it cannot be read; {INVALID_INPUT} when it is not JSON.
 */
export async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new SottoError('FILE_NOT_FOUND', `${path}: cannot be read (${code})`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new SottoError('INVALID_INPUT', `${path}: not JSON`);
  }
}
