import { SottoError } from '../errors/index.ts';
import { parsePlan, planHashOf, signedPlanSchema, type Plan, type SignedPlan } from '../plan/index.ts';
import { authoritySigned, signAsAuthority, type AuthorityKey } from './authority-signature.ts';

/**
 * Signs a plan. What is signed is the plan's hash, so a page or a tool can show it and a reader compare it.
 * @throws {PLAN_INVALID} when the plan names another authority.
 */
export function signPlan(plan: Plan, key: AuthorityKey): SignedPlan {
  if (plan.authority !== key.publicKey) {
    throw new SottoError('PLAN_INVALID', `plan.authority: expected ${key.publicKey}, got ${plan.authority}`);
  }
  return { plan, signature: signAsAuthority(key, 'plan', { planHash: planHashOf(plan) }) };
}

/**
 * Checks that the pinned authority signed exactly this plan.
 * @throws {PLAN_UNSIGNED} when it did not.
 */
export function verifySignedPlan(signed: SignedPlan, authority: string): void {
  const planHash = planHashOf(signed.plan);
  if (signed.plan.authority !== authority) {
    throw new SottoError(
      'PLAN_UNSIGNED',
      `the plan names authority ${signed.plan.authority}, this federation's is ${authority}`,
    );
  }
  if (!authoritySigned(authority, 'plan', { planHash }, signed.signature)) {
    throw new SottoError('PLAN_UNSIGNED', `plan ${planHash}: the signature is not that of authority ${authority}`);
  }
}

/**
 * A signed plan of unknown JSON; its signature is not checked here.
 * @throws {PLAN_INVALID} when it is malformed.
 */
export function parseSignedPlan(value: unknown): SignedPlan {
  if (typeof value !== 'object' || value === null || !('plan' in value) || !('signature' in value)) {
    throw new SottoError('PLAN_UNSIGNED', 'expected {"plan": …, "signature": …}: the plan is not signed');
  }
  const plan = parsePlan(value.plan);
  const parsed = signedPlanSchema.safeParse({ ...value, plan });
  if (!parsed.success) throw new SottoError('PLAN_UNSIGNED', 'the signature is not 64 bytes of hexadecimal');
  return { plan, signature: parsed.data.signature };
}
