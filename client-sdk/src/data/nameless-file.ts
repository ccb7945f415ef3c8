import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SottoError } from '@sotto/shared/errors';

/** The system takes less than 2 GB in one call. */
const bytesAtOnce = 2 ** 30;

/**
 * A new file that has no name: what is written there can be read by this process alone, and is gone with it, however it dies.
 * @param folder - on whose disk it lies; made where it is missing, for the owner alone.
 * @returns its descriptor, good on every thread of the process until it is closed.
 * @throws {DISK_FULL | STORE_FAILED} when it cannot be made.
 */
export function openNamelessFile(folder: string): number {
  return onDisk(folder, () => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, `rows-${randomBytes(8).toString('hex')}`);
    const file = openSync(path, 'wx+', 0o600);
    try {
      unlinkSync(path);
      return file;
    } catch (error) {
      closeSync(file);
      throw error;
    }
  });
}

/** Writes all bytes at a position. @throws {DISK_FULL | STORE_FAILED} */
export function writeFully(file: number, bytes: Uint8Array, position: number, folder: string): void {
  onDisk(folder, () => {
    for (let done = 0; done < bytes.length;) {
      done += writeSync(file, bytes, done, Math.min(bytesAtOnce, bytes.length - done), position + done);
    }
  });
}

/** Fills all bytes from a position. @throws {STORE_FAILED} */
export function readFully(file: number, bytes: Uint8Array, position: number): void {
  onDisk('the stored rows', () => {
    for (let done = 0; done < bytes.length;) {
      const read = readSync(file, bytes, done, Math.min(bytesAtOnce, bytes.length - done), position + done);
      if (read === 0) throw new Error('the file is shorter than what was written');
      done += read;
    }
  });
}

/** @param place - where, in words. */
function onDisk<T>(place: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      throw new SottoError('DISK_FULL', `${place}: no room for the rows of a table that is larger than --memory`);
    }
    throw new SottoError('STORE_FAILED', `${place}: the rows of a table that is larger than --memory: ${code}`);
  }
}
