import type { SessionHeader } from '../secure-sum/index.ts';
import { SottoError } from '../errors/index.ts';
import { clipNormFault } from './clip-norm.ts';
import { groupSizes } from './groups.ts';
import { slotShape, slotsOfRound } from './plan-slots.ts';
import type { Plan } from './plan-schema.ts';

/** What a session's header says besides the plan. */
export type SessionFacts = {
  readonly planHash: string;
  readonly runId: string;
  readonly round: number;
  readonly attempt: number;
  readonly modelHash: string;
  /** The group whose sum it is, in `grouped` mode; of no meaning elsewhere. */
  readonly group?: number | null;
  /** The public bound on a delta, where it follows the deltas' norms. */
  readonly clipNormL2?: number | null;
};

/**
 * The header of a session, which both ends compute: everything in it but `facts` follows from the signed plan.
 * A group's session is a secure sum that names its group.
 * @throws {PLAN_INVALID} when the plan has nothing to do in that round, has no such group, or the bound is not one that it allows.
 */
export function sessionHeaderFor(plan: Plan, facts: SessionFacts): SessionHeader {
  const slots = slotsOfRound(plan, facts.round);
  if (slots.length === 0) {
    throw new SottoError(
      'PLAN_INVALID',
      `plan.training.rounds: the plan has ${plan.training.rounds} rounds and no session in round ${facts.round}`,
    );
  }
  const { clipNormL2 = null } = facts;
  const fault = clipNormFault(plan, slots, clipNormL2);
  if (fault !== null) throw new SottoError('PLAN_INVALID', `plan.training.query.adaptiveClip: ${fault}`);
  const grouped = plan.trust === 'grouped';
  const { group = null } = facts;
  if (grouped && (group === null || group >= groupSizes(plan).length)) {
    throw new SottoError('PLAN_INVALID', `plan.cohort.groups: there is no group ${group}`);
  }
  return {
    protocol: 1,
    suite: plan.suite,
    trust: plan.trust === 'grouped' ? 'secure' : plan.trust,
    planHash: facts.planHash,
    runId: facts.runId,
    round: facts.round,
    attempt: facts.attempt,
    modelHash: facts.modelHash,
    slots: [...slots],
    dimension: slots.reduce((sum, slot) => sum + slotShape(plan, slot).dimension, 0),
    ...(clipNormL2 === null ? {} : { clipNormL2 }),
    ...(grouped && group !== null ? { group } : {}),
  };
}
