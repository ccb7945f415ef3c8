import { sha256 } from '@sotto/shared/crypto';
import { examplePlan } from '@sotto/shared/plan/testing';
import { canonicalJson, toHex, utf8 } from '@sotto/shared/vector';
import { expect, it } from 'vitest';
import { createFederation } from '../testing/federation.ts';
import { replayRun } from './replay.ts';
import { transcriptEntrySchema } from './transcript.ts';

/** A run whose survey says stop, and its transcript changed by somebody who can make hashes fit. */
async function stopped() {
  const federation = await createFederation(
    examplePlan({
      clients: 3,
      rounds: 2,
      evaluateEvery: null,
      privacy: 'none',
      trust: 'trusted',
      overrides: { survey: { measures: [{ kind: 'labels' }], stopBelow: { units: 1e9 } } },
    }),
  );
  for (const client of federation.clients) federation.connect(client);
  const { runId } = await federation.driver().submit(federation.signedPlan);
  expect(await federation.until(() => federation.driver().status(runId).endedAt !== null)).toBe(true);
  const [first, survey] = (await federation.store.transcript(runId)).map((record) => ({
    record,
    entry: transcriptEntrySchema.parse(JSON.parse(record.entry)),
  }));
  const withEntry = (change: object) => {
    const entry = canonicalJson({ ...survey!.entry, ...change });
    return { ...survey!.record, entry, hash: toHex(sha256(utf8(entry))) };
  };
  const replayed = (records: readonly (typeof first & object)['record'][]) =>
    replayRun({ ...federation.store, transcript: async () => [...records] }, federation.blobs, runId);
  return { first: first!.record, survey: survey!.record, withEntry, replayed };
}

it('a replay takes a run that its survey ended, and refuses one that went on all the same', async () => {
  const { first, survey, withEntry, replayed } = await stopped();
  expect((await replayed([first, survey])).releases).toBe(1);
  const further = withEntry({ round: 1, attempt: 2, previous: survey.hash });
  await expect(replayed([first, survey, further])).rejects.toThrowError(
    /goes on in round 1, although the survey counts about \d+ units/,
  );
});

it('a replay refuses a run that trained without the survey of its plan', async () => {
  const { first, withEntry, replayed } = await stopped();
  await expect(replayed([first, withEntry({ round: 1 })])).rejects.toThrowError(/round 1 without the plan's survey/);
});
