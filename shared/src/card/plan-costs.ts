import {
  groupSizes,
  planEpsilons,
  sessionParts,
  slotsOf,
  thresholdsOf,
  type EpsilonField,
  type Plan,
} from '../plan/index.ts';
import { epsilonOf, survivorLevels, type EventCount, type SlotName } from '../privacy/index.ts';
import { colludersTolerated } from '../secure-sum/index.ts';
import { whoColludes, type EpsilonLeft } from './who-colludes.ts';

/** What a plan costs before anything runs, and what its cohort's numbers do to it. */
export type PlanCosts = {
  readonly slots: readonly {
    readonly slot: SlotName;
    /** The stated ε that it counts in. */
    readonly field: EpsilonField;
    /** Releases at most. */
    readonly count: number;
    /** ε of this slot's releases alone. At unit = client the slots together cost less than the sum of these. */
    readonly epsilonAlone: number;
    /** ε of its releases without the spare attempts. */
    readonly epsilonWithoutSpare: number;
  }[];
  /** ε with the noise as planned, by the number of clients that collude. Empty where clients know no noise. */
  readonly colluding: readonly EpsilonLeft[];
  /** How much noise a sum of all clients carries at the same ε, by other numbers of the cohort. */
  readonly noise: readonly NoiseFactor[];
};

/** Noise of a sum of every client against the least that ε needs, as a factor of its standard deviation. */
export type NoiseFactor = {
  readonly minSurvivors: number;
  readonly colluding: number;
  readonly factor: number;
  /** Whether these are the plan's own numbers. */
  readonly planned: boolean;
};

/** Most rows of `noise` for each number: the plan's own are always among them. */
const choicesMax = 4;

/** @throws as `planSlots` and the accountant: call it with a sound plan */
export function planCosts(plan: Plan): PlanCosts {
  const { privacy } = plan;
  if (privacy.kind === 'none') return { slots: [], colluding: [], noise: [] };
  const slots = planEpsilons(plan).flatMap(({ field, slots: group }) =>
    group.map(({ slot, count, events }) => ({
      slot,
      field,
      count,
      epsilonAlone: epsilonOf(events, privacy.delta).epsilon,
      epsilonWithoutSpare: epsilonOf(withoutSpare(events, plan.spareAttempts), privacy.delta).epsilon,
    })),
  );
  return { slots, colluding: whoColludes(plan), noise: noiseFactors(plan) };
}

/** A session that is repeated may cost the most that any does: the first of a slot's events. */
function withoutSpare([most, ...rest]: readonly EventCount[], spareAttempts: number): EventCount[] {
  return most === undefined ? [] : [{ ...most, count: most.count - spareAttempts }, ...rest];
}

/**
 * √(n / (minSurvivors − colluding)) for what the secure sum allows (soundness.md §5), or √(n / (n − colluding)) where what a full cohort
 * does not need is taken out: as the plan says for its own numbers, and for others as a draft becomes that does not say `kept`.
 */
function noiseFactors(plan: Plan): NoiseFactor[] {
  const thresholds = thresholdsOf(plan);
  if (thresholds === null) return [];
  const { clients, threshold } = thresholds;
  const { cohort, roster, trust } = plan;
  const colluders = Math.min(...groupSizes(plan).map(colludersTolerated));
  const floor =
    Math.min(...sessionParts(plan, slotsOf(plan)).map((part) => part.noiseVarianceSteps)) *
    (cohort.minSurvivors - cohort.colluding);
  const rows: NoiseFactor[] = [];
  for (const minSurvivors of choices(threshold, clients, cohort.minSurvivors)) {
    for (const colluding of choices(1, Math.min(colluders, minSurvivors - 2), cohort.colluding)) {
      const planned = minSurvivors === cohort.minSurvivors && colluding === cohort.colluding;
      const removable = trust === 'secure' && (planned ? cohort.noise === 'removable' : cohort.noise !== 'kept');
      const share = floor / (minSurvivors - colluding);
      const [level = minSurvivors] = removable ? survivorLevels(clients, minSurvivors, colluding, share) : [];
      const factor = Math.sqrt(roster.clients.length / (level - colluding));
      rows.push({ minSurvivors, colluding, factor, planned });
    }
  }
  return rows;
}

/** A few whole numbers from `least` to `most`, both ends and `own` among them. */
function choices(least: number, most: number, own: number): number[] {
  const count = Math.min(choicesMax, most - least + 1);
  const spread = Array.from({ length: Math.max(0, count) }, (_, index) =>
    count === 1 ? least : Math.round(least + ((most - least) * index) / (count - 1)),
  );
  const all = own >= least && own <= most ? [...spread, own] : spread;
  return [...new Set(all)].sort((a, b) => a - b);
}
