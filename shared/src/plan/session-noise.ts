import { layersKept, layerVariances, survivorLevels, type PartSpec } from '../privacy/index.ts';
import type { Plan } from './plan-schema.ts';
import { slotsOf } from './plan-slots.ts';
import { releaseNoiseVariance, sessionParts } from './session-parts.ts';

/** What was taken out of a sum's noise: told with every release of a plan whose noise can be removed. */
export type NoiseLeft = {
  /** Clients on the session's roster: they fix the layers. */
  readonly clients: number;
  /** Survivors that kept all of their noise, because they said no more when the sum was opened; sorted. */
  readonly whole: readonly string[];
};

/**
 * Least variance, in steps², of the noise that a client adds to a coordinate of any part of the plan, where what the survivors do
 * not need is taken out of the sum: it decides how many layers there can be. Undefined where all noise stays.
 */
export function removableNoise(plan: Plan): number | undefined {
  if (plan.trust !== 'secure' || plan.privacy.kind === 'none' || plan.cohort.noise !== 'removable') return undefined;
  const parts = sessionParts(plan, slotsOf(plan));
  return Math.min(...parts.map((part) => part.noiseVarianceSteps));
}

/** Variances, in steps², of the layers of one client's noise in a part, layer 0 first; one layer where nothing can be removed. */
export function partLayers(plan: Plan, part: PartSpec, clients: number): readonly number[] {
  const levels = levelsOf(plan, clients);
  return levels.length < 2
    ? [part.noiseVarianceSteps]
    : layerVariances(levels, plan.cohort.colluding, part.noiseVarianceSteps);
}

/**
 * Variance, in steps², of the noise in each coordinate of a released sum: exact for survivors that drew what they say.
 * @param left - what was taken out; null: nothing
 */
export function remainingNoiseVariance(plan: Plan, part: PartSpec, survivors: number, left: NoiseLeft | null): number {
  if (left === null) return releaseNoiseVariance(plan, part, survivors);
  const layers = partLayers(plan, part, left.clients);
  const kept = sumOf(layers.slice(0, layersKept(levelsOf(plan, left.clients), survivors)));
  return (survivors - left.whole.length) * kept + left.whole.length * sumOf(layers);
}

/**
 * Variance of the noise in a release that `colluding` clients do not know, as a share of the floor's z²D²: at least 1 for the
 * plan's own `colluding`. Noise of survivors that kept all of theirs is not counted: their answer may have come too late for the sum and
 * not for the coordinator.
 */
export function unknownNoiseShare(plan: Plan, survivors: number, colluding: number, left: NoiseLeft | null): number {
  const { cohort } = plan;
  if (left === null) return (survivors - colluding) / (cohort.minSurvivors - cohort.colluding);
  const levels = levelsOf(plan, left.clients);
  const level = levels[layersKept(levels, survivors) - 1]!;
  return (survivors - colluding) / (level - cohort.colluding);
}

function levelsOf(plan: Plan, clients: number): readonly number[] {
  const { minSurvivors, colluding } = plan.cohort;
  const least = removableNoise(plan);
  return least === undefined ? [minSurvivors] : survivorLevels(clients, minSurvivors, colluding, least);
}

function sumOf(variances: readonly number[]): number {
  return variances.reduce((sum, variance) => sum + variance, 0);
}
