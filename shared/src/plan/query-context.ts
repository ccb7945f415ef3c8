import type { QueryContext } from '../queries/index.ts';
import { expectedUpdates } from './client-sampling.ts';
import { planClipBit } from './clip-norm.ts';
import { inputWidth, outputWidth } from './data-schema.ts';
import type { Plan } from './plan-schema.ts';

/** What the queries of a plan need to know of it. */
export function queryContext(plan: Plan): QueryContext {
  return {
    topology: plan.topology,
    inputs: inputWidth(plan.schema),
    outputs: outputWidth(plan.schema.target),
    target: plan.schema.target.kind,
    loss: plan.loss,
    unit: plan.unit,
    training: plan.training.query,
    evaluation: plan.evaluation === null ? null : { detail: plan.evaluation.detail, lossMax: plan.evaluation.lossMax },
    expectedUpdates: expectedUpdates(plan),
    clipBit: planClipBit(plan),
  };
}
