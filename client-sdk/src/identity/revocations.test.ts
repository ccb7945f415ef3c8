import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authorityKeyOf, signRevocations, type RevocationList } from '@sotto/shared/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNodeRevocations } from './node-revocations.ts';
import { createRevocations, type RevocationStore } from './revocations.ts';

const key = authorityKeyOf('01'.repeat(32));
const stranger = authorityKeyOf('02'.repeat(32));
const [a, b] = ['aa'.repeat(20), 'bb'.repeat(20)] as const;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-revocations-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Asks for the newest list of a coordinator that gives these, one after the other. */
function asking(store: RevocationStore, ...given: (RevocationList | null)[]) {
  return createRevocations(key.publicKey, async () => given.shift() ?? null, store);
}

describe('the newest revocation list', () => {
  it('is none in a new federation', async () => {
    expect(await asking(createNodeRevocations(join(folder, 'new')), null).newest()).toBeNull();
  });

  it('is kept, and an older one, or none, is refused from then on, after a restart too', async () => {
    const own = join(folder, 'own');
    const [first, second] = [signRevocations(key, 1, [a]), signRevocations(key, 2, [a, b])];
    const before = asking(createNodeRevocations(own), first, second, second);
    expect(await before.newest()).toEqual(first);
    expect(await before.newest()).toEqual(second);
    expect(await before.newest()).toEqual(second);
    const after = asking(createNodeRevocations(own), first, null, second);
    await expect(after.newest()).rejects.toMatchObject({
      code: 'REVOCATIONS_STALE',
      message: 'the coordinator gives revocation list 1, this client has seen list 2',
    });
    await expect(after.newest()).rejects.toMatchObject({ code: 'REVOCATIONS_STALE' });
    expect(await after.newest()).toEqual(second);
  });

  it('is the authority’s: what others signed or altered is refused, and not kept', async () => {
    const store = createNodeRevocations(join(folder, 'forged'));
    const list = signRevocations(key, 7, [a]);
    const given = asking(
      store,
      signRevocations(stranger, 9, []),
      { ...signRevocations(stranger, 9, []), authority: key.publicKey },
      { ...list, revoked: [] },
      { ...list, number: 8 },
    );
    for (let time = 0; time < 4; time++) {
      await expect(given.newest()).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' });
    }
    expect(await store.load()).toBeNull();
  });

  it('is one under its number', async () => {
    const given = asking(
      createNodeRevocations(join(folder, 'two')),
      signRevocations(key, 3, [a]),
      signRevocations(key, 3, [b]),
    );
    await given.newest();
    await expect(given.newest()).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it('stays the newest when two offers come at a time', async () => {
    const store = createNodeRevocations(join(folder, 'both'));
    const [old, fresh] = [signRevocations(key, 1, [a]), signRevocations(key, 2, [a, b])];
    const waiting: ((list: RevocationList) => void)[] = [];
    const given = createRevocations(key.publicKey, () => new Promise((give) => waiting.push(give)), store);
    const both = [given.newest(), given.newest()];
    await expect.poll(() => waiting.length).toBe(1);
    waiting[0]!(fresh);
    await expect.poll(() => waiting.length).toBe(2);
    waiting[1]!(old);
    expect(await both[0]).toEqual(fresh);
    await expect(both[1]).rejects.toMatchObject({ code: 'REVOCATIONS_STALE' });
    expect(await store.load()).toEqual(fresh);
  });

  it('is missed where its file is damaged', async () => {
    const own = join(folder, 'damaged');
    const list = signRevocations(key, 2, [a]);
    await asking(createNodeRevocations(own), list).newest();
    const path = join(own, 'revocations-seen.json');
    await writeFile(path, (await readFile(path, 'utf8')).slice(0, 40));
    await expect(asking(createNodeRevocations(own), list).newest()).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });
});
