import { examplePlan } from '@sotto/shared/plan/testing';
import { expect, it } from 'vitest';
import { createLocalModel } from './create-local-model.ts';

it('takes the engine by the plan alone, whatever the data', async () => {
  // One argument besides the screen: there is no way in for rows.
  expect(createLocalModel.length).toBe(2);
  const small = examplePlan();
  const wide = examplePlan({ data: 'digits', hidden: 400, clients: 10 });
  for (const plan of [small, wide]) {
    const told: string[] = [];
    const model = await createLocalModel(plan, ({ engine, reason }) => told.push(engine, reason));
    expect(told[0]).toBe('typed arrays');
    expect(told[1]).toMatch(plan === wide ? /^\d+ weights on about 10 units a round/ : /^\d+ weights are quicker/);
    await model.dispose();
  }
});
