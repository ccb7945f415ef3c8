import { readFile } from 'node:fs/promises';
import { SottoError } from '@sotto/shared/errors';

/** A JSON file's value. @throws {FILE_NOT_FOUND} {INVALID_INPUT} */
export async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new SottoError('FILE_NOT_FOUND', `${path}: ${error instanceof Error ? error.message : 'cannot be read'}`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SottoError('INVALID_INPUT', `${path}: not JSON: ${error instanceof Error ? error.message : ''}`);
  }
}

/** A file's bytes. @throws {FILE_NOT_FOUND} */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new SottoError('FILE_NOT_FOUND', `${path}: ${error instanceof Error ? error.message : 'cannot be read'}`);
  }
}
