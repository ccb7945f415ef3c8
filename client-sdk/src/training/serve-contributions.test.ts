import { createNodeRandom, nodeKeyStream } from '@sotto/shared/crypto/node';
import { initialWeights, referenceModel, type LocalModel } from '@sotto/shared/model';
import { inputWidth, type Plan } from '@sotto/shared/plan';
import { exampleClient, examplePlan } from '@sotto/shared/plan/testing';
import { expect, it } from 'vitest';
import { createUnitTable } from '../data/index.ts';
import type { ContributionReply } from './contribution-protocol.ts';
import { serveContributions } from './serve-contributions.ts';

const plan = examplePlan({ data: 'digits', clients: 10, hidden: 4 });
const inputs = inputWidth(plan.schema);
const { client } = exampleClient(0);
const header = ['row_id', ...Array.from({ length: 64 }, (_, pixel) => `p${pixel}`), 'label'];
const weights = initialWeights(plan.topology, inputs, plan.initialWeights.seed);
const modelOf = (of: Plan): LocalModel => referenceModel(of.topology, inputs, of.loss);

/** A worker whose models are made as the caller says, one for each run in order. */
function worker(models: readonly (() => Promise<LocalModel>)[]) {
  const replies: ContributionReply[] = [];
  let begun = 0;
  const request = serveContributions({
    unitsOf: () => createUnitTable(plan.schema, header).finish().batch,
    random: createNodeRandom(),
    keyStream: nodeKeyStream,
    createModel: () => models[begun++]!(),
    reply: (reply) => void replies.push(reply),
  });
  return {
    request,
    replies,
    begin: (run: number) => request({ type: 'begin', run, plan, client, device: 'auto' }),
    contribute: (run: number) =>
      request({ type: 'contribute', id: run, run, task: { slots: ['training'], round: 1, noise: null }, weights }),
  };
}

it('works on no rows while the engines of another run are tried', async () => {
  let ready = (_model: LocalModel): void => undefined;
  const tried = new Promise<LocalModel>((resolve) => {
    ready = resolve;
  });
  const { begin, contribute, replies } = worker([async () => modelOf(plan), () => tried]);
  begin(1);
  begin(2);
  contribute(1);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(replies).toEqual([]);
  ready(modelOf(plan));
  await expect.poll(() => replies).toMatchObject([{ type: 'contributed', id: 1 }]);
});

it('goes on after an engine that fails while it is let go of', async () => {
  const broken = async (): Promise<LocalModel> => ({
    ...modelOf(plan),
    dispose: () => Promise.reject(new Error('the device was lost')),
  });
  const { begin, contribute, replies, request } = worker([broken, async () => modelOf(plan)]);
  begin(1);
  request({ type: 'end', run: 1 });
  begin(2);
  contribute(2);
  await expect.poll(() => replies).toMatchObject([{ type: 'contributed', id: 2 }]);
});
