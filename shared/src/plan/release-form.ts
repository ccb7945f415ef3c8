import type { ReleaseForm } from '../learning/index.ts';
import { bandedSchedule } from './banded-schedule.ts';
import type { Plan } from './plan-schema.ts';

/** What the plan's training releases are besides a mean of the model's length. */
export function releaseFormOf(plan: Plan): ReleaseForm {
  const { query } = plan.training;
  const bands = bandedSchedule(plan)?.bands ?? 1;
  if (query.kind !== 'update' || query.adaptiveClip === undefined) return { adaptiveClip: null, bands };
  const { quantile, learningRate, clipNormMin, clipNormMax } = query.adaptiveClip;
  return {
    adaptiveClip: { first: query.clipNormL2, quantile, learningRate, least: clipNormMin, most: clipNormMax },
    bands,
  };
}
