import { planCard } from '@sotto/shared/card';
import type { CryptoPort } from '@sotto/shared/crypto';
import { SottoError } from '@sotto/shared/errors';
import {
  checkPlan,
  checkThresholds,
  completePlan,
  findingText,
  planHashOf,
  type Plan,
  type PlanCheck,
  type RosterClient,
} from '@sotto/shared/plan';
import {
  certificateSchema,
  checkQuotas,
  clientIdOf,
  verifyCertificate,
  type Certificate,
} from '@sotto/shared/protocol';

/** What a plan's file may leave out, because it is decided at signing. */
export type PlanAdditions = {
  /** Data schema, JSON. */
  readonly schema?: unknown;
  /** Certificates of the clients that take part, JSON: they give the roster, or prove the one that the file gives. */
  readonly certificates?: unknown;
};

/**
 * The plan that would be signed: this authority's name, the schema and the roster filled in where the file leaves them out,
 * missing noise or ε computed, and everything checked.
 * @throws {PLAN_INVALID} naming the problems, or what file and option both give.
 * @throws {CERTIFICATE_INVALID} when a client of the roster is not vouched for by this authority.
 * @throws {CARD_INCOMPLETE} when the plan's privacy card lacks a field.
 */
export async function preparePlan(
  draft: unknown,
  authority: string,
  additions: PlanAdditions,
  crypto: CryptoPort,
): Promise<{ plan: Plan; check: PlanCheck }> {
  if (typeof draft !== 'object' || draft === null || Array.isArray(draft)) {
    throw new SottoError('PLAN_INVALID', 'a plan is a JSON object');
  }
  if ('plan' in draft && 'signature' in draft) throw new SottoError('PLAN_INVALID', 'this plan is signed already');
  const added: Record<string, unknown> = {};
  if (additions.schema !== undefined) added['schema'] = additions.schema;
  const certified =
    additions.certificates === undefined ? null : await rosterOf(additions.certificates, authority, crypto);
  if (certified !== null && !('roster' in draft)) added['roster'] = { kind: 'pinned', clients: certified };
  for (const field of Object.keys(added)) {
    if (field in draft) throw new SottoError('PLAN_INVALID', `plan.${field}: the file gives it, and an option too`);
  }
  const plan = completePlan({ authority, ...draft, ...added });
  if (plan.authority !== authority) {
    throw new SottoError('PLAN_INVALID', `plan.authority: expected ${authority}, got ${plan.authority}`);
  }
  if (certified !== null) checkCertified(plan, certified);
  const check = checkPlan(plan, [checkThresholds]);
  if (check.problems.length > 0) {
    throw new SottoError('PLAN_INVALID', check.problems.map(findingText).join(' '), { problems: check.problems });
  }
  planCard(plan, planHashOf(plan));
  return { plan, check };
}

/** Every client of the plan must be one of the certified ones, name included: a coordinator may have written the roster. */
function checkCertified(plan: Plan, certified: readonly RosterClient[]): void {
  for (const { client, name, identity } of plan.roster.clients) {
    if (certified.some((one) => one.client === client && one.name === name && one.identity === identity)) continue;
    throw new SottoError('CERTIFICATE_INVALID', `roster, "${name}" (${client}): no certificate bears this id and name`);
  }
}

/** The roster of a list of certificates, sorted by client id. */
async function rosterOf(value: unknown, authority: string, crypto: CryptoPort): Promise<RosterClient[]> {
  const list = Array.isArray(value) ? value : [value];
  const certificates = list.map((item: unknown, index): Certificate => {
    const parsed = certificateSchema.safeParse(item);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw new SottoError(
      'CERTIFICATE_INVALID',
      `certificate ${index + 1}, ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`,
    );
  });
  // Who is enrolled stays so after the invitation's end; revocation ends it.
  for (const certificate of certificates) await verifyCertificate(certificate, authority, null, crypto);
  checkQuotas(certificates);
  return certificates
    .map(({ identity, name }) => ({ client: clientIdOf(identity), name, identity }))
    .sort((a, b) => (a.client < b.client ? -1 : 1));
}
