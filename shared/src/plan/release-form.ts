import type { ReleaseForm } from '../learning/index.ts';
import type { Plan } from './plan-schema.ts';

/** What the plan's training releases are besides a mean of the model's length. */
export function releaseFormOf(plan: Plan): ReleaseForm {
  const { query } = plan.training;
  if (query.kind !== 'update' || query.adaptiveClip === undefined) return { adaptiveClip: null };
  const { quantile, learningRate, clipNormMin, clipNormMax } = query.adaptiveClip;
  return {
    adaptiveClip: { first: query.clipNormL2, quantile, learningRate, least: clipNormMin, most: clipNormMax },
  };
}
