import type { ConsentRequest, Notice } from '@sotto/client';
import { expect, test } from 'vitest';
import { initialState, reduce, type SottoEvent, type SottoState } from './sotto-state.ts';
import { statusWords } from './words.ts';

const member = { client: '0a'.repeat(20), name: 'Ada', coordinator: 'https://a.example' };
const runId = '1b'.repeat(16);
// Of a plan the state takes its name and its rounds.
const plan = { name: 'Findings', training: { rounds: 4 } };
const told = (notice: object): SottoEvent => ({ type: 'told', notice: notice as Notice });
const after = (state: SottoState, ...events: readonly SottoEvent[]): SottoState => events.reduce(reduce, state);

const running = after(
  initialState,
  { type: 'opened', member: null, model: null },
  { type: 'joined', member },
  { type: 'starting' },
  { type: 'started' },
  told({ type: 'connected' }),
);
const offered = after(running, told({ type: 'offered', runId, plan }));
const question = (run: string): SottoEvent => ({ type: 'asked', request: { runId: run } as ConsentRequest });
const asked = after(offered, question(runId), question('2c'));

test('says each step of a run in words', () => {
  const released = told({ type: 'sessionClosed', runId, round: 1, outcome: 'released' });
  const steps: readonly [SottoState, string][] = [
    [initialState, 'Opening what this browser keeps for you'],
    [after(initialState, { type: 'opened', member: null, model: null }), 'You have not joined yet'],
    [after(initialState, { type: 'opened', member, model: null }), 'Joined as Ada; choose your rows to take part'],
    [running, 'Connected; waiting for a run'],
    [after(running, told({ type: 'disconnected' })), 'Connecting'],
    [after(running, { type: 'paused', isPaused: true }), 'Paused: no new round begins'],
    [offered, '“Findings” is about to begin'],
    [after(offered, released), '“Findings”: 1 of 4 rounds'],
    [
      after(offered, told({ type: 'runEnded', runId, outcome: 'stopped', reason: null })),
      '“Findings” has been stopped',
    ],
  ];
  for (const [state, words] of steps) expect(statusWords(state)).toBe(words);
});

test('counts rounds whose sum was opened, and of its own run alone', () => {
  const failed = told({ type: 'sessionClosed', runId, round: 2, outcome: 'failed' });
  const another = told({ type: 'sessionClosed', runId: '00', round: 3, outcome: 'released' });
  expect(after(offered, failed, another).run?.released).toBe(0);
  // The evaluation after the last round is a session too.
  expect(after(offered, told({ type: 'sessionClosed', runId, round: 5, outcome: 'released' })).run?.released).toBe(4);
  expect(after(offered, told({ type: 'runEnded', runId: '00', outcome: 'failed', reason: 'other' }))).toEqual(offered);
});

test('a run that is refused, by policy or person, asks nothing any more and says why', () => {
  const state = after(asked, told({ type: 'refused', runId, code: 'PLAN_REFUSED', reason: 'maxEpsilon' }));
  expect(state).toMatchObject({ asked: [{ runId: '2c' }], trouble: 'maxEpsilon' });
  expect(statusWords(state)).toBe('“Findings” runs without you');
});

test('two questions are asked one after the other, and one whose run has ended is not asked', () => {
  expect(after(asked, { type: 'answered', runId }).asked).toMatchObject([{ runId: '2c' }]);
  const ended = told({ type: 'runEnded', runId: '2c', outcome: 'failed', reason: null });
  expect(after(asked, ended)).toMatchObject({ asked: [{ runId }], run: { outcome: null } });
});

test('a tab that waits for another says so until it reads its rows', () => {
  const waiting = after(running, told({ type: 'elsewhere' }));
  expect(statusWords(waiting)).toBe('Another tab takes part; this one waits');
  const report = { rows: 7, rowsKept: 5, units: 5, leftOut: [], constantColumns: [] };
  expect(after(waiting, told({ type: 'dataRead', file: 'rows.csv', report }))).toMatchObject({
    isElsewhere: false,
    rows: { kept: 5, leftOut: 2 },
  });
});

test('a client that has ended can start again, and one that failed says why', () => {
  const ended = after(offered, { type: 'ended' });
  expect(ended).toMatchObject({ phase: 'idle', isConnected: false, asked: [] });
  const failed = after(running, { type: 'failed', reason: 'The certificate was revoked.', isFatal: false });
  expect(failed).toMatchObject({ phase: 'idle', trouble: 'The certificate was revoked.' });
  expect(after(failed, { type: 'starting' }).trouble).toBeNull();
  const shut = after(initialState, { type: 'failed', reason: 'No database.', isFatal: true });
  expect(statusWords(shut)).toBe('This browser cannot take part');
});

test('books rise with each charge, and stay where nothing is charged', () => {
  const books = after(running, told({ type: 'books', epsilonSpent: 1, epsilonBudget: 10, unprotectedUploads: 0 }));
  const charged = after(books, told({ type: 'charged', epsilonAfter: 1.5, epsilonBudget: 10 }));
  expect(charged.books).toEqual({ epsilonSpent: 1.5, epsilonBudget: 10 });
  expect(after(charged, told({ type: 'charged', epsilonAfter: null, epsilonBudget: null }))).toBe(charged);
});
