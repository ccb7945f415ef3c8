import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isSottoError } from '@sotto/shared/errors';
import type { LedgerCharge } from '@sotto/shared/privacy';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDataSource } from './data-source.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-books-'));
});
afterAll(async () => rm(folder, { recursive: true }));

function charge(attempt: number): LedgerCharge {
  return {
    planHash: 'ab'.repeat(32),
    round: 1,
    slot: 'training',
    attempt,
    event: {
      kind: 'sampledGaussianSum',
      version: 1,
      unit: 'record',
      adjacency: 'addOrRemove',
      part: 'train',
      query: 'gradient',
      samplingNumerator: 4_294_967_296,
      noiseMultiplier: 40,
      normBoundSteps: 3_831,
      gridStepsPerRms: 1_024,
      dimension: 14,
      noise: 'distributedDiscreteGaussian',
      minSurvivors: 4,
      colluding: 1,
      numericSlack: 0,
    },
  };
}

describe('openDataSource', () => {
  it('keeps id, split key, pins, charges and marks', async () => {
    const place = join(folder, 'kept');
    const first = await openDataSource(place);
    await first.ledger.pin({ order: 12.5, split: { validation: 0.2, test: 0.1 }, unit: 'row' });
    await first.ledger.pin({ order: 3, split: { validation: 0, test: 0 }, unit: 'column id' });
    await first.ledger.commit([charge(1)], { planHash: 'p', attempt: 7 });
    await first.ledger.commit([], { planHash: 'p', attempt: 5 });
    for (const attempt of [1, 2]) await first.ledger.commit([], { planHash: 'bare', attempt, unprotected: true });
    await first.close();
    const again = await openDataSource(place);
    const record = await again.ledger.load();
    await again.close();
    expect(again.id).toBe(first.id);
    expect(again.splitKey).toEqual(first.splitKey);
    expect(again.splitKey.length).toBe(32);
    expect(record).toEqual({
      order: 12.5,
      split: { validation: 0.2, test: 0.1 },
      unit: 'row',
      charges: [charge(1)],
      marks: new Map([
        ['p', 7],
        ['bare', 2],
      ]),
      unprotected: new Map([['bare', 2]]),
    });
    expect((await stat(place)).mode & 0o777).toBe(0o700);
    expect((await stat(join(place, 'books.db'))).mode & 0o777).toBe(0o600);
  });

  it('books all of a commit or nothing', async () => {
    const source = await openDataSource(join(folder, 'whole'));
    await source.ledger.commit([charge(1)], { planHash: 'p', attempt: 1 });
    const failure = await source.ledger
      .commit([charge(2), charge(1)], { planHash: 'p', attempt: 2 })
      .catch((error: unknown) => error);
    expect(isSottoError(failure, 'STORE_FAILED')).toBe(true);
    const record = await source.ledger.load();
    expect(record.charges.length).toBe(1);
    expect(record.marks.get('p')).toBe(1);
    await source.close();
  });

  // Failure: an acknowledged charge or mark is missing, a mark without its charge, or the lock outlives the killed process.
  it('loses nothing that it acknowledged when the process is killed, and locks others out until then', async () => {
    const place = join(folder, 'killed');
    const script = join(folder, 'writer.mjs');
    const url = new URL('./data-source.ts', import.meta.url).href;
    await writeFile(
      script,
      `const { openDataSource } = await import(${JSON.stringify(url)});
       const source = await openDataSource(${JSON.stringify(place)});
       const template = ${JSON.stringify(charge(0))};
       const { load } = source.ledger;
       const from = ((await load()).marks.get('p') ?? 0) + 1;
       for (let attempt = from; ; attempt++) {
         await source.ledger.commit([{ ...template, attempt }], { planHash: 'p', attempt });
         process.stdout.write(attempt + '\\n');
       }`,
    );
    const tsx = import.meta.resolve('tsx');
    let acknowledged = 0;
    for (let kill = 0; kill < 3; kill++) {
      const writer = spawn(process.execPath, ['--conditions=source', '--import', tsx, script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const exited = once(writer, 'exit');
      let lines = 0;
      for await (const line of createInterface({ input: writer.stdout })) {
        acknowledged = Number(line);
        lines += 1;
        if (lines === 1) {
          const locked = await openDataSource(place).catch((error: unknown) => error);
          expect(isSottoError(locked, 'STORE_LOCKED')).toBe(true);
        }
        if (lines === 20 + 7 * kill) writer.kill('SIGKILL');
      }
      await exited;
      const source = await openDataSource(place);
      const record = await source.ledger.load();
      await source.close();
      const mark = record.marks.get('p') ?? 0;
      expect(mark).toBeGreaterThanOrEqual(acknowledged);
      expect(record.charges.map(({ attempt }) => attempt)).toEqual(
        Array.from({ length: mark }, (_, index) => index + 1),
      );
    }
    expect(acknowledged).toBeGreaterThan(50);
  });
});
