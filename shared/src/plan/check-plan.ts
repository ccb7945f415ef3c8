import { SottoError } from '../errors/index.ts';
import { modelLayout } from '../model/index.ts';
import type { EventCount, PartSpec, SlotName } from '../privacy/index.ts';
import { layoutLength } from '../vector/index.ts';
import { checkCohort, checkRoster, thresholdsOf, type Thresholds } from './check-cohort.ts';
import { checkEarlyStopping } from './check-early-stopping.ts';
import { checkHeldOut } from './check-held-out.ts';
import { checkDataSchema } from './check-data-schema.ts';
import { checkLearning } from './check-learning.ts';
import { checkMeasures } from './check-measures.ts';
import { checkEpsilon, checkRoom, exactUnits, type EpsilonCheck } from './check-privacy.ts';
import { inputWidth } from './data-schema.ts';
import { checkWeights } from './check-weights.ts';
import { groupsNeeded, groupSizes } from './groups.ts';
import { orProblem, type PlanFinding, type PlanReport } from './plan-finding.ts';
import { planSlots, sessionCount, slotSettings } from './plan-slots.ts';
import { remainingNoiseVariance, removableNoise } from './session-noise.ts';
import { noiseDeviations, releaseNoiseVariance, sessionParts } from './session-parts.ts';
import type { Plan } from './plan-schema.ts';

/** One slot as the check's summary shows it. */
export type SlotSummary = {
  readonly slot: SlotName;
  readonly query: PartSpec['query'];
  readonly part: PartSpec['dataPart'];
  /** Releases at most, spare attempts included. */
  readonly count: number;
  /** What a unit may be charged for them, as the accountant counts it; empty with privacy none. */
  readonly events: readonly EventCount[];
  readonly dimension: number;
  readonly clipNormL2: number;
  readonly noiseMultiplier: number | null;
  /** Standard deviation of the noise that one client adds, in grid steps. */
  readonly clientNoiseSteps: number;
  /** Standard deviation of the noise in the released sum of every client, in the query's own numbers. */
  readonly sumNoise: number;
  /** L: what each client clamps its sums to, so that `worstSumSteps` holds. */
  readonly sumLimitSteps: number;
  /** Largest magnitude of a sum with its noise (16 standard deviations): at most 2^31 - 1. */
  readonly worstSumSteps: number;
  /** Units a client and session whose sum is exact whatever they hold. */
  readonly exactUnits: number;
};

/** What a sound plan comes to. */
export type PlanSummary = {
  readonly clients: number;
  readonly parameters: number;
  /** In `grouped` mode: how many, the sizes of the smallest and the largest, and how many a round needs. Null elsewhere. */
  readonly groups: {
    readonly count: number;
    readonly least: number;
    readonly most: number;
    readonly needed: number;
  } | null;
  /** Null in `local` and `trusted` mode. */
  readonly thresholds: Thresholds | null;
  /** Sessions when none fails, and at most. */
  readonly sessions: { readonly planned: number; readonly most: number };
  readonly slots: readonly SlotSummary[];
  readonly epsilons: readonly EpsilonCheck[];
};

export type PlanCheck = {
  /** Empty: the plan is sound. */
  readonly problems: readonly PlanFinding[];
  readonly warnings: readonly PlanFinding[];
  /** Null where problems leave nothing to compute. */
  readonly summary: PlanSummary | null;
};

/** A further rule, of whoever writes, signs or runs a plan: what it finds is as serious as the rest. */
export type PlanRule = (plan: Plan, report: PlanReport) => void;

/**
 * Everything that can be said about a plan without data: whether its parts can stand together, whether the stated ε is the
 * accountant's, and that no sum can pass 32 bits. Both ends run it; a plan with problems is not run.
 */
export function checkPlan(plan: Plan, rules: readonly PlanRule[] = []): PlanCheck {
  const report: PlanReport = { problems: [], warnings: [] };
  checkRoster(plan, report);
  checkCohort(plan, report);
  checkDataSchema(plan.schema, report);
  checkLearning(plan, report);
  checkWeights(plan, report);
  checkEarlyStopping(plan, report);
  checkHeldOut(plan, report);
  checkMeasures(plan, report);
  for (const rule of rules) rule(plan, report);
  // What follows counts with the numbers that were checked above.
  const summary = report.problems.length > 0 ? null : orProblem(report, () => summaryOf(plan, report));
  return { ...report, summary };
}

/**
 * The summary of a plan that has no problems.
 * @throws {PLAN_INVALID} with the first problems, each with its path and cure.
 */
export function requireSoundPlan(plan: Plan, rules: readonly PlanRule[] = []): PlanSummary {
  const { problems, summary } = checkPlan(plan, rules);
  if (summary !== null && problems.length === 0) return summary;
  const texts = problems.map(findingText);
  const more = texts.length > 3 ? ` (and ${texts.length - 3} more)` : '';
  throw new SottoError('PLAN_INVALID', `${texts.slice(0, 3).join(' ')}${more}`, { problems });
}

/** A finding as the sentence that people read. */
export function findingText(finding: PlanFinding): string {
  return `${finding.path}: ${finding.problem}. ${finding.cure}`;
}

function summaryOf(plan: Plan, report: PlanReport): PlanSummary {
  const slots = planSlots(plan);
  const parts = sessionParts(
    plan,
    slots.map(({ slot }) => slot),
  );
  const epsilons = checkEpsilon(plan, report);
  checkRoom(parts, report);
  checkRounds(plan, report);
  checkTrustInClients(plan, report);
  const clients = plan.roster.clients.length;
  const planned = sessionCount(plan);
  const allAnswer = removableNoise(plan) === undefined ? null : { clients, whole: [] };
  return {
    clients,
    parameters: layoutLength(modelLayout(plan.topology, inputWidth(plan.schema))),
    groups: groupsSummary(plan),
    thresholds: thresholdsOf(plan),
    sessions: { planned, most: planned + plan.spareAttempts },
    slots: parts.map((part, index) => {
      // Before any is taken out; and if nobody answers, none is.
      const noiseSteps = Math.sqrt(releaseNoiseVariance(plan, part, clients));
      return {
        slot: part.slot,
        query: part.query,
        part: part.dataPart,
        count: slots[index]!.count,
        events: slots[index]!.events,
        dimension: part.dimension,
        clipNormL2: part.clipNormL2,
        noiseMultiplier: slotSettings(plan, part.slot)?.noiseMultiplier ?? null,
        clientNoiseSteps: Math.sqrt(part.noiseVarianceSteps),
        sumNoise: Math.sqrt(remainingNoiseVariance(plan, part, clients, allAnswer)) * part.gridStep,
        sumLimitSteps: part.sumLimitSteps,
        worstSumSteps: clients * part.sumLimitSteps + Math.ceil(noiseDeviations * noiseSteps),
        exactUnits: exactUnits(part),
      };
    }),
    epsilons,
  };
}

function groupsSummary(plan: Plan): PlanSummary['groups'] {
  if (plan.trust !== 'grouped') return null;
  const sizes = groupSizes(plan);
  return { count: sizes.length, least: Math.min(...sizes), most: Math.max(...sizes), needed: groupsNeeded(plan) };
}

/** What no check of the protocol stops (attack A15) is said wherever a plan is looked at. */
function checkTrustInClients(plan: Plan, report: PlanReport): void {
  if (plan.roster.clients.length < 2) return;
  report.warnings.push({
    path: 'plan.roster',
    problem:
      'a sum believes its clients: one that runs changed code can shift it, unseen as long as it stays within what honest clients could send',
    cure: 'List owners whose code you trust, and look out for alarms in the status of the run.',
  });
}

function checkRounds(plan: Plan, report: PlanReport): void {
  if (plan.evaluation !== null && plan.evaluation.every >= plan.training.rounds) {
    report.warnings.push({
      path: 'plan.evaluation.every',
      problem: `evaluating every ${plan.evaluation.every} of ${plan.training.rounds} rounds leaves the evaluation after the last round only`,
      cure: 'Lower it to see how the model comes on.',
    });
  }
  if (plan.spareAttempts === 0) {
    report.warnings.push({
      path: 'plan.spareAttempts',
      problem: 'no session can be repeated: each one that fails shortens the run',
      cure: 'Plan a few spare attempts; each is counted in ε.',
    });
  }
}
