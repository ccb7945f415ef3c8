import { checkPlan, type Plan } from '@sotto/shared/plan';
import { examplePlan } from '@sotto/shared/plan/testing';
import { expect, test } from 'vitest';
import { describePlan } from './describe-plan.ts';

const wordsOf = (plan: Plan): string => describePlan(plan, checkPlan(plan)).join('\n');
const client = examplePlan({ unit: 'client', clients: 60 });

function withQuery(change: object): Plan {
  return { ...client, training: { ...client.training, query: { ...client.training.query, ...change } as never } };
}

test('who sees what is said in every trust mode', () => {
  expect(wordsOf(examplePlan())).toContain('together with up to 1 of the clients');
  const grouped = wordsOf(examplePlan({ trust: 'grouped', clients: 7 }));
  expect(grouped).toContain('In each group the promise holds');
  expect(grouped).toContain('Groups: 2, drawn by your signature; a round needs the sums of 2.');
  expect(wordsOf(examplePlan({ trust: 'local' }))).toContain('together with all other clients');
  expect(wordsOf(examplePlan({ trust: 'trusted' }))).toContain('TRUSTED');
});

test('how clients take part is said before it is signed', () => {
  expect(wordsOf(client)).not.toMatch(/coin|in turn|bound/);
  expect(wordsOf(withQuery({ sampling: { kind: 'hidden', samplingNumerator: 2 ** 30 } }))).toContain(
    'tosses a coin of its own: with probability 0.2500',
  );
  expect(wordsOf(withQuery({ sampling: { kind: 'banded', bands: 3, maxParticipations: 2 } }))).toContain(
    'each at most 2 times, and send smaller shares of it again in the 2 rounds after',
  );
  const adaptiveClip = { quantile: 0.5, learningRate: 0.2, clippedCountStddev: 20, clipNormMin: 0.1, clipNormMax: 9 };
  expect(wordsOf(withQuery({ adaptiveClip }))).toContain('public bound');
});
