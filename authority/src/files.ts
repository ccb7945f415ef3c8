import { open, readFile, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SottoError } from '@sotto/shared/errors';

/**
 * The JSON of a file.
 * @throws {FILE_NOT_FOUND} when it cannot be read; {INVALID_INPUT} when it is no JSON.
 */
export async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new SottoError('FILE_NOT_FOUND', `${path}: ${reasonOf(error)}`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    // What the parser quotes of the text stays out: the file could be a key.
    throw new SottoError('INVALID_INPUT', `${path} is not JSON`, { cause: error instanceof Error ? error.name : '' });
  }
}

/** Whether a file can be opened for reading. */
export async function fileExists(path: string): Promise<boolean> {
  try {
    await (await open(path)).close();
    return true;
  } catch {
    return false;
  }
}

/**
 * Writes a new file, on disk when this resolves.
 * @param mode - permissions, for example 0o600 for what holds a secret.
 * @throws {CONFLICT} when the file exists: nothing is overwritten.
 */
export async function writeNewFile(path: string, text: string, mode: number): Promise<void> {
  try {
    await writeDurably(path, text, mode);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw new SottoError('CONFLICT', `${path} exists; it is not overwritten`);
    throw asSottoError(path, error);
  }
}

/** Replaces a file in one step: a crash leaves the old or the new one, whole. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = join(dirname(path), `.${process.pid}.sotto-authority.tmp`);
  try {
    await writeDurably(temporary, text, 0o644);
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw asSottoError(path, error);
  }
}

async function writeDurably(path: string, text: string, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

function asSottoError(path: string, error: unknown): SottoError {
  return new SottoError(codeOf(error) === 'ENOSPC' ? 'DISK_FULL' : 'FILE_NOT_FOUND', `${path}: ${reasonOf(error)}`);
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}

function reasonOf(error: unknown): string {
  const reasons: Record<string, string> = {
    ENOENT: 'there is no such file or folder',
    EACCES: 'no permission',
    EISDIR: 'it is a folder',
    ENOSPC: 'the disk is full',
  };
  return reasons[codeOf(error)] ?? codeOf(error);
}
