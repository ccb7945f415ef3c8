import { modelLayout, referenceModel, type LocalModel } from '@sotto/shared/model';
import { inputWidth, type Plan } from '@sotto/shared/plan';
import { layoutLength } from '@sotto/shared/vector';

/** Which engine computes a run's local model, and why, for the own screen. */
export type EngineChoice = { readonly engine: string; readonly reason: string };

/**
 * Largest number of weights for which plain typed arrays are taken without a trial: below it a tfjs operation costs more to
 * dispatch (25 µs) than to compute, and tfjs would triple the node's memory.
 */
const plainMaxWeights = 20_000;

/** Largest product of weights and units a round for which there is no trial either, about 0.1 s: tfjs's start costs more. */
const plainMaxWork = 20_000_000;

/**
 * The model of a plan on the engine that suits its size: plain typed arrays for little work; else plain arrays are timed
 * against tfjs on the plan's own topology, and the quicker is kept. It computes on the calling thread.
 *
 * The plan alone decides: an engine's rounding differs from another's, so a choice by the number of rows would let one unit more
 * or less move the integers of all the others.
 *
 * @param chosen - told which engine was taken, and why.
 */
export async function createLocalModel(plan: Plan, chosen: (choice: EngineChoice) => void): Promise<LocalModel> {
  const inputs = inputWidth(plan.schema);
  const weights = layoutLength(modelLayout(plan.topology, inputs));
  if (weights <= plainMaxWeights) {
    chosen({ engine: 'typed arrays', reason: `${weights} weights are quicker without an engine` });
    return referenceModel(plan.topology, inputs, plan.loss);
  }
  const { query } = plan.training;
  const units = query.kind === 'gradient' ? query.expectedBatch / plan.roster.clients.length : Infinity;
  if (weights * units <= plainMaxWork) {
    const about = `${weights} weights on about ${Math.ceil(units)} units a round`;
    chosen({ engine: 'typed arrays', reason: `${about} are quicker without an engine` });
    return referenceModel(plan.topology, inputs, plan.loss);
  }
  const { chooseEngine } = await import('./choose-engine.ts');
  const spec = { topology: plan.topology, inputs, loss: plan.loss };
  const { model, choice } = await chooseEngine(spec, () => performance.now());
  chosen(choice);
  return model;
}
