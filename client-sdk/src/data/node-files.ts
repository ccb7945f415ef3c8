import { createReadStream } from 'node:fs';
import { SottoError } from '@sotto/shared/errors';
import type { TextFile } from './text-rows.ts';

/** A file of this machine, read as a stream. @throws {FILE_NOT_FOUND} (when read) where it cannot be read. */
export function textFileAt(path: string): TextFile {
  return {
    name: path,
    async *open() {
      const stream = createReadStream(path);
      try {
        for await (const piece of stream) yield piece as Uint8Array;
      } catch (error) {
        throw unreadable(path, error);
      } finally {
        stream.destroy();
      }
    },
  };
}

/** A file that cannot be read, with the system's reason. */
export function unreadable(path: string, error: unknown): SottoError {
  if (error instanceof SottoError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  return new SottoError('FILE_NOT_FOUND', `${path}: cannot be read (${code})`);
}
