import {
  eventsOf,
  thresholdsOf,
  planEpsilons,
  removableNoise,
  unknownNoiseShare,
  type Plan,
  type PlanEpsilon,
} from '../plan/index.ts';
import { epsilonOf, type EventCount, type MechanismEvent } from '../privacy/index.ts';

/** ε that is left, for each stated ε of the plan in its order. */
export type EpsilonLeft = {
  /** Clients that pool what they know with the coordinator. */
  readonly colluding: number;
  /** When only the fewest survivors contributed. */
  readonly atFewest: readonly number[];
  /** When every client of the roster contributed, and noise that they do not need was taken out where it can be. */
  readonly atAll: readonly number[];
};

/** Numbers of colluders beyond the first ten that are worth a row. */
const steps = [12, 16, 24, 32, 48, 64, 96, 128];

/**
 * What is left of each ε when 0, 1, … clients have pooled what they know with the coordinator, up to the most that the secure
 * sum bears. Each client knows its own noise of variance v, so of s contributions the others' (s − c)·v stays unknown
 * (soundness.md §2.1): ε at the plan's own `colluding` and the fewest survivors is the stated one. Where noise is taken out, v is
 * z²D² / (s − colluding) for the s that are there: then (s − c) / (s − colluding) of the floor stays unknown, which rises with s for
 * more colluders than planned and falls for fewer. Either way the worse of both columns bounds what any release costs.
 * Empty in `local` and `trusted` mode, where no client knows another's noise, and without differential privacy.
 */
export function whoColludes(plan: Plan): readonly EpsilonLeft[] {
  const thresholds = thresholdsOf(plan);
  if (thresholds === null || plan.privacy.kind === 'none') return [];
  const { delta } = plan.privacy;
  const { minSurvivors, colluding } = plan.cohort;
  const { clients } = thresholds;
  const removable = removableNoise(plan) !== undefined;
  const groups = planEpsilons(plan);
  const most = Math.max(colluding, thresholds.colludingMax);
  const rows = Array.from({ length: most + 1 }, (_, index) => index).filter(
    (row) => row <= 10 || row === most || row === colluding || steps.includes(row),
  );
  const left = (group: PlanEpsilon, survivors: number, known: number) =>
    epsilonOf(eventsAt(group, shareAt(survivors, known)), delta).epsilon;
  const shareAt = (survivors: number, known: number): number => {
    const share = unknownNoiseShare(plan, survivors, known, { clients, whole: [] });
    // The top level may stand below n where noise is small; this is the least at any level.
    return removable && known < colluding && survivors === clients
      ? Math.min(share, (clients - known) / (clients - colluding))
      : share;
  };
  return rows.map((known) => ({
    colluding: known,
    atFewest: groups.map((group) => left(group, minSurvivors, known)),
    atAll: groups.map((group) => left(group, clients, known)),
  }));
}

/** A group's releases when the noise that an adversary does not know has `share` times the floor's variance. */
function eventsAt(group: PlanEpsilon, share: number): EventCount[] {
  return eventsOf(group.slots).map(({ event, count }) => ({ event: withShare(event, share), count }));
}

/** Rounded down, so that the noise is never taken for more than it is. */
function withShare(event: MechanismEvent, share: number): MechanismEvent {
  if (share === 1) return event;
  // The shares that make up the sum keep their own size; here they are one, which the accountant asks only for its 4 steps.
  return {
    ...event,
    noiseMultiplier: event.noiseMultiplier * Math.sqrt(share) * (1 - 1e-12),
    minSurvivors: event.colluding + 1,
  };
}
