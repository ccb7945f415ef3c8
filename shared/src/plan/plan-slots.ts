import { SottoError } from '../errors/index.ts';
import {
  bandCoefficients,
  bandEvent,
  gridFor,
  gridStepsPerRms,
  type EventCount,
  type MechanismEvent,
  type PartSpec,
} from '../privacy/index.ts';
import { queryByName } from '../queries/index.ts';
import { layoutLength } from '../vector/index.ts';
import { bandedSchedule, bandedTurn, turnsUpTo, youngestTurn } from './banded-schedule.ts';
import { everyUnit, trainingNumerator } from './client-sampling.ts';
import { queryContext } from './query-context.ts';
import type { Plan } from './plan-schema.ts';

export type SlotName = PartSpec['slot'];

/** One kind of release that a plan allows, and how often at most. */
export type PlanSlot = {
  readonly slot: SlotName;
  readonly query: PartSpec['query'];
  /** The part of each client's units that is read. */
  readonly part: PartSpec['dataPart'];
  /** What a release costs at most; null with privacy none. */
  readonly event: MechanismEvent | null;
  /** Releases at most: the planned ones and every spare attempt. */
  readonly count: number;
  /** All that a unit may be charged, for the accountant: `count` of `event`, or less where not every release costs every unit the same. */
  readonly events: readonly EventCount[];
};

/** What a slot asks for, in real numbers and on the grid. */
export type SlotShape = {
  readonly slot: SlotName;
  readonly query: PartSpec['query'];
  readonly part: PartSpec['dataPart'];
  readonly dimension: number;
  readonly clipNormL2: number;
  readonly gridStep: number;
  readonly normBoundSteps: number;
  readonly samplingNumerator: number;
};

/**
 * The slots that ride in the session of a round, in the order of their segments. Rounds 1 … `rounds` train; evaluation looks
 * at the model that a round starts from, so it rides along in rounds 1 + every, 1 + 2·every, …, and alone in round rounds + 1.
 * Empty outside 1 … rounds + 1, and in round rounds + 1 of a plan without evaluation.
 */
export function slotsOfRound(plan: Plan, round: number): readonly SlotName[] {
  const { rounds } = plan.training;
  if (round === rounds + 1 && plan.evaluation !== null) return ['evaluation'];
  if (round < 1 || round > rounds) return [];
  const evaluates = plan.evaluation !== null && round > 1 && (round - 1) % plan.evaluation.every === 0;
  return evaluates ? ['training', 'evaluation'] : ['training'];
}

/** Sessions that the plan needs when none fails: one a round, and one for the evaluation after the last round. */
export function sessionCount(plan: Plan): number {
  return plan.training.rounds + (plan.evaluation === null ? 0 : 1);
}

/** Evaluations that the plan makes when no session fails. */
export function evaluationCount(plan: Plan): number {
  return plan.evaluation === null ? 0 : Math.floor((plan.training.rounds - 1) / plan.evaluation.every) + 1;
}

/**
 * Every slot of a plan with the event at its floor: what both ledgers charge and what the stated ε covers. Spare attempts
 * count for each slot, because a session that fails may have carried any of them.
 * @throws {PLAN_INVALID} when differential privacy is on and a slot has no noise multiplier.
 */
export function planSlots(plan: Plan): readonly PlanSlot[] {
  const names: readonly SlotName[] = plan.evaluation === null ? ['training'] : ['training', 'evaluation'];
  return names.map((name) => {
    const planned = name === 'training' ? plan.training.rounds : evaluationCount(plan);
    const shape = slotShape(plan, name);
    const event = plan.privacy.kind === 'none' ? null : slotEvent(plan, shape);
    const count = planned + plan.spareAttempts;
    const events = event === null ? [] : name === 'training' ? trainingEvents(plan, event, count) : [{ event, count }];
    return { slot: name, query: shape.query, part: shape.part, event, count, events };
  });
}

/**
 * What a session costs a unit of one client, known before it opens; null: nothing of the client is in its sum, or nothing is promised.
 * @param client - null: the most that it costs anybody
 */
export function sessionEvent(plan: Plan, slot: SlotName, round: number, client: string | null): MechanismEvent | null {
  if (plan.privacy.kind === 'none') return null;
  const event = slotEvent(plan, slotShape(plan, slot));
  const schedule = slot === 'training' ? bandedSchedule(plan) : null;
  if (schedule === null) return event;
  const turn = client === null ? youngestTurn(plan, round) : bandedTurn(plan, client, round);
  return turn === null ? null : bandEvent(event, bandCoefficients(schedule.bands)[turn.age]!);
}

/**
 * What a session costs in the federation's books, which must hold for every client: what it costs the roster's first, whom nobody passes
 * at any time ({@link turnsUpTo}); and an attempt that is repeated the most that it costs anybody.
 */
export function federationEvent(plan: Plan, slot: SlotName, round: number, repeated: boolean): MechanismEvent | null {
  return sessionEvent(plan, slot, round, repeated ? null : (plan.roster.clients[0]?.client ?? null));
}

/** Whether one event more stays within what a unit may be charged: what passes its own count takes up a larger one's. */
export function slotAllows(slot: PlanSlot, charged: readonly MechanismEvent[], next: MechanismEvent): boolean {
  return uncharged(slot, [...charged, next]) !== null;
}

/** What is left of a slot's events after some were charged; null when more were charged than there are. */
export function uncharged(slot: PlanSlot, charged: readonly MechanismEvent[]): readonly EventCount[] | null {
  const [largest, ...smaller] = slot.events;
  if (largest === undefined) return charged.length === 0 ? [] : null;
  // Ages that come to the same number of steps have equal events: each charge is held against one of them alone.
  const rest = new Map<number, number>();
  for (const { noiseMultiplier } of charged) rest.set(noiseMultiplier, (rest.get(noiseMultiplier) ?? 0) + 1);
  let over = charged.length;
  const left = smaller.map(({ event, count }) => {
    const times = rest.get(event.noiseMultiplier) ?? 0;
    const taken = Math.min(times, count);
    rest.set(event.noiseMultiplier, times - taken);
    over -= taken;
    return { event, count: count - taken };
  });
  return over > largest.count ? null : [{ event: largest.event, count: largest.count - over }, ...left];
}

/**
 * At most what a unit was charged for so many training sessions, the first `rounds` of which were released or are the latest of their
 * rounds; the others failed.
 */
export function trainingChargedAtMost(plan: Plan, sessions: number, rounds: number): readonly EventCount[] {
  if (plan.privacy.kind === 'none') return [];
  return eventsOfRounds(plan, slotEvent(plan, slotShape(plan, 'training')), rounds, sessions);
}

function trainingEvents(plan: Plan, event: MechanismEvent, count: number): readonly EventCount[] {
  return eventsOfRounds(plan, event, plan.training.rounds, count);
}

/** The worst unit's events over the first rounds, once each, and sessions beyond those, each of which may have cost the most. */
function eventsOfRounds(plan: Plan, event: MechanismEvent, rounds: number, sessions: number): readonly EventCount[] {
  const schedule = bandedSchedule(plan);
  if (schedule === null) return [{ event, count: sessions }];
  const coefficients = bandCoefficients(schedule.bands);
  const failed = Math.max(0, sessions - rounds);
  return turnsUpTo(plan, schedule, rounds).map((turns, age) => ({
    event: bandEvent(event, coefficients[age]!),
    count: age === 0 ? turns + failed : turns,
  }));
}

/**
 * Dimension, clip and grid of one slot.
 * @throws {PLAN_INVALID} when the plan has no such slot, or its topology does not fit its data schema.
 */
export function slotShape(plan: Plan, slot: SlotName): SlotShape {
  if (slot === 'evaluation' && plan.evaluation === null) {
    throw new SottoError('PLAN_INVALID', 'plan.evaluation: an evaluation session is asked for, the plan has none');
  }
  const context = queryContext(plan);
  const { query: training } = plan.training;
  const query = queryByName(slot === 'training' ? training.kind : 'evaluation');
  const dimension = layoutLength(query.layout(context));
  const clipNormL2 = query.clipNormL2(context);
  return {
    slot,
    query: query.name,
    part: slot === 'training' || plan.evaluation === null ? 'train' : plan.evaluation.part,
    dimension,
    clipNormL2,
    ...gridFor(clipNormL2, dimension),
    samplingNumerator: slot === 'training' ? trainingNumerator(plan) : everyUnit,
  };
}

/**
 * The event of a slot at the plan's floor.
 * @throws {PLAN_INVALID} when the noise multiplier is missing.
 */
export function slotEvent(plan: Plan, shape: SlotShape): MechanismEvent {
  return {
    kind: 'sampledGaussianSum',
    version: 1,
    unit: plan.unit,
    adjacency: plan.adjacency,
    // A client is one unit: its parts are not disjoint sets of units, so nothing composes in parallel (soundness.md §3).
    part: plan.unit === 'client' ? 'all' : shape.part,
    query: shape.query,
    samplingNumerator: shape.samplingNumerator,
    noiseMultiplier: noiseMultiplierOf(plan, shape.slot),
    normBoundSteps: shape.normBoundSteps,
    gridStepsPerRms,
    dimension: shape.dimension,
    noise: noiseOf[plan.trust],
    minSurvivors: plan.cohort.minSurvivors,
    colluding: plan.cohort.colluding,
    numericSlack: 0,
  };
}

/** Who adds the noise of a release. */
const noiseOf = {
  secure: 'distributedDiscreteGaussian',
  grouped: 'distributedDiscreteGaussian',
  local: 'localDiscreteGaussian',
  trusted: 'coordinatorDiscreteGaussian',
} as const satisfies Record<Plan['trust'], MechanismEvent['noise']>;

function noiseMultiplierOf(plan: Plan, slot: SlotName): number {
  const noiseMultiplier = plan[slot]?.noiseMultiplier;
  if (noiseMultiplier === undefined) {
    throw new SottoError(
      'PLAN_INVALID',
      `plan.${slot}.noiseMultiplier: differential privacy needs a noise multiplier, got nothing; complete the plan first`,
    );
  }
  return noiseMultiplier;
}
