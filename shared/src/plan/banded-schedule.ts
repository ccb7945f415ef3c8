import { bandCoefficients } from '../privacy/index.ts';
import type { BandedTurn, ClientSampling } from '../queries/index.ts';
import type { Plan } from './plan-schema.ts';

/** The plan's bands and the rounds from one fresh update of a client to its next; null where no update is sent again. */
export type BandedSchedule = { readonly bands: number; readonly period: number };

/**
 * A client makes a fresh update every `period` rounds, where period = max(bands, ⌈rounds / maxParticipations⌉): never again while an
 * earlier one is still being sent, and at most `maxParticipations` times in a run.
 */
export function bandedSchedule(plan: Plan): BandedSchedule | null {
  const { query, rounds } = plan.training;
  if (query.kind !== 'update' || query.sampling?.kind !== 'banded') return null;
  return { bands: query.sampling.bands, period: periodOf(query.sampling, rounds) };
}

/** Rounds from one fresh update of a client to its next. */
export function periodOf(sampling: Extract<ClientSampling, { kind: 'banded' }>, rounds: number): number {
  return Math.max(sampling.bands, Math.ceil(rounds / sampling.maxParticipations));
}

/**
 * What a client has to send in a round: by its place in the roster and the round alone, so that who takes part tells nothing of
 * anybody's data. Null where nothing of it is due.
 */
export function bandedTurn(plan: Plan, client: string, round: number): BandedTurn | null {
  const place = plan.roster.clients.findIndex((entry) => entry.client === client);
  return place < 0 ? null : turnAt(plan, place, round);
}

/** The youngest update that any client has to send in a round: the one that costs most. */
export function youngestTurn(plan: Plan, round: number): BandedTurn | null {
  const turns = plan.roster.clients.map((_, place) => turnAt(plan, place, round));
  return turns.reduce(
    (least, turn) => (least === null || (turn !== null && turn.age < least.age) ? turn : least),
    null,
  );
}

/**
 * Rounds up to `round` in which the first client of the roster sends an update of each age, youngest first. Nobody has more of any age:
 * the others begin later.
 */
export function turnsUpTo(plan: Plan, schedule: BandedSchedule, round: number): readonly number[] {
  const last = Math.min(round, plan.training.rounds);
  return bandCoefficients(schedule.bands).map((_, age) =>
    Math.max(0, Math.floor((last - 1 - age) / schedule.period) + 1),
  );
}

function turnAt(plan: Plan, place: number, round: number): BandedTurn | null {
  const schedule = bandedSchedule(plan);
  if (schedule === null || round > plan.training.rounds) return null;
  const since = round - 1 - (place % schedule.period);
  if (since < 0) return null;
  const age = since % schedule.period;
  return age < schedule.bands ? { madeIn: round - age, age } : null;
}
