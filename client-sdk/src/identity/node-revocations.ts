import { join } from 'node:path';
import { SottoError } from '@sotto/shared/errors';
import { revocationListSchema } from '@sotto/shared/protocol';
import { readIfThere, replaceFile } from '../platform/node-kept-file.ts';
import type { RevocationStore } from './revocations.ts';

/** The newest revocation list in a node's folder. @throws {STORE_FAILED} when the file cannot be read or written, or was altered. */
export function createNodeRevocations(folder: string): RevocationStore {
  const path = join(folder, 'revocations-seen.json');
  return {
    async load() {
      const bytes = await readIfThere(path);
      if (bytes === null) return null;
      try {
        return revocationListSchema.parse(JSON.parse(bytes.toString()));
      } catch {
        // Taken for none, a damaged file would let an older list pass.
        throw new SottoError('STORE_FAILED', `${path}: it is no revocation list`);
      }
    },
    async save(list) {
      try {
        await replaceFile(path, `${JSON.stringify(list)}\n`);
      } catch (error) {
        throw new SottoError('STORE_FAILED', `${path}: ${error instanceof Error ? error.message : String(error)}`);
      }
    },
  };
}
