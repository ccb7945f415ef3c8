// Runs in a browser's worker: a model of the plan's topology on one engine, a step of training against plain typed arrays.
import { referenceModel, topologySchema, type UnitBatch } from '@sotto/shared/model';
import { threadedWasm } from '../../client-sdk/src/testing/threaded-wasm.ts';
import { chooseEngine, keepsRowsApart, type EngineChoice } from '../../client-sdk/src/training/choose-engine.ts';
import { createTfjsModel } from '../../client-sdk/src/training/tfjs-model.ts';
import { webEngines } from '../../client-sdk/src/training/web-engines.ts';

export type BackendRequest =
  | { readonly type: 'train'; readonly engine: string; readonly allowSoftware: boolean }
  | { readonly type: 'choose'; readonly hang: boolean };

export type BackendAnswer =
  | { readonly type: 'trained'; readonly apart: number; readonly largest: number; readonly rowsApart: boolean }
  | { readonly type: 'refused'; readonly reason: string }
  | { readonly type: 'chosen'; readonly choice: EngineChoice; readonly seconds: number; readonly isolated: boolean };

declare const self: {
  onmessage: ((event: { readonly data: BackendRequest }) => void) | null;
  postMessage(answer: BackendAnswer): void;
  readonly crossOriginIsolated: boolean;
};

const inputs = 20;
const spec = {
  topology: topologySchema.parse({
    layers: [
      { kind: 'dense', units: 24, activation: 'relu' },
      { kind: 'dense', units: 12, activation: 'tanh' },
      { kind: 'dense', units: 3, activation: 'linear' },
    ],
  }),
  inputs,
  loss: 'categoricalCrossEntropy',
} as const;
const wasmFolder = new URL('/wasm/', import.meta.url).href;

self.onmessage = ({ data }) => {
  const work = data.type === 'train' ? train(data.engine, data.allowSoftware) : choose(data.hang);
  work.then(
    (answer) => self.postMessage(answer),
    (error: unknown) =>
      self.postMessage({ type: 'refused', reason: error instanceof Error ? error.message : String(error) }),
  );
};

/** An epoch of minibatches and a batch's traces on one engine, against the product's own loops. */
async function train(name: string, allowSoftware: boolean): Promise<BackendAnswer> {
  const candidate = webEngines({ wasmFolder, allowSoftware }).find((one) => one.name === name)!;
  const { tf } = await candidate.start(20_000);
  const rows = 40;
  const batch: UnitBatch = {
    units: rows,
    rowOffsets: Uint32Array.from({ length: rows + 1 }, (_, row) => row),
    rows,
    inputs: Float32Array.from({ length: rows * inputs }, (_, index) => Math.sin(index)),
    features: inputs,
    targets: Float32Array.from({ length: rows }, (_, row) => row % 3),
  };
  const weights = Float32Array.from({ length: 843 }, (_, index) => 0.3 * Math.sin(1 + index * index));
  const seed = new Uint8Array(32);
  const results: Float32Array[] = [];
  for (const model of [createTfjsModel(tf, spec), referenceModel(spec.topology, inputs, spec.loss)]) {
    await model.setWeights(weights);
    const trained = await model.train(batch, { epochs: 1, batchSize: 16, learningRate: 0.5, proximal: 0.1 }, seed);
    const traces = await model.traces(batch, seed);
    results.push(Float32Array.from([...trained, ...traces.flatMap(({ deltas }) => [...deltas])]));
    await model.dispose();
  }
  const [own, plain] = results as [Float32Array, Float32Array];
  let [apart, largest] = [0, 0];
  plain.forEach((value, index) => {
    largest = Math.max(largest, Math.abs(value));
    apart = Math.max(apart, Math.abs(value - own[index]!));
  });
  // Of the processor's engines alone: the others are always given as many rows.
  const rowsApart = candidate.device === 'gpu' || (await keepsRowsApart((one) => createTfjsModel(tf, one), spec));
  return { type: 'trained', apart, largest, rowsApart };
}

/** The choice as a page makes it. With `hang`, first wasm as tfjs itself would start it, with threads. */
async function choose(hang: boolean): Promise<BackendAnswer> {
  const begun = performance.now();
  const { model, choice } = await chooseEngine(spec, {
    candidates: [...(hang ? [threadedWasm(wasmFolder)] : []), ...webEngines({ wasmFolder })],
    rowsApart: true,
    nowMs: () => performance.now(),
    limitMs: 1_500,
  });
  await model.dispose();
  const seconds = (performance.now() - begun) / 1_000;
  return { type: 'chosen', choice, seconds, isolated: self.crossOriginIsolated };
}
