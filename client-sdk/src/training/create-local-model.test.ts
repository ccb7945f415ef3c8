import { examplePlan } from '@sotto/shared/plan/testing';
import { expect, it } from 'vitest';
import { createLocalModel, type EngineChoice } from './create-local-model.ts';
import { nodeEngines } from './node-engines.ts';
import { cpuEngine } from './tfjs-backend.ts';

it('takes the engine by the plan and the machine, whatever the data', async () => {
  // The plan, the machine's engines and the screen: there is no way in for rows.
  expect(createLocalModel.length).toBe(3);
  const small = examplePlan();
  const wide = examplePlan({ data: 'digits', hidden: 400, clients: 10 });
  for (const plan of [small, wide]) {
    const told: EngineChoice[] = [];
    const model = await createLocalModel(plan, { candidates: nodeEngines() }, (choice) => told.push(choice));
    expect(told).toMatchObject([{ engine: 'typed arrays', device: 'cpu', trials: [], rowsPerSecond: null }]);
    expect(told[0]!.reason).toMatch(
      plan === wide ? /^\d+ products a row on about 10 units a round/ : /^\d+ products a row are quicker/,
    );
    await model.dispose();
  }
});

it('a GPU that was asked for is tried whatever the size, and what stands in its way is said', async () => {
  const made = createLocalModel(examplePlan(), { candidates: [cpuEngine], device: 'gpu' }, () => undefined);
  await expect(made).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    message: 'no engine of device gpu can be used: tfjs cpu: it is no gpu',
  });
});
