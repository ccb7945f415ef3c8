import { SottoError } from '../errors/index.ts';
import {
  bandCoefficients,
  bandEvent,
  gridFor,
  gridStepsPerRms,
  slotNames,
  type EventCount,
  type MechanismEvent,
  type PartSpec,
  type QueryName,
  type SlotName,
} from '../privacy/index.ts';
import { queryByName } from '../queries/index.ts';
import { layoutLength } from '../vector/index.ts';
import { bandedSchedule, bandedTurn, turnsUpTo, youngestTurn } from './banded-schedule.ts';
import { everyUnit, trainingNumerator } from './client-sampling.ts';
import { bookedAs } from './held-out.ts';
import { queryContext } from './query-context.ts';
import type { Plan } from './plan-schema.ts';

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
 * The slots that ride in the session of a round, in the order of their segments. Round 0 surveys the data; rounds 1 … `rounds` train;
 * evaluation and fit look at the model that a round starts from, so they ride along in rounds 1 + every, 1 + 2·every, …, and with the report in
 * round rounds + 1. Empty where the plan has nothing to do.
 */
export function slotsOfRound(plan: Plan, round: number): readonly SlotName[] {
  const { rounds } = plan.training;
  const { evaluation } = plan;
  const last = round === rounds + 1;
  const trains = round >= 1 && round <= rounds;
  const rides = (every: number | undefined): boolean => {
    return last || (every !== undefined && trains && round > 1 && (round - 1) % every === 0);
  };
  const evaluates = rides(evaluation?.every);
  const ridesNow: Record<SlotName, boolean> = {
    survey: round === 0,
    training: trains,
    fit: evaluates,
    evaluation: evaluates,
    trainReport: last,
    report: rides(plan.report?.every),
  };
  return slotsOf(plan).filter((slot) => ridesNow[slot]);
}

/** The slots that a plan has, in their order. */
export function slotsOf(plan: PlanParts): readonly SlotName[] {
  const has: Record<SlotName, boolean> = {
    survey: plan.survey !== undefined,
    training: true,
    fit: plan.evaluation?.fit !== undefined,
    evaluation: plan.evaluation !== null,
    trainReport: plan.report?.train !== undefined,
    report: plan.report !== undefined,
  };
  return slotNames.filter((slot) => has[slot]);
}

/** What decides which slots a plan has. */
export type PlanParts = Pick<Plan, 'survey' | 'evaluation' | 'report' | 'training'>;

/** The first round of a plan: 0 where it surveys the data. */
export function firstRound(plan: PlanParts): 0 | 1 {
  return plan.survey === undefined ? 1 : 0;
}

/** The last round of a plan: one more than it trains where the last model is evaluated or reported on. */
export function lastRound(plan: PlanParts): number {
  return plan.training.rounds + (plan.evaluation === null && plan.report === undefined ? 0 : 1);
}

/** Sessions that the plan needs when none fails: one a round, and perhaps one before the first and one after the last. */
export function sessionCount(plan: PlanParts): number {
  return lastRound(plan) - firstRound(plan) + 1;
}

/** Evaluations that the plan makes when no session fails. */
export function evaluationCount(plan: Plan): number {
  return plan.evaluation === null ? 0 : timesEvery(plan, plan.evaluation.every);
}

/**
 * Every slot of a plan with the event at its floor: what both ledgers charge and what the stated ε covers. Spare attempts
 * count for each slot, because a session that fails may have carried any of them.
 * @throws {PLAN_INVALID} when differential privacy is on and a slot has no noise multiplier.
 */
export function planSlots(plan: Plan): readonly PlanSlot[] {
  return slotsOf(plan).map((name) => {
    const planned = plannedReleases(plan, name);
    const shape = slotShape(plan, name);
    const event = plan.privacy.kind === 'none' ? null : slotEvent(plan, shape);
    const count = planned + plan.spareAttempts;
    const events = event === null ? [] : name === 'training' ? trainingEvents(plan, event, count) : [{ event, count }];
    return { slot: name, query: shape.query, part: shape.part, event, count, events };
  });
}

function timesEvery(plan: Plan, every: number): number {
  return Math.floor((plan.training.rounds - 1) / every) + 1;
}

/** Releases of a slot when no session fails. */
export function plannedReleases(plan: Plan, slot: SlotName): number {
  switch (slot) {
    case 'training':
      return plan.training.rounds;
    case 'fit':
    case 'evaluation':
      return evaluationCount(plan);
    case 'report':
      return plan.report?.every === undefined ? 1 : timesEvery(plan, plan.report.every);
    case 'survey':
    case 'trainReport':
      return 1;
  }
}

/**
 * The slots as the books of a client count them: those in which it has something, by the accounts that they are counted in.
 * @param client - null: the federation's books, which hold for every client
 */
export function bookedSlots(plan: Plan, client: string | null): readonly PlanSlot[] {
  return planSlots(plan).flatMap((slot) => {
    const booked = bookedAs(plan, slot.slot, client);
    if (booked === 'nothing') return [];
    if (booked === 'ownPart' || slot.event === null) return [slot];
    const events = slot.events.map(({ event, count }) => ({ event: inEveryPart(event), count }));
    return [{ ...slot, event: inEveryPart(slot.event), events }];
  });
}

function inEveryPart(event: MechanismEvent): MechanismEvent {
  return { ...event, part: 'all' };
}

/**
 * What a session costs a unit of one client, known before it opens; null: nothing of the client is in its sum, or nothing is promised.
 * @param client - null: the most that it costs anybody
 */
export function sessionEvent(plan: Plan, slot: SlotName, round: number, client: string | null): MechanismEvent | null {
  if (plan.privacy.kind === 'none') return null;
  const booked = bookedAs(plan, slot, client);
  if (booked === 'nothing') return null;
  const own = slotEvent(plan, slotShape(plan, slot));
  const event = booked === 'everyPart' ? inEveryPart(own) : own;
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
  const everybody = repeated || plan.heldOut !== undefined;
  return sessionEvent(plan, slot, round, everybody ? null : (plan.roster.clients[0]?.client ?? null));
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
  if (!slotsOf(plan).includes(slot)) {
    throw new SottoError('PLAN_INVALID', `plan: a session with ${slot} is asked for, the plan has none`);
  }
  const context = queryContext(plan);
  const { query: training } = plan.training;
  const query = queryByName(queryOf(slot, training.kind));
  const dimension = layoutLength(query.layout(context));
  const clipNormL2 = query.clipNormL2(context);
  return {
    slot,
    query: query.name,
    part: partOfSlot(plan, slot),
    dimension,
    clipNormL2,
    ...gridFor(clipNormL2, dimension),
    samplingNumerator: slot === 'training' ? trainingNumerator(plan) : everyUnit,
  };
}

function queryOf(slot: SlotName, training: Plan['training']['query']['kind']): QueryName {
  if (slot === 'training') return training;
  return slot === 'fit' ? 'evaluation' : slot;
}

/** The part of each client's units that a slot reads. */
function partOfSlot(plan: Plan, slot: SlotName): PartSpec['dataPart'] {
  if (slot === 'evaluation') return plan.evaluation?.part ?? 'validation';
  return slot === 'report' ? (plan.report?.part ?? 'test') : 'train';
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

/** Where a plan keeps the noise of each slot. */
export function slotPath(slot: SlotName): string {
  return slot === 'fit' ? 'evaluation.fit' : slot === 'trainReport' ? 'report.train' : slot;
}

/** What a plan says of a slot; undefined where it has none. */
export function slotSettings(
  plan: PlanParts,
  slot: SlotName,
): { readonly noiseMultiplier?: number | undefined; readonly budgetShare?: number } | undefined {
  switch (slot) {
    case 'fit':
      return plan.evaluation?.fit;
    case 'trainReport':
      return plan.report?.train;
    case 'evaluation':
      return plan.evaluation ?? undefined;
    case 'survey':
    case 'training':
    case 'report':
      return plan[slot];
  }
}

/** The parts of a plan with the noise of a slot that it has. */
export function withSlotNoise<Parts extends PlanParts>(plan: Parts, slot: SlotName, noiseMultiplier: number): Parts {
  const { survey, training, evaluation, report } = plan;
  switch (slot) {
    case 'survey':
      return { ...plan, survey: survey && { ...survey, noiseMultiplier } };
    case 'training':
      return { ...plan, training: { ...training, noiseMultiplier } };
    case 'fit':
      return {
        ...plan,
        evaluation: evaluation && { ...evaluation, fit: evaluation.fit && { ...evaluation.fit, noiseMultiplier } },
      };
    case 'evaluation':
      return { ...plan, evaluation: evaluation && { ...evaluation, noiseMultiplier } };
    case 'trainReport':
      return { ...plan, report: report && { ...report, train: report.train && { ...report.train, noiseMultiplier } } };
    case 'report':
      return { ...plan, report: report && { ...report, noiseMultiplier } };
  }
}

function noiseMultiplierOf(plan: Plan, slot: SlotName): number {
  const noiseMultiplier = slotSettings(plan, slot)?.noiseMultiplier;
  if (noiseMultiplier === undefined) {
    throw new SottoError(
      'PLAN_INVALID',
      `plan.${slotPath(slot)}.noiseMultiplier: differential privacy needs a noise multiplier, got nothing; complete the plan first`,
    );
  }
  return noiseMultiplier;
}
