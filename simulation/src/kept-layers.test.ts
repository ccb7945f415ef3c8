import { replayRun } from '@sotto/coordinator/runs';
import {
  importWeights,
  initialWeights,
  modelTensors,
  topologySchema,
  trainedLayout,
  weightsFromBytes,
  weightsToBytes,
} from '@sotto/shared/model';
import { sessionParts, type Plan, type RosterClient } from '@sotto/shared/plan';
import { examplePlan } from '@sotto/shared/plan/testing';
import { layoutLength, toHex } from '@sotto/shared/vector';
import { sha256 } from '@sotto/shared/crypto';
import { expect, it } from 'vitest';
import { simulate, type SimulationConfig } from './federation.ts';
import { noiseData } from './simulated-data.ts';

const topology = topologySchema.parse({
  layers: [
    { kind: 'reshape', shape: [8, 8, 1] },
    { kind: 'conv2d', filters: 4, kernelSize: 3, stride: 2, activation: 'relu', trainable: false },
    { kind: 'layerNorm' },
    { kind: 'flatten' },
    { kind: 'dense', units: 10, activation: 'linear' },
  ],
});
/** The convolution's weights; everything behind them is trained. */
const kept = 3 * 3 * 4 + 4;
const seed = 'ab'.repeat(32);
const other = initialWeights(topology, 64, 'cd'.repeat(32));
const convolution = modelTensors(topology, 64, other).slice(0, 2);
const initial = importWeights(topology, 64, convolution, seed).weights;
const checkpoint = toHex(sha256(weightsToBytes(initial)));

function planOf(unit: Plan['unit'], roster: readonly RosterClient[], authority: string): Plan {
  const overrides = { topology, initialWeights: { generator: 'glorot-uniform-v1', seed, checkpoint } } as const;
  return examplePlan({ data: 'digits', unit, rounds: 2, roster, authority, evaluateEvery: null, overrides });
}

const configOf = (unit: Plan['unit']): SimulationConfig => ({
  seed: `kept ${unit}`,
  clients: [0, 1, 2].map((index) => {
    const { schema } = examplePlan({ data: 'digits' });
    return { name: `client ${index}`, data: noiseData(schema, 20, `${index}`) };
  }),
  plan: (roster, authority) => planOf(unit, roster, authority),
  initial: weightsToBytes(initial),
});

it.each(['record', 'client'] as const)(
  'a run at unit %s begins with a checkpoint, moves what is trained alone, and replays',
  async (unit) => {
    const { status, plan, store, blobs, runId, violations, releasesChecked } = await simulate(configOf(unit));
    expect({ state: status.state, reason: status.reason, violations, releasesChecked }).toEqual({
      state: 'finished',
      reason: null,
      violations: [],
      releasesChecked: 2,
    });
    // Neither noise nor bytes for what is kept.
    const trained = layoutLength(trainedLayout(topology, 64));
    expect(trained).toBe(initial.length - kept);
    expect(sessionParts(plan, ['training'])[0]?.dimension).toBe(trained);
    const replayed = await replayRun(store, blobs, runId);
    expect(replayed.modelHash).toBe(status.modelHash);
    const weights = weightsFromBytes((await blobs.get(status.modelHash))!);
    expect([...weights.subarray(0, kept)]).toEqual([...other.subarray(0, kept)]);
    const moved = weights.filter((weight, index) => index >= kept && weight !== initial[index]).length;
    expect(moved / trained).toBeGreaterThan(0.99);
  },
);

it('a plan whose first weights nobody handed over does not begin', async () => {
  const { initial: _, ...without } = configOf('record');
  await expect(simulate(without)).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining(checkpoint),
  });
});
