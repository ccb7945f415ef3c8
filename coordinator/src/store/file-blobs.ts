import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { storeError } from './store-errors.ts';
import type { Blobs } from './store.ts';

/** Blobs as files `ab/abcdef…` of a folder: written aside, synchronised, then renamed, so that a name never lies. */
export function createFileBlobs(folder: string): Blobs {
  const pathOf = (hash: string) => join(folder, hash.slice(0, 2), hash);
  return {
    async put(bytes) {
      const hash = createHash('sha256').update(bytes).digest('hex');
      const path = pathOf(hash);
      if (await exists(path)) return hash;
      const aside = `${path}.${randomBytes(6).toString('hex')}.part`;
      try {
        await mkdir(join(folder, hash.slice(0, 2)), { recursive: true });
        const file = await open(aside, 'wx');
        try {
          await file.writeFile(bytes);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(aside, path);
        await syncFolder(join(folder, hash.slice(0, 2)));
      } catch (error) {
        await rm(aside, { force: true });
        throw storeError(error);
      }
      return hash;
    },
    async get(hash) {
      if (!/^[0-9a-f]{64}$/.test(hash)) return null;
      try {
        return await readFile(pathOf(hash));
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
        throw storeError(error);
      }
    },
    async remove(hash) {
      if (!/^[0-9a-f]{64}$/.test(hash)) return;
      try {
        await rm(pathOf(hash), { force: true });
      } catch (error) {
        throw storeError(error);
      }
    },
  };
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** A rename is durable once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
