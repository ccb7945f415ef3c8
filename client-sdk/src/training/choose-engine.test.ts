import { initialWeights, referenceModel, topologySchema, type LocalModel } from '@sotto/shared/model';
import { describe, expect, it } from 'vitest';
import { chooseEngine, type EngineSearch } from './choose-engine.ts';
import type { EngineCandidate } from './engine.ts';
import { nodeEngines } from './node-engines.ts';
import { cpuEngine, loadTfjs, wasmEngine } from './tfjs-backend.ts';
import type { ModelSpec } from './tfjs-model.ts';

const spec: ModelSpec = {
  topology: topologySchema.parse({
    layers: [
      { kind: 'dense', units: 300, activation: 'relu' },
      { kind: 'dense', units: 10, activation: 'linear' },
    ],
  }),
  inputs: 200,
  loss: 'categoricalCrossEntropy',
};

const choose = (candidates: readonly EngineCandidate[], more: Partial<EngineSearch> = {}) =>
  chooseEngine(spec, { candidates, rowsApart: true, nowMs: () => performance.now(), ...more });

const failing = (name: string, start: EngineCandidate['start']): EngineCandidate => ({ name, device: 'gpu', start });

/** A backend of that name in tfjs's registry that never becomes ready, as wasm under a policy without blob workers. */
const hanging = failing('hangs', async (limitMs) => {
  const tf = await loadTfjs();
  tf.registerBackend('hangs', () => new Promise<never>(() => undefined));
  const { startBackend } = await import('./engine.ts');
  return startBackend(tf, 'hangs', limitMs);
});

async function expectComputes(model: LocalModel): Promise<void> {
  const reference = referenceModel(spec.topology, spec.inputs, spec.loss);
  const weights = initialWeights(spec.topology, spec.inputs, '0a'.repeat(32));
  const inputs = Float32Array.from({ length: 3 * spec.inputs }, (_, index) => Math.sin(index));
  await model.setWeights(weights);
  await reference.setWeights(weights);
  const [given, wanted] = [await model.predict(inputs, 3), await reference.predict(inputs, 3)];
  expect(given.length).toBe(30);
  wanted.forEach((value, index) => expect(Math.abs(value - given[index]!)).toBeLessThan(1e-5));
  await model.dispose();
}

describe('the choice by measuring', () => {
  it('says of every candidate of a node how it fared, and takes the quickest', async () => {
    const { model, choice } = await choose(nodeEngines());
    expect(choice.trials.map(({ engine }) => engine).sort()).toEqual([
      '@tensorflow/tfjs-node',
      '@tensorflow/tfjs-node-gpu',
      'tfjs cpu',
      'tfjs wasm',
      'tfjs webgpu',
      'typed arrays',
    ]);
    const taken = choice.trials.filter(({ refused }) => refused === null);
    expect(taken).toMatchObject([{ engine: choice.engine, device: choice.device }]);
    expect(choice.rowsPerSecond).toBe(Math.round(256_000 / taken[0]!.ms!));
    for (const { ms, refused } of choice.trials) {
      if (refused === 'slower') expect(ms).toBeGreaterThanOrEqual(taken[0]!.ms!);
      else if (refused !== null) expect(ms).toBeNull();
    }
    expect(choice.trials.find(({ engine }) => engine === 'tfjs cpu')!.refused).toMatch(/^not tried/);
    await expectComputes(model);
  });

  it('gives up what hangs, what fails and what is software, and takes the next', async () => {
    const begun = performance.now();
    const { model, choice } = await choose(
      [
        hanging,
        failing('fails', () => Promise.reject(new Error('broken\nstack'))),
        failing('never loads', () => new Promise<never>(() => undefined)),
        cpuEngine,
      ],
      { limitMs: 100 },
    );
    expect(performance.now() - begun).toBeLessThan(5_000);
    const reasons = new Map(choice.trials.map(({ engine, refused }) => [engine, refused]));
    expect(reasons.get('hangs')).toBe('no answer within 0.1 s');
    expect(reasons.get('never loads')).toBe('no answer within 0.2 s');
    expect(reasons.get('fails')).toBe('broken');
    expect([...reasons.keys()]).toContain('tfjs cpu');
    await expectComputes(model);
    // It is out of tfjs's registry: no operation waits for it.
    const tf = await loadTfjs();
    expect(tf.findBackendFactory('hangs')).toBe(null);
    expect(await tf.setBackend('cpu')).toBe(true);
    expect(tf.tidy(() => tf.add(1, 1).dataSync()[0])).toBe(2);
  });

  it('tells rows a second that the engine really does: a slower one is not chosen', async () => {
    const tf = await loadTfjs();
    const slow: EngineCandidate = {
      name: 'slow',
      device: 'cpu',
      async start(limitMs) {
        const engine = await wasmEngine().start(limitMs);
        const matMul: typeof tf.matMul = (...given) => {
          const until = performance.now() + 20;
          while (performance.now() < until);
          return tf.matMul(...given);
        };
        return { ...engine, tf: { ...tf, matMul } };
      },
    };
    const { model, choice } = await choose([slow]);
    expect(choice.engine).toBe('typed arrays');
    expect(choice.trials.find(({ engine }) => engine === 'slow')).toMatchObject({ refused: 'slower' });
    await model.dispose();
  });

  // Failure: a record's gradient moves with the others of its batch, by an engine that adds up by the batch's size.
  it('an engine that does not keep rows apart is never chosen where each record is a unit', async () => {
    const tf = await loadTfjs();
    const blocked: EngineCandidate = {
      name: 'blocked',
      device: 'cpu',
      async start(limitMs) {
        const engine = await wasmEngine().start(limitMs);
        const matMul = ((a: Parameters<typeof tf.matMul>[0], b: Parameters<typeof tf.matMul>[1]) => {
          const odd = (a as { shape: number[] }).shape[0]! % 2;
          return tf.mul(tf.matMul(a, b), 1 + odd * 2 ** -20);
        }) as typeof tf.matMul;
        return { ...engine, tf: { ...tf, matMul } };
      },
    };
    let clock = 0;
    // By this clock every pass of the one that is tried first takes less.
    const nowMs = (): number => (clock += clock < 400 ? 1 : 50);
    const asRecord = await choose([blocked], { nowMs });
    expect(asRecord.choice.engine).toBe('typed arrays');
    expect(asRecord.choice.trials.find(({ engine }) => engine === 'blocked')!.refused).toMatch(/rounding depends/);
    await asRecord.model.dispose();
    clock = 0;
    const asClient = await choose([blocked], { nowMs, rowsApart: false });
    expect(asClient.choice.engine).toBe('blocked');
    await asClient.model.dispose();
  });

  it('a wished device is kept to', async () => {
    const { model, choice } = await choose(nodeEngines(), { device: 'cpu' });
    expect(choice.trials.find(({ engine }) => engine === 'tfjs webgpu')!.refused).toBe('it is no cpu');
    await model.dispose();
    const gpu = choose([wasmEngine(), hanging], { device: 'gpu', limitMs: 50 });
    await expect(gpu).rejects.toThrow(/device gpu can be used: tfjs wasm: it is no gpu; hangs: /);
  });
});
