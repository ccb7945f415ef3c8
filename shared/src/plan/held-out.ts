import type { SlotName } from '../privacy/index.ts';
import { passesOver, type HeldOut } from '../queries/index.ts';
import type { Plan } from './plan-schema.ts';

/** Whether a client takes part without training, so that figures on its units say how the model does elsewhere. */
export function isHeldOut(plan: Pick<Plan, 'heldOut'>, client: string): boolean {
  return plan.heldOut?.includes(client) === true;
}

/** Those of some clients that train. */
export function clientsThatTrain(plan: Pick<Plan, 'heldOut'>, clients: readonly string[]): readonly string[] {
  return clients.filter((client) => !isHeldOut(plan, client));
}

/** How many clients of the roster train. */
export function trainingClients(plan: Pick<Plan, 'heldOut' | 'roster'>): number {
  return plan.roster.clients.length - (plan.heldOut?.length ?? 0);
}

/**
 * What a plan's queries need to know of the clients that it holds out; null where it holds out nobody.
 *
 * Their training part trains nothing. The evaluation reads it with its own part, and so does a report of the same part, which shares
 * the evaluation's ε; without an evaluation the report does. So every unit of such a client is read under one ε, and none of it under the
 * training's.
 */
export function heldOutOf(
  plan: Pick<Plan, 'heldOut' | 'evaluation' | 'report'>,
  client: string | null,
): HeldOut | null {
  if (plan.heldOut === undefined) return null;
  const { evaluation, report } = plan;
  const readTraining: SlotName[] = evaluation === null ? [] : ['evaluation'];
  if (report !== undefined && (evaluation === null || evaluation.part === report.part)) readTraining.push('report');
  return { self: client !== null && isHeldOut(plan, client), readTraining };
}

/**
 * What a slot costs a client in the books, besides its amount: nothing where the client has nothing in it, and `everyPart` where units of
 * its training part are read with another one: the books, which count each part by itself and over all plans, then count it in all of
 * them, more than is due and never less.
 *
 * @param client - null: whoever it costs most.
 */
export function bookedAs(plan: Plan, slot: SlotName, client: string | null): 'nothing' | 'ownPart' | 'everyPart' {
  const heldOut = heldOutOf(plan, client);
  if (heldOut === null || (client !== null && !heldOut.self)) return 'ownPart';
  if (client !== null && passesOver(slot)) return 'nothing';
  return heldOut.readTraining.includes(slot) ? 'everyPart' : 'ownPart';
}
