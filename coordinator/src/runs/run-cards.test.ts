import { examplePlan } from '@sotto/shared/plan/testing';
import { describe, expect, it } from 'vitest';
import { createFederation, type Federation } from '../testing/federation.ts';
import { createRunCards } from './run-cards.ts';

async function ran(federation: Federation): Promise<string> {
  for (const client of federation.clients) federation.connect(client);
  const { runId } = await federation.driver().submit(federation.signedPlan);
  expect(await federation.until(() => federation.driver().status(runId).endedAt !== null)).toBe(true);
  return runId;
}

describe('the card of a run', () => {
  it('says what was done: rounds, charges, releases, fewest survivors, model', async () => {
    const federation = await createFederation(examplePlan({ clients: 5, rounds: 4 }));
    federation.clients[1]!.behaviour = (step, attempt) => (step === 'upload' && attempt === 2 ? 'silent' : 'answer');
    const runId = await ran(federation);
    const card = await createRunCards(federation.store, federation.blobs).cardOf(runId);
    const { modelHash } = federation.driver().status(runId);
    expect(card.run).toEqual({ runId, state: 'finished', roundsRun: 4, roundsPlanned: 4, modelHash });
    expect(card.mechanisms.map(({ charged, released, atMost }) => [charged, released, atMost])).toEqual([
      [4, 4, 6],
      [2, 2, 4],
    ]);
    expect(card.noise).toMatchObject({ clients: 5, minSurvivors: 4, fewestSurvivors: 4, shareReceived: 1 });
    expect(card.keys).toMatchObject({ poolClients: 0 });
  });

  it('counts a failed attempt whose uploads may have left', async () => {
    const federation = await createFederation(examplePlan({ clients: 4, rounds: 2, evaluateEvery: null }));
    for (const client of federation.clients.slice(0, 2)) {
      client.behaviour = (step, attempt) => (step === 'agree' && attempt === 1 ? 'silent' : 'answer');
    }
    const runId = await ran(federation);
    const card = await createRunCards(federation.store, federation.blobs).cardOf(runId);
    expect(card.mechanisms).toMatchObject([{ charged: 3, released: 2 }]);
  });

  it('a kind of session that failed as often as the plan may repeat it ends the run, and the card still holds', async () => {
    const plan = examplePlan({ clients: 4, rounds: 6, evaluateEvery: 3, spareAttempts: 0 });
    const federation = await createFederation(plan);
    // Two evaluations are planned and none is spare: round 4 carries one, and fails until both are used up.
    for (const client of federation.clients.slice(0, 2)) {
      client.behaviour = (step, attempt) => (step === 'agree' && attempt >= 4 ? 'silent' : 'answer');
    }
    const runId = await ran(federation);
    const card = await createRunCards(federation.store, federation.blobs).cardOf(runId);
    expect(card.mechanisms.map(({ charged, atMost }) => [charged, atMost])).toEqual([
      [5, 6],
      [2, 2],
    ]);
    expect(federation.driver().status(runId)).toMatchObject({
      state: 'finished',
      attempt: 5,
      reason: "the plan's 2 sessions with evaluation are used up in round 4 of 6",
    });
  });

  it('there is none of a run that is not there', async () => {
    const federation = await createFederation(examplePlan());
    await expect(createRunCards(federation.store, federation.blobs).cardOf('00')).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });
});
