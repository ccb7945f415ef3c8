import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planHashOf, sessionHeaderFor } from '@sotto/shared/plan';
import { examplePlan } from '@sotto/shared/plan/testing';
import type { ServerMessage } from '@sotto/shared/protocol';
import { sessionIdOf } from '@sotto/shared/secure-sum';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openClientBooks } from '../ledger/client-books.ts';
import { openDataSource } from '../ledger/data-source.ts';
import { initialClientState } from './machine-state.ts';
import { stepClient } from './machine.ts';

const plan = examplePlan({ rounds: 4, evaluateEvery: null });
const planHash = planHashOf(plan);
const runId = 'cd'.repeat(16);
const header = (attempt: number) =>
  sessionHeaderFor(plan, { planHash, runId, round: attempt, attempt, modelHash: '11'.repeat(32) });

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-rolled-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Charges a session in the books of a folder, as a node does that is started and stopped. */
async function charged(place: string, attempt: number): Promise<void> {
  const source = await openDataSource(place);
  const books = await openClientBooks(source.ledger, { epsilon: 10, delta: 1e-5 });
  await books.openAttempt(plan, header(attempt));
  await books.charge(plan, header(attempt));
  await source.close();
}

/** The library ends a closed file when the collector comes by: its log may go while it is copied, and what was in it is in the file. */
async function copyOf(place: string, copy: string): Promise<void> {
  try {
    await cp(place, copy, { recursive: true });
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOENT') throw error;
    await rm(copy, { recursive: true, force: true });
    await cp(place, copy, { recursive: true });
  }
}

/** What a node that starts on these books does with a session; `answered` is the honest coordinator's echo. */
async function opened(place: string, attempt: number, answered: number) {
  const source = await openDataSource(place);
  const { marks } = await openClientBooks(source.ledger, { epsilon: 10, delta: 1e-5 });
  await source.close();
  const offer: Extract<ServerMessage, { type: 'runOffer' }> = {
    type: 'runOffer',
    runId,
    planHash,
    signedPlanBlob: '00'.repeat(32),
    certificates: [],
  };
  let { state } = stepClient(initialClientState(marks), { type: 'message', message: offer });
  ({ state } = stepClient(state, {
    type: 'offerAllowed',
    offer,
    plan,
    group: { number: 0, members: [] },
    revoked: new Set(),
  }));
  const open: ServerMessage = {
    type: 'sessionOpen',
    sessionId: sessionIdOf(header(attempt)),
    header: header(attempt),
    answered,
  };
  return stepClient(state, { type: 'message', message: open }).effects;
}

it('books that were put back from a copy are found out by the echo, and nothing is sent on them', async () => {
  const place = join(folder, 'books');
  const copy = join(folder, 'copy');
  await charged(place, 1);
  await copyOf(place, copy);
  await charged(place, 2);
  // The true books go on, …
  expect(await opened(place, 3, 2)).toContainEqual(expect.objectContaining({ type: 'openSession' }));
  // … the copy lacks the charge of attempt 2.
  const effects = await opened(copy, 3, 2);
  expect(effects).toContainEqual(expect.objectContaining({ type: 'leave', code: 'LEDGER_ROLLED_BACK' }));
  expect(effects.some(({ type }) => type === 'openSession')).toBe(false);
  // A coordinator that keeps quiet is not contradicted: it is the honest one that helps.
  expect(await opened(copy, 3, 0)).toContainEqual(expect.objectContaining({ type: 'openSession' }));
});
