import { networkLayers, referenceModel, sizeOf, type LocalModel, type NetworkLayer } from '@sotto/shared/model';
import { inputWidth, type Plan } from '@sotto/shared/plan';
import type { EngineChoice, EngineSearch } from './choose-engine.ts';

export type { EngineChoice, EngineTrial } from './choose-engine.ts';

/** What this machine may compute with: `nodeEngines` or `webEngines`, and what its owner wishes. */
export type Engines = Pick<EngineSearch, 'candidates' | 'device' | 'limitMs'>;

/**
 * Largest number of products a row for which plain typed arrays are taken without a trial: below it a tfjs operation costs more
 * to dispatch (25 µs) than to compute, and tfjs would triple the node's memory.
 */
const plainMaxProducts = 20_000;

/** Largest number of products a round for which there is no trial either, about 0.1 s: tfjs's start costs more. */
const plainMaxWork = 20_000_000;

/**
 * The model of a plan on the engine that suits its size: plain typed arrays for little work; else what the machine has is timed
 * on the plan's own topology, and the quickest is kept. It computes on the calling thread.
 *
 * The plan and the machine alone decide: an engine's rounding differs from another's, so a choice by the number of rows would let
 * one unit more or less move the integers of all the others.
 *
 * @param chosen - told which engine was taken, and why.
 * @throws {UNSUPPORTED} when a device is wished that cannot be used.
 */
export async function createLocalModel(
  plan: Plan,
  engines: Engines,
  chosen: (choice: EngineChoice) => void,
): Promise<LocalModel> {
  const inputs = inputWidth(plan.schema);
  const products = networkLayers(plan.topology, inputs).reduce((sum, layer) => sum + productsOf(layer), 0);
  const plain = (work: string): LocalModel => {
    const reason = `${work} are quicker without an engine`;
    chosen({ engine: 'typed arrays', device: 'cpu', reason, rowsPerSecond: null, trials: [] });
    return referenceModel(plan.topology, inputs, plan.loss);
  };
  if (engines.device !== 'gpu') {
    if (products <= plainMaxProducts) return plain(`${products} products a row`);
    const { query } = plan.training;
    const units = query.kind === 'gradient' ? query.expectedBatch / plan.roster.clients.length : Infinity;
    if (products * units <= plainMaxWork) {
      return plain(`${products} products a row on about ${Math.ceil(units)} units a round`);
    }
  }
  const { chooseEngine } = await import('./choose-engine.ts');
  const spec = { topology: plan.topology, inputs, loss: plan.loss };
  const search = { ...engines, rowsApart: plan.unit === 'record', nowMs: () => performance.now() };
  const { model, choice } = await chooseEngine(spec, search);
  chosen(choice);
  return model;
}

/** Multiplications of one row's way through a layer: each weight of a kernel at each place where it is used. */
function productsOf({ layer, tensors, inputShape, outputShape }: NetworkLayer): number {
  const weights = tensors.reduce((sum, { length }) => sum + length, 0);
  switch (layer.kind) {
    case 'conv1d':
    case 'conv2d':
      return weights * (sizeOf(outputShape) / layer.filters);
    case 'gru':
      return weights * inputShape[0]!;
    case 'dense':
      return weights;
    case 'embedding':
    case 'layerNorm':
    case 'maxPool':
    case 'averagePool':
    case 'globalAveragePool':
    case 'dropout':
    case 'reshape':
    case 'flatten':
      return sizeOf(inputShape);
  }
}
