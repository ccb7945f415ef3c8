import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { checkPlan } from './check-plan.ts';
import type { PlanInput } from './plan-schema.ts';
import { examplePlan } from './testing/index.ts';

const page = readFileSync(new URL('../../../docs/guides/many-users.md', import.meta.url), 'utf8');
const excerpts = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text = '']) => [text]);

test.each(excerpts)('an excerpt of the guide makes a sound plan: %s', (text) => {
  const query = JSON.parse(text) as PlanInput['training']['query'];
  const plan = examplePlan({
    clients: 100,
    data: 'digits',
    unit: 'client',
    overrides: { training: { query, strategy: { kind: 'fedAvg' }, rounds: 100, noiseMultiplier: 4 } },
  });
  const { problems, warnings } = checkPlan(plan);
  expect(problems).toEqual([]);
  // That a client can shift a sum is said of every plan.
  expect(warnings.map(({ path }) => path)).toEqual(['plan.roster']);
  expect(plan.training.query).toMatchObject(query);
});

test('there are excerpts', () => {
  expect(excerpts.length).toBeGreaterThan(0);
});
