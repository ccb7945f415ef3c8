import { describe, expect, it } from 'vitest';
import type { AdversarialTraining } from '../queries/training-query-schema.ts';
import { checkPlan, findingText } from './check-plan.ts';
import type { Plan } from './plan-schema.ts';
import { examplePlan } from './testing/index.ts';

const adversarial: AdversarialTraining = { norm: 'linf', epsilon: 0.1, steps: 5, clean: true };

function problems(plan: Plan, change: Partial<AdversarialTraining> = {}): readonly string[] {
  const query = { ...plan.training.query, adversarial: { ...adversarial, ...change } };
  return checkPlan({ ...plan, training: { ...plan.training, query } }).problems.map(findingText);
}

describe('a plan that trains on moved rows', () => {
  it.each(['record', 'client'] as const)('is sound at unit %s', (unit) => {
    expect(problems(examplePlan({ unit }))).toEqual([]);
    expect(problems(examplePlan({ unit }), { norm: 'l2', epsilon: 20 })).toEqual([]);
  });

  it('does not move rows further than the schema reaches', () => {
    // Pixels reach from -1 to 1.
    expect(problems(examplePlan({ data: 'digits' }), { epsilon: 2 })).toEqual([]);
    expect(problems(examplePlan({ data: 'digits' }), { epsilon: 2.1 })).toEqual([
      "plan.training.query.adversarial.epsilon: 2.1 is beyond the range of every input: within the schema's ranges a row moves by 2 at most (linf). " +
        'Sizes are in encoded inputs, where 1 is one scale of the schema; lower it.',
    ]);
    expect(problems(examplePlan({ data: 'digits' }), { norm: 'l2', epsilon: 16 })).toEqual([]);
    expect(problems(examplePlan({ data: 'digits' }), { norm: 'l2', epsilon: 17 })[0]).toContain('by 16 at most (l2)');
  });

  it('has an input that can be moved', () => {
    const plan = examplePlan();
    const [first] = plan.schema.columns;
    const names = { ...plan, schema: { ...plan.schema, columns: [{ ...category, name: first!.name }] } };
    expect(problems(names)[0]).toContain('plan.training.query.adversarial: no column is a number or a picture');
    const tokens: Plan = {
      ...plan,
      schema: { ...plan.schema, columns: [{ ...token }] },
      topology: {
        layers: [
          { kind: 'embedding', vocabulary: 9, units: 2 },
          { kind: 'flatten' },
          { kind: 'dense', units: 1, activation: 'linear' },
        ],
      },
    };
    expect(problems(tokens)).toEqual([expect.stringContaining('it has no gradient by its inputs')]);
  });
});

const category = { kind: 'category' as const, values: ['x', 'y'], other: 'zeros' as const };
const token = {
  kind: 'number',
  name: 'token',
  min: 0,
  max: 8,
  transform: 'identity',
  centre: 0,
  scale: 1,
  fill: null,
  missing: [] as string[],
} as const;
