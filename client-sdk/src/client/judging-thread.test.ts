import { examplePlan } from '@sotto/shared/plan/testing';
import { isSottoError } from '@sotto/shared/errors';
import { afterAll, expect, it } from 'vitest';
import { encodeRecords, explainRow, predictRows } from '../judging/index.ts';
import { exampleSchema, linearModel } from '../testing/example-model.ts';
import type { ClientModel } from './client.ts';
import { createJudgingThread } from './judging-thread.ts';

const judging = createJudgingThread();
afterAll(() => judging.close());

const kernel = [[2], [-1], [0], [0.5], [0]];
const row = { age: 60, income: 20_000, pain: 'some' };

const model: ClientModel = {
  runId: 'ab'.repeat(16),
  planHash: 'cd'.repeat(32),
  modelHash: 'ef'.repeat(32),
  plan: {
    ...examplePlan(),
    schema: exampleSchema(),
    topology: { layers: [{ kind: 'dense', units: 1, activation: 'linear' }] },
    loss: 'binaryCrossEntropy',
  },
  weights: Float32Array.from([...kernel.flat(), -1]),
};

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: unknown) => (isSottoError(error) ? `${error.code}: ${error.message}` : String(error)),
  );

it('says in a thread what the same model says in place', async () => {
  const judged = await linearModel('binary', kernel, [-1]);
  const rows = [row, { ...row, age: 41.5, income: null }];
  const inputs = encodeRecords(judged.schema, rows);
  expect(await judging.predict(model, rows)).toEqual(predictRows(judged, inputs));
  expect(await judging.predict(model, rows, { temperature: 3 })).toEqual(predictRows(judged, inputs, 3));
  const smoothed = await judging.predict(model, rows, { smooth: { sigma: 1e-4, draws: 50 } });
  expect(smoothed).toEqual(
    predictRows(judged, inputs).map((one) => ({
      ...one,
      smoothed: expect.objectContaining({ value: one.value, draws: 50 }) as unknown,
    })),
  );
  const baseline = { ...row, pain: 'much' };
  const one = encodeRecords(judged.schema, [row]);
  expect(await judging.explain(model, row)).toEqual(explainRow(judged, one));
  expect(await judging.explain(model, row, { method: 'shapley', explained: 'no', baseline })).toEqual(
    explainRow(judged, one, {
      method: 'shapley',
      explained: 'no',
      baseline: encodeRecords(judged.schema, [baseline]),
    }),
  );
});

it('refuses by code and words, and answers the next one', async () => {
  const wrong = judging.predict(model, [{ ...row, age: 101 }]);
  expect(await codeOf(wrong)).toBe('DATA_INVALID: row 1: age: outside [20, 100]');
  const short = { ...model, weights: new Float32Array(2) };
  expect(await codeOf(judging.predict(short, [row]))).toMatch(/^INVALID_INPUT: /);
  expect(await codeOf(judging.explain(model, row, { explained: 'perhaps' }))).toMatch(/^INVALID_INPUT: explained: /);
  expect(await judging.predict(model, [row])).toHaveLength(1);
});

it('is stopped at once when its client closes, and answers no more', async () => {
  const asked = codeOf(judging.explain(model, row));
  judging.close();
  expect(await asked).toBe('CANCELLED: the client was closed');
  expect(await codeOf(judging.predict(model, [row]))).toBe('CANCELLED: the client was closed');
});
