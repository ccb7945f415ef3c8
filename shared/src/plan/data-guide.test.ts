import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { checkPlan } from './check-plan.ts';
import type { PlanInput } from './plan-schema.ts';
import { examplePlan } from './testing/index.ts';

const page = readFileSync(new URL('../../../docs/guides/data-adequacy.md', import.meta.url), 'utf8');
const [survey, augmented] = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(
  ([, text = '']) => JSON.parse(text) as PlanInput,
);

test('the guide’s survey makes a sound plan', () => {
  const plan = examplePlan({
    evaluateEvery: null,
    overrides: {
      split: { validation: 0, test: 0.2 },
      survey: { ...survey!.survey!, noiseMultiplier: 16 },
      report: { ...survey!.report!, noiseMultiplier: 16 },
    },
  });
  expect(checkPlan(plan).problems).toEqual([]);
  expect(plan.survey).toMatchObject(survey!.survey!);
});

test('the guide’s augmentation makes a sound plan', () => {
  const { query } = examplePlan({ unit: 'client' }).training;
  const plan = examplePlan({
    unit: 'client',
    rounds: 2,
    evaluateEvery: null,
    overrides: {
      training: {
        query: { ...query, ...augmented!.training.query } as PlanInput['training']['query'],
        strategy: { kind: 'fedAvg' },
        rounds: 2,
        noiseMultiplier: 16,
      },
    },
  });
  expect(checkPlan(plan).problems).toEqual([]);
  expect(plan.training.query).toMatchObject(augmented!.training.query);
});
