import { sha256 } from '@sotto/shared/crypto';
import type { Plan } from '@sotto/shared/plan';
import { examplePlan } from '@sotto/shared/plan/testing';
import { canonicalJson, toHex, utf8 } from '@sotto/shared/vector';
import { describe, expect, it } from 'vitest';
import { createMemoryBlobs } from '../store/memory-blobs.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import type { RunCommit } from '../store/store.ts';
import { createFederation, type Federation } from '../testing/federation.ts';
import { replayRun } from './replay.ts';
import { transcriptEntrySchema, type TranscriptEntry } from './transcript.ts';

/** Nothing improves by one, so the second evaluation ends training, and the first one's model is the best. */
const plan: Plan = (() => {
  const made = examplePlan({
    clients: 3,
    rounds: 7,
    evaluateEvery: 1,
    privacy: 'none',
    trust: 'trusted',
    spareAttempts: 3,
  });
  const earlyStopping = { rule: 'patience', patience: 1, minDelta: 1, figure: 'loss', smoothing: 1 } as const;
  return { ...made, training: { ...made.training, earlyStopping } };
})();

const isOver = (federation: Federation, runId: string) => () => federation.driver().status(runId).endedAt !== null;

/** A run to its end. @param keepAll - its blobs are put together with earlier ends of its store: none is removed. */
async function wholeRun(keepAll = false) {
  const blobs = createMemoryBlobs();
  const federation = await createFederation(plan, {
    blobs: keepAll ? { ...blobs, remove: async () => undefined } : blobs,
  });
  const commits: RunCommit[] = [];
  const { commit } = federation.store;
  federation.store.commit = async (what) => {
    await commit(what);
    commits.push(what);
  };
  for (const client of federation.clients) federation.connect(client);
  const { runId } = await federation.driver().submit(federation.signedPlan);
  expect(await federation.until(isOver(federation, runId))).toBe(true);
  return { federation, commits, runId };
}

const entriesOf = async (federation: Federation, runId: string): Promise<TranscriptEntry[]> =>
  (await federation.store.transcript(runId)).map(({ entry }) => transcriptEntrySchema.parse(JSON.parse(entry)));

describe('a run that stops early', () => {
  it('goes to its last session with the best model, publishes it, and says so', async () => {
    const { federation, runId } = await wholeRun();
    const status = federation.driver().status(runId);
    expect(status).toMatchObject({
      state: 'finished',
      round: 3,
      attempt: 4,
      earlyStopping: { bestRound: 2, stoppedIn: 3 },
    });
    expect(status.reason).toMatch(/stopped early in round 3; .* round 2/);
    expect(status.evaluations.map(({ round }) => round)).toEqual([2, 3, 8]);
    const releases = (await entriesOf(federation, runId)).filter((entry) => entry.type === 'release');
    expect(releases.map(({ round }) => round)).toEqual([1, 2, 3, 8]);
    const best = releases[1]!.modelBefore;
    expect(best).toBe(releases[0]!.modelAfter);
    expect(releases.at(-1)).toMatchObject({ modelBefore: best, modelAfter: best });
    expect(status.modelHash).toBe(best);
    expect((await federation.store.checkpoint(runId))?.modelBlob).toBe(best);
    expect(await federation.blobs.get(best)).not.toBeNull();
  });

  it('is replayed to the same model, and a replay refuses another one in its last session', async () => {
    const { federation, runId } = await wholeRun();
    const replay = await replayRun(federation.store, federation.blobs, runId);
    expect(replay.modelHash).toBe(federation.driver().status(runId).modelHash);

    const records = [...(await federation.store.transcript(runId))];
    const entries = await entriesOf(federation, runId);
    const last = entries.at(-1)!;
    const newest = entries.at(-2)! as Extract<TranscriptEntry, { type: 'release' }>;
    const text = canonicalJson({ ...last, modelBefore: newest.modelAfter });
    records[records.length - 1] = { ...records.at(-1)!, entry: text, hash: toHex(sha256(utf8(text))) };
    const forged = { ...federation.store, run: federation.store.run, transcript: async () => records };
    await expect(replayRun(forged, federation.blobs, runId)).rejects.toThrowError(/entry 4: model before/);
  });

  it('a replay refuses a run that trains on although its rule said stop', async () => {
    const { federation, runId } = await wholeRun();
    const records = [...(await federation.store.transcript(runId))];
    const entries = await entriesOf(federation, runId);
    const text = canonicalJson({ ...entries.at(-1)!, round: 4 });
    records[records.length - 1] = { ...records.at(-1)!, entry: text, hash: toHex(sha256(utf8(text))) };
    const forged = { ...federation.store, run: federation.store.run, transcript: async () => records };
    await expect(replayRun(forged, federation.blobs, runId)).rejects.toThrowError(/trains in round 4.*stop in round 3/);
  });

  it('decides the same after a crash at any of its events', async () => {
    const { commits, runId, federation: first } = await wholeRun(true);
    const { blobs } = first;
    for (let kept = 1; kept <= commits.length; kept++) {
      const store = createMemoryStore();
      const federation = await createFederation(plan, { store, blobs, seed: `after ${kept}` });
      for (const commit of commits.slice(0, kept)) await store.commit(commit);
      await federation.restart();
      for (const client of federation.clients) federation.connect(client);
      expect(await federation.until(isOver(federation, runId))).toBe(true);
      const status = federation.driver().status(runId);
      expect(status).toMatchObject({ state: 'finished', earlyStopping: { bestRound: 2, stoppedIn: 3 } });
      const releases = (await entriesOf(federation, runId)).filter((entry) => entry.type === 'release');
      expect(releases.map(({ round }) => round)).toEqual([1, 2, 3, 8]);
      expect(status.modelHash).toBe(releases[1]!.modelBefore);
      expect((await replayRun(store, blobs, runId)).modelHash).toBe(status.modelHash);
    }
  });

  it('keeps the best model’s blob however long it lies back', async () => {
    const long: Plan = {
      ...plan,
      training: {
        ...plan.training,
        rounds: 9,
        earlyStopping: { rule: 'patience', patience: 6, minDelta: 1, figure: 'loss', smoothing: 1 },
      },
    };
    const federation = await createFederation(long);
    for (const client of federation.clients) federation.connect(client);
    const { runId } = await federation.driver().submit(federation.signedPlan);
    expect(await federation.until(isOver(federation, runId))).toBe(true);
    const status = federation.driver().status(runId);
    expect(status).toMatchObject({ state: 'finished', earlyStopping: { bestRound: 2, stoppedIn: 8 } });
    const releases = (await entriesOf(federation, runId)).filter((entry) => entry.type === 'release');
    // Of nine models the first, the best and the newest three are there.
    expect(status.modelHash).toBe(releases[0]!.modelAfter);
    expect(await federation.blobs.get(releases[2]!.modelAfter)).toBeNull();
    expect((await replayRun(federation.store, federation.blobs, runId)).modelHash).toBe(status.modelHash);
  });
});
