import type { PartSpec } from '../privacy/index.ts';
import type { PlanReport } from './plan-finding.ts';
import { accountedEpsilon, epsilonFields, planEpsilons, type EpsilonField } from './plan-epsilon.ts';
import { planSlots, slotPath, slotSettings, slotsOf } from './plan-slots.ts';
import type { Plan } from './plan-schema.ts';
import { reckonedUnits } from './reckoned-units.ts';

/** A stated ε beside the one that the accountant gives for the plan's slots at their floors. */
export type EpsilonCheck = {
  readonly field: EpsilonField;
  /** The guarantee; null when the plan does not state it. */
  readonly stated: number | null;
  readonly recomputed: number;
  readonly delta: number;
  /** Which bound gave `recomputed`, with its version. */
  readonly accountant: string;
};

/** Floating-point noise between two machines; privacy is otherwise never rounded in the plan's favour. */
const relativeTolerance = 1e-9;

/** A stated ε this many times the recomputed one is probably a mistake. */
const generous = 1.25;

/** Largest δ that passes without a remark. */
const deltaMax = 1e-3;

/** Every stated ε against the accountant's. */
export function checkEpsilon(plan: Plan, report: PlanReport): readonly EpsilonCheck[] {
  if (plan.privacy.kind === 'none') {
    for (const slot of slotsOf(plan)) {
      const noise = slotSettings(plan, slot)?.noiseMultiplier;
      if (noise !== undefined) {
        report.problems.push({
          path: `plan.${slotPath(slot)}.noiseMultiplier`,
          problem: `noise of ${noise} is planned, and privacy none, which adds no noise`,
          cure: 'Take it out, or set privacy to dp.',
        });
      }
    }
    report.warnings.push({
      path: 'plan.privacy.kind',
      problem: 'no differential privacy: ε = ∞, the model may remember single records',
      cure: 'Set privacy to dp unless the data are public.',
    });
    return [];
  }
  const { privacy } = plan;
  const { delta } = privacy;
  checkDelta(plan, delta, report);
  const checks = planEpsilons(plan).map(({ field, stated, slots }) => {
    const { epsilon, accountant } = accountedEpsilon(slots, delta);
    return { field, stated, recomputed: epsilon, delta, accountant };
  });
  for (const { field, stated, recomputed } of checks) {
    const path = `plan.privacy.${field}`;
    const words = Number(recomputed.toPrecision(6));
    if (stated === null) {
      report.problems.push({
        path,
        problem: `not stated; the plan's slots come to ${words}`,
        cure: `State ${roundedUp(recomputed)}.`,
      });
    } else if (stated < recomputed * (1 - relativeTolerance)) {
      report.problems.push({
        path,
        problem: `${stated} is stated, the plan's slots come to ${words}`,
        cure: 'Raise the noise multiplier, plan fewer rounds or spare attempts, or state what it is.',
      });
    } else if (stated > recomputed * generous) {
      report.warnings.push({
        path,
        problem: `${stated} is stated, the plan's slots come to ${words} only`,
        cure: 'State less, or use less noise.',
      });
    }
  }
  for (const field of epsilonFields) {
    if (privacy[field] === undefined || checks.some((check) => check.field === field)) continue;
    report.problems.push({ path: `plan.privacy.${field}`, problem: needlessWords(plan, field), cure: 'Take it out.' });
  }
  return checks;
}

/** Why nothing counts in a stated ε. */
function needlessWords(plan: Plan, field: EpsilonField): string {
  const what = field === 'reportEpsilon' ? 'report' : 'evaluation';
  const has = what === 'report' ? plan.report !== undefined : plan.evaluation !== null;
  if (!has) return `an ε for ${what === 'report' ? 'a report' : 'an evaluation'} is stated, the plan has no ${what}`;
  return plan.unit === 'client'
    ? `at unit client one ε covers training and ${what}, because both read the same unit`
    : 'evaluation and report read the same part, so evaluationEpsilon covers both';
}

/**
 * δ is the probability with which a unit may be given away altogether: it has to lie below 1 / units, and well below. Of how many
 * units there are the plan's public numbers tell.
 */
function checkDelta(plan: Plan, delta: number, report: PlanReport): void {
  const path = 'plan.privacy.delta';
  const parts = plan.unit === 'client' ? ['train' as const] : planSlots(plan).map(({ part }) => part);
  const units = Math.max(...parts.map((part) => reckonedUnits(plan, part) ?? 0));
  if (delta * units >= 1) {
    const shown = Math.round(units);
    report.problems.push({
      path,
      problem: `delta ${delta} is not below 1/units (1/${shown}): the guarantee would allow exposing a unit`,
      cure: `Set it to ${(0.1 / units).toPrecision(1)} or less, or correct expectedBatch if there are fewer than ${shown} units.`,
    });
  } else if (delta * units * 10 >= 1) {
    report.warnings.push({
      path,
      problem: `δ ${delta} is above a tenth of 1/units (1/${Math.round(units)})`,
      cure: `Set it to ${(0.1 / units).toPrecision(1)} or less.`,
    });
  } else if (delta > deltaMax) {
    report.warnings.push({
      path,
      problem: `δ ${delta} allows one unit in ${Math.round(1 / delta)} to be given away altogether`,
      cure: 'Set it below 1 / units, 1e-5 for example.',
    });
  }
}

/**
 * Whether the clamp of a client's sums could ever be felt: a part that is exact only up to few units a client would bend the
 * figures of larger clients (never their privacy).
 */
export function checkRoom(parts: readonly PartSpec[], report: PlanReport): void {
  for (const part of parts) {
    const units = exactUnits(part);
    if (units >= roomyUnits) continue;
    report.warnings.push({
      path: `plan.${slotPath(part.slot)}`,
      problem: `sums are sure to be exact for up to ${units} units a client and session; beyond, a coordinate may reach its limit and be clamped`,
      cure: 'Sample fewer units a round, make the model smaller, or keep it where clients have fewer units.',
    });
  }
}

/** Units of one client whose sum is exact whatever they hold. */
export function exactUnits(part: PartSpec): number {
  return Math.floor(part.sumLimitSteps / part.normBoundSteps);
}

const roomyUnits = 200;

function roundedUp(epsilon: number): number {
  return Number((epsilon * (1 + 5e-4)).toPrecision(4));
}
