import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDataSource } from '@sotto/client/node';
import { LocalFederation, type JsonLine } from '@sotto/simulation/local';
import { expect, test } from 'vitest';
import { smallDraft, smallRows, smallSchema } from '../testing/small-data.ts';

/**
 * The coordinator's disk is set back to before the first session, which it then opens again: the same run, round, attempt and
 * model, so the same session, of which every node has signed who survived. Meanwhile all processes were killed.
 *
 * Failure: a node that takes any step of that session a second time, or charges it twice. Not a failure: the lost attempt.
 */
const names = ['north', 'east', 'south', 'west'];

test(
  'A4: a coordinator that was set back asks for the same session again, and no killed node answers',
  { timeout: 120_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sotto-set-back-'));
    const lines: { node: string; line: JsonLine; life: number }[] = [];
    let life = 1;
    const federation = await LocalFederation.open({
      dir: folder,
      schema: smallSchema,
      policy: { version: 1, budget: { epsilon: 1_000, delta: 1e-5 } },
      nodes: names.map((name) => ({ name, data: smallRows(name, 40) })),
      onNodeLine: (node, line) => lines.push({ node, line, life }),
    });
    try {
      await federation.startCoordinator();
      await federation.startNodes();
      await end('SIGTERM', false);
      const { runId } = await federation.submit(smallDraft('set back', { rounds: 2, spareAttempts: 10 }));
      await end('SIGTERM', true);
      const before = join(folder, 'before');
      await cp(federation.coordinatorDir, before, { recursive: true });

      await federation.startCoordinator();
      await federation.startNodes();
      const signed = await seen(({ line }) => line['type'] === 'stage' && line['stage'] === 'agree');
      const { sessionId } = signed.line;
      await end('SIGKILL', true);
      const marked = new Set(lines.filter(({ line }) => line['sessionId'] === sessionId).map(({ node }) => node));
      expect([...marked].sort()).toEqual([...names].sort());

      life = 2;
      await rm(federation.coordinatorDir, { recursive: true });
      await cp(before, federation.coordinatorDir, { recursive: true });
      await federation.startCoordinator();
      await federation.startNodes();
      await expect
        .poll(async () => (await federation.operator().status(runId)).state, { timeout: 60_000 })
        .toBe('finished');
      const again = lines.filter(({ line, life: of }) => of === 2 && line['sessionId'] === sessionId);
      expect(again.map(({ node, line }) => `${node} ${String(line['type'])} ${String(line['code'])}`).sort()).toEqual(
        names.map((name) => `${name} sessionLeft ATTEMPT_STALE`).sort(),
      );
      const { attempt } = await federation.operator().status(runId);
      expect(attempt).toBe(3);
      await end('SIGTERM', true);
      for (const name of names) {
        const source = await openDataSource(join(folder, 'nodes', name, 'data.csv.sotto'));
        const { charges } = await source.ledger.load();
        await source.close();
        // One that was killed before its upload was booked has not charged the first attempt.
        const attempts = charges.map((charge) => charge.attempt);
        expect(new Set(attempts).size).toBe(attempts.length);
        expect(attempts.slice(-2)).toEqual([2, 3]);
      }
    } finally {
      await federation.stop();
      await rm(folder, { recursive: true, force: true });
    }

    async function end(signal: NodeJS.Signals, coordinatorToo: boolean): Promise<void> {
      const { coordinator, nodes } = federation;
      const ending = [...nodes.values(), ...(coordinatorToo && coordinator !== null ? [coordinator] : [])];
      for (const command of ending) command.kill(signal);
      await Promise.all(ending.map((command) => command.ended));
    }

    async function seen(fits: (entry: (typeof lines)[number]) => boolean) {
      for (;;) {
        const found = lines.find(fits);
        if (found !== undefined) return found;
        await sleep(2);
      }
    }
  },
);
