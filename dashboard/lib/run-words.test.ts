import { expect, test } from 'vitest';
import { advanced, digits, failed, finished, hospitals, nobody, unprotected } from '../testing/run-fixtures.ts';
import { privacyFacts } from './privacy-facts.ts';
import {
  announcement,
  floorSentence,
  guaranteeWords,
  mayBeLost,
  runSentence,
  runSubtitle,
  stageSecondsLeft,
} from './run-words.ts';
import { answeredCount, clientRows, stageColumns } from './stages.ts';

test('the sentence says what the run waits for, or how it ended', () => {
  expect(runSentence(hospitals())).toBe('Round 62 of 100: waiting for one upload of 4.');
  expect(runSentence(digits())).toBe('Round 141 of 240: waiting for shares from 2 of 7 clients.');
  expect(runSentence(nobody())).toBe('Waiting for clients: none has connected yet.');
  expect(runSentence(finished())).toBe('Finished: all 100 rounds are done.');
  expect(runSentence(failed())).toBe('The run failed at round 62 of 100.');
  expect(runSentence({ ...finished(), round: 60 })).toBe('Finished early, after round 60 of 100.');
});

test('every step of a session has a sentence of its own without an undefined in it', () => {
  let status = hospitals();
  for (let step = 0; step < 60; step += 1) {
    expect(runSentence(status)).not.toMatch(/undefined|NaN/);
    expect(runSubtitle(status)).not.toMatch(/undefined|NaN/);
    status = advanced(status);
  }
  expect(status.round).toBeGreaterThan(62);
});

test('a client outside the session shows its reason, one inside shows its stages', () => {
  const rows = clientRows(digits());
  const row = (name: string) => rows.find((one) => one.client.name === name);
  expect(row('Ada')).toMatchObject({
    kind: 'marks',
    marks: ['done', 'now', 'waiting', 'waiting', 'waiting', 'waiting'],
  });
  expect(row('Gita')).toMatchObject({ kind: 'apart', tone: 'lost', text: 'no keys within 30 s' });
  expect(row('Ines')).toMatchObject({ kind: 'apart', tone: 'refused' });
  expect(answeredCount(digits())).toEqual({ answered: 5, asked: 7 });
});

test('a trusted run has no key stages', () => {
  expect(stageColumns('trusted').map((column) => column.stage)).toEqual(['upload', 'release']);
});

test('a local run says whose noise it counts on', () => {
  const local = { ...hospitals(), trust: 'local' } as const;
  expect(stageColumns('local').map((column) => column.note)).toEqual(['noised vector', 'noisy sum']);
  const texts = privacyFacts(local).map(({ text }) => text);
  expect(texts[0]).toContain('with all of its noise added by the client itself');
  expect(texts.join(' ')).toContain('even if all others pool');
  expect(texts.join(' ')).not.toContain('unmasked');
});

test('a run of several groups says of which sums the coordinator sees, and how the groups stand', () => {
  const groups = { total: 3, needed: 2, open: 1, released: 1 };
  const run = { ...digits(), trust: 'grouped' as const, minSurvivors: 3, groups };
  expect(stageColumns('grouped')).toEqual(stageColumns('secure'));
  const texts = privacyFacts(run).map(({ text }) => text);
  expect(texts[0]).toBe(
    'sees the noisy sum of each of 3 groups of clients. No contribution of a single client ever reaches it unmasked.',
  );
  expect(texts.join(' ')).toContain('3 in each group. A sum of fewer is never unmasked.');
  expect(runSubtitle(run)).toContain('groups: 1 released, 1 open of 3');
  expect(floorSentence(run)).toContain('With 2 or fewer the group fails');
  // Ten clients: the smallest group has three, and needs them all.
  expect(mayBeLost(run)).toBe(0);
});

test('as many may be lost as both the floor and the shares allow', () => {
  expect(mayBeLost(hospitals())).toBe(1);
  expect(mayBeLost(digits())).toBe(3);
  expect(mayBeLost({ ...digits(), minSurvivors: 10 })).toBe(0);
});

test('a floor of one or none promises no failing round', () => {
  expect(floorSentence(unprotected())).toBe('A sum is released with 1 survivor or more.');
  expect(floorSentence(hospitals())).toContain('With 2 or fewer the round fails');
});

test('time left of a stage never runs below zero', () => {
  const status = hospitals();
  const end = Date.parse(status.stageEndsAt ?? '');
  expect(stageSecondsLeft(status, end - 5_000)).toBe(5);
  expect(stageSecondsLeft(status, end + 5_000)).toBe(0);
  expect(stageSecondsLeft(finished(), end)).toBeNull();
});

test('without privacy the words say so plainly, and nothing is promised', () => {
  expect(guaranteeWords(unprotected())).toBe('No privacy: ε = ∞. Anyone who sees the releases may learn records.');
  const text = privacyFacts(unprotected())
    .map((fact) => fact.text)
    .join(' ');
  expect(text).toContain('each clipped contribution');
  expect(text).not.toContain('noisy');
  expect(text).not.toContain('The promise holds');
});

test('with privacy the facts name the floor and the colluders of the plan', () => {
  const facts = privacyFacts(hospitals());
  expect(facts.find((fact) => fact.term === 'Fewest clients')?.text).toMatch(/^3\. /);
  expect(facts.find((fact) => fact.term === 'Pooling')?.text).toContain('even if 1 client pools');
  expect(privacyFacts({ ...hospitals(), colluding: 0 }).find((fact) => fact.term === 'Pooling')?.text).toContain(
    'does not cover',
  );
});

test('what is spoken names the lost', () => expect(announcement(digits())).toContain('Lost: Gita.'));
