import { sha256 } from '../crypto/index.ts';
import { modelLayout } from '../model/index.ts';
import { canonicalJson, layoutLength, toHex, utf8 } from '../vector/index.ts';
import { inputWidth, type DataSchema } from './data-schema.ts';
import { isSummedSecretly } from './groups.ts';
import { accountedEpsilon, planEpsilons } from './plan-epsilon.ts';
import { planSlots, sessionCount } from './plan-slots.ts';
import type { Plan } from './plan-schema.ts';
import type { Policy } from './policy.ts';

/** A line of a policy that a plan does not keep, with both values as text. */
export type Refusal = { readonly line: keyof Policy; readonly planned: string; readonly allowed: string };

/**
 * Every line of a policy that a plan does not keep; none: the policy allows the plan. The ε that is compared is the larger of
 * the stated and the recomputed one, so that a plan cannot pass by stating too little.
 *
 * @throws {PLAN_INVALID} when the plan is incomplete; `checkPlan` says how.
 */
export function checkPolicy(policy: Policy, plan: Plan): readonly Refusal[] {
  const refusals: Refusal[] = [];
  const refuse = (line: Refusal['line'], planned: unknown, allowed: unknown): void => {
    refusals.push({ line, planned: String(planned), allowed: String(allowed) });
  };
  const atMost = (line: Refusal['line'], planned: number, allowed: number): void => {
    if (!(planned <= allowed)) refuse(line, planned, allowed);
  };
  const atLeast = (line: Refusal['line'], planned: number, allowed: number): void => {
    if (!(planned >= allowed)) refuse(line, planned, allowed);
  };
  const oneOf = (line: Refusal['line'], planned: string, allowed: readonly string[]): void => {
    if (!allowed.includes(planned)) refuse(line, planned, listed(allowed));
  };

  if (plan.privacy.kind === 'none') {
    if (!policy.allowPrivacyNone) refuse('allowPrivacyNone', 'privacy none', 'differential privacy');
  } else {
    const { delta } = plan.privacy;
    const epsilons = planEpsilons(plan).map(({ stated, slots }) =>
      Math.max(stated ?? 0, accountedEpsilon(slots, delta).epsilon),
    );
    atMost('maxEpsilon', Math.max(...epsilons), policy.maxEpsilon);
    atMost('maxDelta', delta, policy.maxDelta);
  }
  oneOf('trust', plan.trust, policy.trust);
  if (isSummedSecretly(plan)) oneOf('suites', plan.suite, policy.suites);
  oneOf('queries', plan.training.query.kind, policy.queries);
  for (const query of new Set(planSlots(plan).map((slot) => slot.query))) {
    if (query !== plan.training.query.kind) oneOf('queries', query, policy.queries);
  }
  oneOf('units', plan.unit, policy.units);
  atLeast('minSurvivors', plan.cohort.minSurvivors, policy.minSurvivors);
  // A coordinator that sees each contribution, or no noise at all, leaves nothing for colluders to take off.
  if (isSummedSecretly(plan) && plan.privacy.kind === 'dp') {
    atLeast('minColluding', plan.cohort.colluding, policy.minColluding);
  }
  atMost('maxSessions', sessionCount(plan) + plan.spareAttempts, policy.maxSessions);
  atMost('maxParameters', layoutLength(modelLayout(plan.topology, inputWidth(plan.schema))), policy.maxParameters);
  if (policy.columns !== null) {
    const { columns } = policy;
    const more = columnsRead(plan.schema).filter((column) => !columns.includes(column));
    if (more.length > 0) refuse('columns', listed(more), listed(columns));
  }
  if (policy.schemaHash !== null) oneOf('schemaHash', dataSchemaHashOf(plan.schema), [policy.schemaHash]);
  return refusals;
}

/** A refusal as the sentence that people read. */
export function refusalText(refusal: Refusal): string {
  return `policy line ${refusal.line}: the plan has ${refusal.planned}, allowed is ${refusal.allowed}`;
}

/** SHA-256 of a data schema's canonical JSON, 64 hexadecimal digits. */
export function dataSchemaHashOf(schema: DataSchema): string {
  return toHex(sha256(utf8(canonicalJson(schema))));
}

/** Names of the columns that a schema reads: unit id, inputs, target. */
export function columnsRead(schema: DataSchema): readonly string[] {
  const names = [...schema.columns.map(({ name }) => name), schema.target.column];
  return schema.unitId === null ? names : [schema.unitId, ...names];
}

function listed(values: readonly string[]): string {
  return values.length === 0 ? 'none' : values.join(', ');
}
