import { remainingNoiseVariance, sessionHeaderFor, sessionParts } from '@sotto/shared/plan';
import { examplePlan } from '@sotto/shared/plan/testing';
import { expect, it } from 'vitest';
import { createMemoryBlobs } from '../store/memory-blobs.ts';
import { conclude } from './release.ts';
import { firstServerState } from './run-beginning.ts';

it('a figure’s interval is that of the noise which is left in its sum', async () => {
  const plan = examplePlan({ clients: 7, minSurvivors: 5, rounds: 2 });
  const state = await firstServerState(plan, createMemoryBlobs());
  const clients = plan.roster.clients.map(({ client }) => client);
  const hash = '11'.repeat(32);
  const facts = { planHash: hash, runId: '22'.repeat(16), round: 3, attempt: 1, modelHash: hash, clipNormL2: null };
  const header = sessionHeaderFor(plan, facts);
  expect(header.slots).toEqual(['evaluation']);
  const [part] = sessionParts(plan, ['evaluation']);
  const stepsPerUnit = Math.floor(1 / part!.gridStep);
  // Right, wrong, and the loss as a share of its maximum.
  const sum = Int32Array.from([700, 300, 250], (units) => units * stepsPerUnit);
  const concluded = (survivors: number, left: { clients: number; whole: string[] } | null) => {
    const { evaluation, alarm } = conclude(plan, header, state, sum, clients.slice(0, survivors), left);
    expect(alarm).toBeNull();
    const std = Math.sqrt(remainingNoiseVariance(plan, part!, survivors, left));
    return { std, width: evaluation!.loss!.noiseHalfWidth };
  };
  const [kept, removed, one] = [
    concluded(7, null),
    concluded(7, { clients: 7, whole: [] }),
    concluded(7, { clients: 7, whole: ['a client'] }),
  ];
  expect((removed.std / kept.std) ** 2).toBeCloseTo(4 / 6, 10);
  for (const { std, width } of [removed, one]) {
    expect(width).toBeLessThan(kept.width);
    expect(width / kept.width / (std / kept.std)).toBeCloseTo(1, 1);
  }
  expect(one.width).toBeGreaterThan(removed.width);
});
