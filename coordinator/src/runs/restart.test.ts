import { examplePlan } from '@sotto/shared/plan/testing';
import { describe, expect, it } from 'vitest';
import { createMemoryBlobs } from '../store/memory-blobs.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import type { RunCommit } from '../store/store.ts';
import type { Behaviour } from '../testing/fake-client.ts';
import { createFederation, type Federation } from '../testing/federation.ts';
import { replayRun } from './replay.ts';
import { runEventSchema, type RunEvent } from './run-events.ts';

const plan = examplePlan({ clients: 3, rounds: 3, evaluateEvery: 2, spareAttempts: 3 });

const isOver = (federation: Federation, runId: string) => () => federation.driver().status(runId).endedAt !== null;

/** A whole run's commits, and the blobs that they name. */
async function wholeRun(behaviour?: Behaviour) {
  // A test puts earlier ends of the store together with the blobs of the whole run: none is removed.
  const blobs = { ...createMemoryBlobs(), remove: async () => undefined };
  const federation = await createFederation(plan, { blobs });
  if (behaviour !== undefined) for (const client of federation.clients) client.behaviour = behaviour;
  const commits: RunCommit[] = [];
  const { commit } = federation.store;
  federation.store.commit = async (what) => {
    await commit(what);
    commits.push(what);
  };
  for (const client of federation.clients) federation.connect(client);
  const { runId } = await federation.driver().submit(federation.signedPlan);
  expect(await federation.until(isOver(federation, runId))).toBe(true);
  return { commits, blobs: federation.blobs, runId };
}

describe('a coordinator that was killed', () => {
  it('goes on after each of a run’s events, spends no attempt twice and loses no release', async () => {
    const { commits, blobs, runId } = await wholeRun();
    const events = commits.map((commit): RunEvent => runEventSchema.parse(JSON.parse(commit.event)));
    expect(new Set(events.map(({ type }) => type))).toEqual(
      new Set(['runSubmitted', 'sessionOpened', 'sessionCharged', 'released', 'finished']),
    );
    for (let kept = 1; kept <= commits.length; kept++) {
      const store = createMemoryStore();
      const federation = await createFederation(plan, { store, blobs, seed: `after ${kept}` });
      for (const commit of commits.slice(0, kept)) await store.commit(commit);
      await federation.restart();
      for (const client of federation.clients) federation.connect(client);
      expect(await federation.until(isOver(federation, runId))).toBe(true);

      const last = events[kept - 1]!;
      const wasOpen = last.type === 'sessionOpened' || last.type === 'sessionCharged';
      const status = federation.driver().status(runId);
      expect(status).toMatchObject({ state: 'finished', failedAttempts: wasOpen ? 1 : 0 });
      expect(status.attempt).toBe(wasOpen ? 5 : 4);
      const charges = await store.charges(runId);
      const released = (await store.releases(runId)).map(({ attempt }) => attempt);
      expect(released).toHaveLength(4);
      for (const attempt of released) expect(charges.some((charge) => charge.attempt === attempt)).toBe(true);
      const before = commits.slice(0, kept).flatMap(({ charges: made = [] }) => made);
      expect(charges.slice(0, before.length)).toEqual(before);
      const transcript = await store.transcript(runId);
      const told = commits.slice(0, kept).flatMap(({ transcript: entry }) => (entry === undefined ? [] : [entry]));
      expect(transcript.slice(0, told.length)).toEqual(told);
      expect((await replayRun(store, blobs, runId)).modelHash).toBe(status.modelHash);
    }
  });

  it('goes on after a session that failed, whenever it dies between the failure and the next attempt', async () => {
    const { commits, blobs, runId } = await wholeRun((step, attempt) =>
      step === 'share' && attempt === 1 ? 'malformed' : 'answer',
    );
    const failed = commits.findIndex(
      (commit) => runEventSchema.parse(JSON.parse(commit.event)).type === 'sessionFailed',
    );
    expect(failed).toBe(2);
    const store = createMemoryStore();
    const federation = await createFederation(plan, { store, blobs });
    for (const commit of commits.slice(0, failed + 1)) await store.commit(commit);
    await federation.restart();
    for (const client of federation.clients) federation.connect(client);
    expect(await federation.until(isOver(federation, runId))).toBe(true);
    expect(federation.driver().status(runId)).toMatchObject({ state: 'finished', failedAttempts: 1, attempt: 5 });
  });
});
