import { examplePlan } from '@sotto/shared/plan/testing';
import { decodeServerState } from '@sotto/shared/learning';
import { wordsFromLittleEndian } from '@sotto/shared/vector';
import { describe, expect, it, vi } from 'vitest';
import type { OperatorApi } from '../cli/operator-api.ts';
import { runStatus } from '../cli/run-commands.ts';
import { createMemoryBlobs } from '../store/memory-blobs.ts';
import type { TranscriptRecord } from '../store/store.ts';
import { createFederation, type Federation } from '../testing/federation.ts';
import { replayRun } from './replay.ts';
import { transcriptEntrySchema, transcriptGenesis, transcriptRecord, type TranscriptEntry } from './transcript.ts';

const ended = (federation: Federation, runId: string) => () =>
  ['finished', 'stopped', 'failed'].includes(federation.driver().status(runId).state);

async function begun(federation: Federation): Promise<string> {
  for (const client of federation.clients) federation.connect(client);
  const { runId } = await federation.driver().submit(federation.signedPlan);
  return runId;
}

/** Every stored sum is the plain sum of exactly the survivors' integers, each release was charged, and the replay agrees. */
async function expectSound(federation: Federation, runId: string, noisy = false): Promise<void> {
  const transcript = await federation.store.transcript(runId);
  const charges = await federation.store.charges(runId);
  for (const { entry } of transcript.slice(1)) {
    const { attempt, survivors, sumHash, slots } = JSON.parse(entry);
    expect(survivors.length).toBeGreaterThanOrEqual(federation.plan.cohort.minSurvivors);
    expect(charges.filter((charge) => charge.attempt === attempt).map(({ slot }) => slot)).toEqual(slots);
    const bytes = await federation.blobs.get(sumHash);
    const sum = new Int32Array(wordsFromLittleEndian(bytes!).buffer);
    const expected = new Int32Array(sum.length);
    for (const client of federation.clients) {
      if (!survivors.includes(client.client)) continue;
      client.uploads.get(attempt)!.forEach((value, index) => (expected[index]! += value));
    }
    if (!noisy) expect(sum).toEqual(expected);
  }
  const keys = charges.map(({ round, slot, attempt }) => `${round}/${slot}/${attempt}`);
  expect(new Set(keys).size).toBe(keys.length);
  const replay = await replayRun(federation.store, federation.blobs, runId);
  expect(replay.modelHash).toBe(federation.driver().status(runId).modelHash);
  expect(replay.releases).toBe(transcript.length - 1);
}

describe('run driver', () => {
  it('runs all rounds and the evaluations, and every release is the plain sum of its survivors', async () => {
    const federation = await createFederation(examplePlan({ rounds: 4 }));
    const runId = await begun(federation);
    expect(await federation.until(ended(federation, runId))).toBe(true);
    const status = federation.driver().status(runId);
    expect(status).toMatchObject({ state: 'finished', round: 4, attempt: 5, failedAttempts: 0, reason: null });
    expect(status.evaluations.map(({ round }) => round)).toEqual([3, 5]);
    expect(status.privacy.epsilonSoFar).toBeLessThan(status.privacy.epsilon ?? 0);
    expect(status.clients.every(({ sessionsSurvived }) => sessionsSurvived === 5)).toBe(true);
    await expectSound(federation, runId);
    await federation.until(() => false, 100);
    expect(federation.clients[0]?.messages.at(-1)).toMatchObject({ type: 'runEnded', outcome: 'finished' });
  });

  it('A15: a release that honest clients cannot have made raises an alarm in the status, also after a restart', async () => {
    const federation = await createFederation(examplePlan({ clients: 4, rounds: 3, evaluateEvery: null }));
    federation.clients[2]!.lie = (attempt) => (attempt === 2 ? 2 ** 30 : null);
    const runId = await begun(federation);
    expect(await federation.until(ended(federation, runId))).toBe(true);
    await federation.restart();
    const { alarms } = federation.driver().status(runId);
    expect(alarms).toEqual([
      { round: 2, attempt: 2, reason: expect.stringMatching(/training sum has norm .* changed code/) },
    ]);
    const status = federation.driver().status(runId);
    expect(status.recentRounds.map(({ reason }) => reason)).toEqual([null, alarms[0]?.reason, null]);
    const api: OperatorApi = { url: '', call: async (_, path) => (path === '/v1/runs' ? { runs: [status] } : status) };
    const { lines } = await runStatus(api, runId.slice(0, 8), false, () => undefined);
    expect(lines.join('\n')).toMatch(/^ALARM +round 2: the training sum has norm/m);
    await expectSound(federation, runId);
  });

  it('shows the device of a client that tells it, of nobody else, and takes it from no stranger', async () => {
    const federation = await createFederation(examplePlan({ clients: 4, rounds: 1, evaluateEvery: null }));
    const runId = await begun(federation);
    const [first, second] = federation.clients;
    const device = { engine: 'tfjs webgpu', device: 'gpu', rowsPerSecond: 120_000, memoryGb: 16 };
    const tell = (client: string, told: object) =>
      federation.driver().received(client, { key: `device-${client}`, message: { type: 'device', runId, ...told } });
    expect(await tell(first!.client, device)).toEqual({ ok: true });
    expect(await tell('ab'.repeat(16), device)).toMatchObject({ ok: false, code: 'FORBIDDEN' });
    const bare = { engine: 'typed arrays', device: 'cpu', rowsPerSecond: null, memoryGb: null };
    expect(await tell(second!.client, bare)).toEqual({ ok: true });
    const status = federation.driver().status(runId);
    expect(status.clients.map((client) => client.device)).toEqual([device, bare, undefined, undefined]);
    const api: OperatorApi = { url: '', call: async (_, path) => (path === '/v1/runs' ? { runs: [status] } : status) };
    const { lines } = await runStatus(api, runId, false, () => undefined);
    expect(lines.filter((line) => /[gc]pu/.test(line)).map((line) => line.trim())).toEqual([
      'gpu: tfjs webgpu, 120000 rows a second in its trial, a machine of 16 GB',
      'cpu: typed arrays',
    ]);
    expect(await federation.until(ended(federation, runId))).toBe(true);
  });

  it('a client that was revoked before a run was submitted is shown as refused in it, and the others go on', async () => {
    const federation = await createFederation(examplePlan({ clients: 4, rounds: 1, evaluateEvery: null }));
    const [gone] = federation.clients;
    federation.driver().revoke([gone?.client ?? '']);
    const runId = await begun(federation);
    expect(await federation.until(ended(federation, runId))).toBe(true);
    const status = federation.driver().status(runId);
    expect(status.state).toBe('finished');
    const shown = status.clients.find(({ client }) => client === gone?.client);
    expect(shown).toMatchObject({ state: 'refused', reason: 'REVOKED: by the authority', sessionsSurvived: 0 });
  });

  it('reads a run’s events for nobody who is not in it, whatever marks somebody shows', async () => {
    const federation = await createFederation(examplePlan({ clients: 4, rounds: 2, evaluateEvery: null }));
    const runId = await begun(federation);
    expect(await federation.until(ended(federation, runId))).toBe(true);
    const read = vi.spyOn(federation.store, 'events');
    federation.driver().clientConnected('ab'.repeat(16), [{ runId, event: 1, part: 0 }]);
    await federation.until(() => false, 10);
    expect(read).not.toHaveBeenCalled();
    federation.driver().clientConnected(federation.clients[0]!.client, [{ runId, event: 1, part: 0 }]);
    await federation.until(() => false, 10);
    expect(read).toHaveBeenCalledExactlyOnceWith(runId, 1);
  });

  it('adds the noise itself in trusted mode, before anything is stored', async () => {
    const federation = await createFederation(examplePlan({ trust: 'trusted', rounds: 2, evaluateEvery: null }));
    const runId = await begun(federation);
    expect(await federation.until(ended(federation, runId))).toBe(true);
    await expectSound(federation, runId, true);
    const [release] = await federation.store.releases(runId);
    const sum = new Int32Array(wordsFromLittleEndian((await federation.blobs.get(release!.sumBlob))!).buffer);
    const plain = [...sum].map((_, index) =>
      federation.clients.reduce((total, client) => total + client.uploads.get(1)![index]!, 0),
    );
    expect([...sum].every((value, index) => value !== plain[index])).toBe(true);
  });

  it('has room for a vector only between its client’s confirmation and its upload', async () => {
    const federation = await createFederation(examplePlan({ clients: 4, rounds: 1, evaluateEvery: null }));
    const [client] = federation.clients;
    const room: [type: string, bytes: number | null][] = [];
    let expected = 0;
    client!.behaviour = (type) => {
      const opened = client!.messages.find((message) => message.type === 'sessionOpen');
      if (opened?.type === 'sessionOpen') {
        expected = 4 * opened.header.dimension;
        room.push([type, federation.driver().vectorBytes(client!.client, opened.sessionId)]);
      }
      return 'answer';
    };
    const runId = await begun(federation);
    expect(await federation.until(ended(federation, runId))).toBe(true);
    expect(room).toEqual([
      ['advertise', null],
      ['share', null],
      ['confirm', null],
      ['upload', expected],
      ['agree', null],
      ['unmask', null],
    ]);
  });

  it('waits for enough clients, and says so', async () => {
    const federation = await createFederation(examplePlan({ clients: 4, rounds: 1, evaluateEvery: null }));
    federation.connect(federation.clients[0]!);
    const { runId } = await federation.driver().submit(federation.signedPlan);
    expect(await federation.until(ended(federation, runId), 600_000)).toBe(false);
    expect(federation.driver().status(runId)).toMatchObject({ state: 'waiting', attempt: 0 });
    expect(federation.driver().status(runId).reason).toContain('1 of at least 3');
    for (const client of federation.clients.slice(1)) federation.connect(client);
    expect(await federation.until(ended(federation, runId))).toBe(true);
    await expectSound(federation, runId);
  });

  for (const stage of ['advertise', 'share', 'confirm', 'upload', 'agree', 'unmask'] as const) {
    it(`goes on without a client that is silent at ${stage}`, async () => {
      const federation = await createFederation(examplePlan({ clients: 4, rounds: 2, evaluateEvery: null }));
      federation.clients[2]!.behaviour = (step, attempt) => (step === stage && attempt === 1 ? 'silent' : 'answer');
      const runId = await begun(federation);
      expect(await federation.until(ended(federation, runId))).toBe(true);
      expect(federation.driver().status(runId).state).toBe('finished');
      await expectSound(federation, runId);
    });

    it(`fails the attempt with a reason and repeats it when too few answer at ${stage}`, async () => {
      const plan = examplePlan({ clients: 4, rounds: 2, evaluateEvery: null, spareAttempts: 2 });
      const federation = await createFederation(plan);
      for (const client of federation.clients.slice(0, 2)) {
        client.behaviour = (step, attempt) => (step === stage && attempt === 1 ? 'silent' : 'answer');
      }
      const runId = await begun(federation);
      expect(await federation.until(ended(federation, runId))).toBe(true);
      const status = federation.driver().status(runId);
      expect(status).toMatchObject({ state: 'finished', failedAttempts: 1, attempt: 3 });
      expect(status.recentRounds[0]).toMatchObject({ outcome: 'failed' });
      expect(status.recentRounds[0]?.reason).toMatch(/COHORT_TOO_SMALL|DEADLINE_PASSED/);
      expect(await federation.store.transcript(runId)).toHaveLength(3);
      await expectSound(federation, runId);
    });

    it(`A14: goes on without a client whose message at ${stage} is malformed`, async () => {
      const federation = await createFederation(examplePlan({ clients: 4, rounds: 1, evaluateEvery: null }));
      federation.clients[1]!.behaviour = (step) => (step === stage ? 'malformed' : 'answer');
      const runId = await begun(federation);
      expect(await federation.until(ended(federation, runId))).toBe(true);
      const refused = federation.clients[1]!.replies.find(({ type }) => type === stage);
      expect(refused?.reply).toMatchObject({
        ok: false,
        code: stage === 'upload' ? 'UPLOAD_INVALID' : 'MESSAGE_INVALID',
      });
      await expectSound(federation, runId);
    });

    it(`a coordinator that dies after the first ${stage} resumes with a fresh attempt`, async () => {
      const federation = await createFederation(examplePlan({ clients: 3, rounds: 2, evaluateEvery: null }));
      const runId = await begun(federation);
      const seen = () => federation.clients.some(({ replies }) => replies.some(({ type }) => type === stage));
      expect(await federation.until(seen)).toBe(true);
      await federation.restart();
      expect(await federation.until(ended(federation, runId))).toBe(true);
      expect(federation.driver().status(runId).state).toBe('finished');
      await expectSound(federation, runId);
    });
  }

  it('ends early, with the model it has, when failed attempts have used the sessions up', async () => {
    const plan = examplePlan({ clients: 4, rounds: 3, evaluateEvery: null, spareAttempts: 1 });
    const federation = await createFederation(plan);
    for (const client of federation.clients.slice(0, 2)) {
      client.behaviour = (step, attempt) => (step === 'upload' && attempt > 2 ? 'silent' : 'answer');
    }
    const runId = await begun(federation);
    expect(await federation.until(ended(federation, runId))).toBe(true);
    const status = federation.driver().status(runId);
    expect(status).toMatchObject({ state: 'finished', failedAttempts: 2, attempt: 4 });
    expect(status.reason).toContain('after 2 of 3 rounds');
    await expectSound(federation, runId);
  });

  it('a client that comes back gets the offer and what is outstanding again', async () => {
    const federation = await createFederation(examplePlan({ clients: 3, rounds: 1, evaluateEvery: null }));
    const runId = await begun(federation);
    const client = federation.clients[0]!;
    const running = () => federation.driver().status(runId).stage === 'advertise';
    expect(await federation.until(running)).toBe(true);
    federation.disconnect(client);
    expect(await federation.until(() => false, 100)).toBe(false);
    const before = client.messages.length;
    federation.connect(client);
    expect(await federation.until(ended(federation, runId))).toBe(true);
    expect(client.messages.slice(before).map(({ type }) => type)).toContain('sessionOpen');
    expect(federation.driver().status(runId)).toMatchObject({ state: 'finished', failedAttempts: 0 });
    await expectSound(federation, runId);
  });

  it('tells the operator why a client left, and the other clients only that too few are left', async () => {
    const federation = await createFederation(examplePlan({ clients: 3, rounds: 1, evaluateEvery: null }));
    const [leaver, other] = federation.clients;
    leaver!.behaviour = (step) => (step === 'share' ? 'silent' : 'answer');
    const runId = await begun(federation);
    const inShare = () => leaver!.messages.some(({ type }) => type === 'roster');
    expect(await federation.until(inShare)).toBe(true);
    const open = leaver!.messages.find((message) => message.type === 'sessionOpen');
    await federation.driver().received(leaver!.client, {
      key: 'leaves-here',
      message: {
        type: 'sessionLeave',
        sessionId: open?.sessionId,
        code: 'BUDGET_EXCEEDED',
        reason: 'policy line budget',
      },
    });
    await federation.until(() => other!.messages.some(({ type }) => type === 'sessionClosed'));
    expect(federation.driver().status(runId).recentRounds[0]?.reason).toContain('policy line budget');
    const closed = other!.messages.find((message) => message.type === 'sessionClosed');
    expect(closed).toMatchObject({ outcome: 'failed', code: 'COHORT_TOO_SMALL' });
    expect(JSON.stringify(other!.messages)).not.toMatch(/policy line|BUDGET_EXCEEDED/);
    await federation.driver().stop(runId);
  });

  it('tells each client the newest attempt that it has an upload of, also after a restart', async () => {
    const federation = await createFederation(
      examplePlan({ clients: 4, rounds: 4, evaluateEvery: null, spareAttempts: 2 }),
    );
    // Attempt 2 fails after three uploads.
    federation.clients[0]!.behaviour = (step, attempt) => (step === 'upload' && attempt === 2 ? 'silent' : 'answer');
    federation.clients[1]!.behaviour = (step, attempt) => (step === 'agree' && attempt === 2 ? 'silent' : 'answer');
    const runId = await begun(federation);
    await federation.until(() => federation.driver().status(runId).attempt === 4);
    await federation.restart();
    expect(await federation.until(ended(federation, runId))).toBe(true);
    const told = (index: number) =>
      new Map(
        federation.clients[index]!.messages.flatMap((message) =>
          message.type === 'sessionOpen' ? [[message.header.attempt, message.answered] as const] : [],
        ),
      );
    // The opening of attempt 4 went down with the coordinator.
    expect([1, 2, 3, 5].map((attempt) => told(3).get(attempt))).toEqual([0, 1, 2, 3]);
    expect(told(0).get(3)).toBe(1);
    await expectSound(federation, runId);
  });

  it('keeps what a replay needs and the newest models, and remembers its traffic over a restart', async () => {
    const removed: string[] = [];
    const blobs = createMemoryBlobs();
    const federation = await createFederation(examplePlan({ rounds: 8, evaluateEvery: null }), {
      blobs: {
        ...blobs,
        async remove(hash) {
          removed.push(hash);
          await blobs.remove(hash);
        },
      },
    });
    const runId = await begun(federation);
    await federation.until(() => federation.driver().status(runId).round > 5);
    const before = federation.driver().status(runId);
    await federation.restart();
    const after = federation.driver().status(runId);
    expect(after.bytesUp).toBeGreaterThan(0.7 * before.bytesUp);
    expect(after.bytesDown).toBeGreaterThan(0.7 * before.bytesDown);
    expect(await federation.until(ended(federation, runId))).toBe(true);
    const releases = await federation.store.releases(runId);
    const there = await Promise.all(
      releases.map(async ({ modelBlob }) => (await federation.blobs.get(modelBlob)) !== null),
    );
    expect(there).toEqual([false, false, false, false, false, true, true, true]);
    for (const { sumBlob } of releases) expect(await federation.blobs.get(sumBlob)).not.toBeNull();
    // Five models and seven states; after the restart those of before are asked for again.
    expect(new Set(removed).size).toBe(12);
    await expectSound(federation, runId);
  });

  it('pauses between sessions, resumes, and stops at once', async () => {
    const federation = await createFederation(examplePlan({ rounds: 50, evaluateEvery: null }));
    const runId = await begun(federation);
    const driver = federation.driver();
    await federation.until(() => driver.status(runId).recentRounds.length === 2);
    await driver.pause(runId);
    await federation.until(() => false, 60_000);
    expect(driver.status(runId).state).toBe('paused');
    const { attempt } = driver.status(runId);
    await driver.resume(runId);
    await federation.until(() => driver.status(runId).attempt > attempt);
    await driver.stop(runId, 'enough');
    expect(driver.status(runId)).toMatchObject({ state: 'stopped', reason: 'enough' });
    await expect(driver.pause(runId)).rejects.toMatchObject({ code: 'CONFLICT' });
    await expectSound(federation, runId);
  });

  it('a repeated request is done once and answered alike', async () => {
    const federation = await createFederation(examplePlan({ rounds: 1, evaluateEvery: null }));
    const runId = await begun(federation);
    expect(await federation.until(ended(federation, runId))).toBe(true);
    const envelope = { key: 'same-key-1', message: { type: 'runAccept', runId: 'f'.repeat(32) } };
    const driver = federation.driver();
    const [client] = federation.clients;
    const replies = [await driver.received(client!.client, envelope), await driver.received(client!.client, envelope)];
    expect(replies[0]).toBe(replies[1]);
  });

  it('refuses a plan that a stranger signed, or whose roster is not enrolled; the same plan is the same run', async () => {
    const federation = await createFederation(examplePlan({ rounds: 1 }));
    const { signedPlan } = federation;
    const driver = federation.driver();
    await expect(driver.submit({ ...signedPlan, plan: { ...signedPlan.plan, name: 'altered' } })).rejects.toMatchObject(
      { code: 'PLAN_UNSIGNED' },
    );
    const { runId } = await driver.submit(signedPlan);
    expect((await driver.submit(signedPlan)).runId).toBe(runId);
    const other = await createFederation(examplePlan({ rounds: 1 }), { seed: 'other' });
    const larger = await createFederation(examplePlan({ clients: 4, rounds: 1 }));
    await expect(other.driver().submit(larger.signedPlan)).rejects.toMatchObject({ code: 'ROSTER_INVALID' });
  });

  it('a store that fails costs the attempt, and nothing that was acknowledged', async () => {
    const federation = await createFederation(examplePlan({ clients: 3, rounds: 2, evaluateEvery: null }));
    const runId = await begun(federation);
    const { commit } = federation.store;
    await federation.until(() => federation.driver().status(runId).recentRounds.length === 1);
    let failures = 0;
    federation.store.commit = async (what) => {
      if (failures < 2) {
        failures += 1;
        throw Object.assign(new Error('disk'), { code: 'ENOSPC' });
      }
      return commit(what);
    };
    expect(await federation.until(ended(federation, runId))).toBe(true);
    expect(failures).toBe(2);
    expect(federation.driver().status(runId).state).toBe('finished');
    await expectSound(federation, runId);
  });

  it('a checkpoint holds the state that the replay computes', async () => {
    const federation = await createFederation(examplePlan({ rounds: 2 }));
    const runId = await begun(federation);
    await federation.until(ended(federation, runId));
    const checkpoint = await federation.store.checkpoint(runId);
    expect(decodeServerState((await federation.blobs.get(checkpoint!.stateBlob))!).steps).toBe(2);
  });

  it('a replay names an altered release', async () => {
    const federation = await createFederation(examplePlan({ rounds: 2, evaluateEvery: null }));
    const runId = await begun(federation);
    await federation.until(ended(federation, runId));
    const [release] = await federation.store.releases(runId);
    const bytes = (await federation.blobs.get(release!.sumBlob))!.slice();
    bytes[0]! ^= 1;
    const altered = {
      ...federation.blobs,
      get: async (hash: string) => (hash === release!.sumBlob ? bytes : federation.blobs.get(hash)),
    };
    await expect(replayRun(federation.store, altered, runId)).rejects.toMatchObject({ code: 'REPLAY_MISMATCH' });
  });

  it('a replay names a release that the plan does not allow, though every hash fits', async () => {
    const federation = await createFederation(examplePlan({ clients: 3, rounds: 3, evaluateEvery: null }));
    const runId = await begun(federation);
    await federation.until(ended(federation, runId));
    const { store, blobs } = federation;
    /** The transcript with changed entries, chained anew as a lying coordinator would. */
    const forged = async (change: (entry: TranscriptEntry) => TranscriptEntry) => {
      const records: TranscriptRecord[] = [];
      let previous = transcriptGenesis;
      for (const [index, { entry }] of (await store.transcript(runId)).entries()) {
        const record = transcriptRecord(index, change({ ...transcriptEntrySchema.parse(JSON.parse(entry)), previous }));
        records.push(record);
        previous = record.hash;
      }
      return { ...store, transcript: async () => records };
    };
    const release = (edit: Partial<Extract<TranscriptEntry, { type: 'release' }>>) =>
      forged((entry) => (entry.type === 'release' && entry.round === 2 ? { ...entry, ...edit } : entry));
    expect((await replayRun(await forged((entry) => entry), blobs, runId)).releases).toBe(3);
    const [a = '', b = '', c = ''] = federation.plan.roster.clients.map(({ client }) => client);
    for (const edit of [
      { survivors: [a, b] },
      { survivors: [a, b, b] },
      { survivors: [a, b, c, 'ff'.repeat(20)] },
      { round: 1 },
      { attempt: 1 },
      // The plan keeps all noise.
      { noise: { clients: 3, whole: [] } },
    ]) {
      await expect(replayRun(await release(edit), blobs, runId)).rejects.toMatchObject({ code: 'REPLAY_MISMATCH' });
    }
    await expect(replayRun(store, blobs, runId, '77'.repeat(32))).rejects.toMatchObject({ code: 'PLAN_UNSIGNED' });
  });

  it('tells a status at most four times a second, and the last one always', async () => {
    const federation = await createFederation(examplePlan({ rounds: 3 }));
    const times: number[] = [];
    let last = '';
    federation.driver().onStatus((status) => {
      times.push(federation.clock.now());
      last = status.state;
    });
    const runId = await begun(federation);
    await federation.until(ended(federation, runId));
    await federation.until(() => false, 1_000);
    expect(last).toBe('finished');
    for (let index = 1; index < times.length; index++)
      expect(times[index]! - times[index - 1]!).toBeGreaterThanOrEqual(250);
  });
});
