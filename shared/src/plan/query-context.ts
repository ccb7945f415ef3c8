import type { QueryContext } from '../queries/index.ts';
import { expectedUpdates } from './client-sampling.ts';
import { planClipBit } from './clip-norm.ts';
import { classTexts, inputWidth, outputWidth, type Target } from './data-schema.ts';
import { heldOutOf } from './held-out.ts';
import { inputColumns } from './input-columns.ts';
import type { Plan } from './plan-schema.ts';

/**
 * What the queries of a plan need to know of it.
 * @param client - whose device asks; null: the coordinator's.
 */
export function queryContext(plan: Plan, client: string | null = null): QueryContext {
  const place = plan.roster.clients.findIndex((entry) => entry.client === client);
  const heldOut = heldOutOf(plan, client);
  return {
    topology: plan.topology,
    inputs: inputWidth(plan.schema),
    outputs: outputWidth(plan.schema.target),
    target: plan.schema.target.kind,
    loss: plan.loss,
    unit: plan.unit,
    training: plan.training.query,
    weights: plan.training.weights,
    evaluation: plan.evaluation === null ? null : { detail: plan.evaluation.detail, lossMax: plan.evaluation.lossMax },
    expectedUpdates: expectedUpdates(plan),
    clipBit: planClipBit(plan),
    columns: inputColumns(plan.schema),
    classes: classTexts(plan.schema.target),
    targetRange: targetRange(plan.schema.target),
    measures: {
      survey: plan.survey?.measures ?? [],
      trainReport: plan.report?.train?.measures ?? [],
      report: plan.report?.measures ?? [],
    },
    minimumUnits: plan.report?.minimumUnits ?? plan.survey?.minimumUnits ?? 1,
    ...(plan.survey === undefined ? {} : { surveyMinimumUnits: plan.survey.minimumUnits }),
    clients: plan.roster.clients.length,
    clientIndex: place < 0 ? null : place,
    ...(heldOut === null ? {} : { heldOut }),
  };
}

function targetRange(target: Target): QueryContext['targetRange'] {
  if (target.kind !== 'number') return null;
  const { min, max, centre, scale } = target;
  return { min, max, centre, scale };
}
