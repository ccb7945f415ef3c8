import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunStatus } from '@sotto/shared/protocol';
import { LocalFederation, type JsonLine } from '@sotto/simulation/local';
import { beforeAll, describe, expect, test } from 'vitest';
import { smallDraft, smallRows, smallSchema } from './testing/small-data.ts';

/**
 * Disks of their own, which fill up in the middle of a run and get room again.
 *
 * Failure: a run that ends or hangs; one whose replay differs; a node that uploads what it could not charge; a reason that does
 * not name the disk.
 */
const root = process.platform === 'linux' && process.getuid?.() === 0;
const names = ['north', 'east', 'south', 'west'];

describe.skipIf(!root)(`full disks${root ? '' : ' (small disks need root on Linux)'}`, () => {
  let federation: LocalFederation;
  let coordinatorDisk: string;
  let bookDisk: string;
  const lines: JsonLine[] = [];

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sotto-disk-'));
    federation = await LocalFederation.open({
      dir: folder,
      schema: smallSchema,
      policy: { version: 1, budget: { epsilon: 100, delta: 1e-5 } },
      nodes: names.map((name) => ({ name, data: smallRows(name, 40) })),
      onNodeLine: (node, line) => node === 'north' && lines.push(line),
    });
    coordinatorDisk = await disk(federation.coordinatorDir, 64);
    bookDisk = await disk(join(folder, 'nodes', 'north', 'data.csv.sotto'), 8);
    await federation.startCoordinator();
    await federation.startNodes();
    return async () => {
      await federation.stop();
      for (const place of [coordinatorDisk, bookDisk]) execFileSync('umount', [place]);
      await rm(folder, { recursive: true, force: true });
    };
  });

  test(
    'the coordinator’s: the run stands still with the reason, and goes on when there is room',
    { timeout: 120_000 },
    async () => {
      const { runId } = await federation.submit(smallDraft('coordinator full', { rounds: 20, spareAttempts: 20 }));
      await until(runId, ({ round }) => round >= 3);
      const free = fill(coordinatorDisk);
      const full = await until(runId, ({ reason }) => reason !== null && reason.startsWith('DISK_FULL'));
      expect(full.endedAt).toBeNull();
      await sleep(500);
      expect((await federation.operator().status(runId)).round).toBe(full.round);
      await free();
      await finished(runId, 20);
    },
  );

  test(
    'a node’s: it leaves its sessions uncharged while the others go on, and comes back',
    { timeout: 120_000 },
    async () => {
      const { runId } = await federation.submit(smallDraft('books full', { rounds: 40, spareAttempts: 20 }));
      await until(runId, ({ round }) => round >= 3);
      const free = fill(bookDisk);
      const left = (line: JsonLine): boolean => line['type'] === 'sessionLeft' && line['code'] === 'DISK_FULL';
      await expect.poll(() => lines.some(left), { timeout: 30_000 }).toBe(true);
      const { sessionId } = lines.find(left) ?? {};
      const charged = lines.filter(({ type }) => type === 'charged').length;
      const uploads = lines.filter((line) => line['sessionId'] === sessionId && line['stage'] === 'upload');
      expect(uploads).toEqual([]);
      const { round } = await federation.operator().status(runId);
      const later = await until(runId, (status) => status.round >= round + 3);
      // The coordinator learns that something is wrong at the node, and nothing of its disk's contents.
      expect(later.clients.find(({ name }) => name === 'north')?.reason).toBe('DISK_FULL: The disk has no room left.');
      await free();
      await finished(runId, 40);
      expect(lines.filter(({ type }) => type === 'charged').length).toBeGreaterThan(charged);
    },
  );

  async function until(runId: string, holds: (status: RunStatus) => boolean): Promise<RunStatus> {
    for (;;) {
      const status = await federation.operator().status(runId);
      if (holds(status)) return status;
      expect(status.endedAt, `ended: ${status.reason}`).toBeNull();
      await sleep(30);
    }
  }

  async function finished(runId: string, rounds: number): Promise<void> {
    const status = await until(runId, ({ endedAt }) => endedAt !== null);
    expect(status, status.reason ?? '').toMatchObject({ state: 'finished', round: rounds });
    const replay = await federation.command(['replay', runId]);
    expect(replay).toMatchObject({ matches: true, releases: rounds, modelHash: status.modelHash });
  }
});

/** A disk of its own at a folder; large enough for the runs and SQLite's log. */
async function disk(folder: string, megabytes: number): Promise<string> {
  await mkdir(folder, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'sotto-test', folder]);
  return folder;
}

/** Takes all the room that is left; returns how to give it back. */
function fill(folder: string): () => Promise<void> {
  const path = join(folder, 'everything-else');
  for (const size of [65_536, 4_096, 1]) {
    try {
      for (;;) appendFileSync(path, Buffer.alloc(size));
    } catch {
      // Full at this size.
    }
  }
  return () => rm(path);
}
