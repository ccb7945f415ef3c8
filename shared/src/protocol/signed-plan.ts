import { SottoError } from '../errors/index.ts';
import type { CryptoPort } from '../crypto/index.ts';
import { parsePlan, planHashOf, signedPlanSchema, type Plan, type SignedPlan } from '../plan/index.ts';
import { authoritySigned, authoritySignedBy, signAsAuthority, type AuthorityKey } from './authority-signature.ts';

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
  const planHash = hashForAuthority(signed.plan, authority);
  if (!authoritySigned(authority, 'plan', { planHash }, signed.signature)) throw notSigned(planHash, authority);
}

/**
 * As {@link verifySignedPlan}, by the platform's Ed25519: tens of milliseconds less at a node's start.
 * @throws {PLAN_UNSIGNED} when the pinned authority did not sign exactly this plan.
 */
export async function verifySignedPlanBy(signed: SignedPlan, authority: string, crypto: CryptoPort): Promise<void> {
  const planHash = hashForAuthority(signed.plan, authority);
  if (!(await authoritySignedBy(authority, 'plan', { planHash }, signed.signature, crypto))) {
    throw notSigned(planHash, authority);
  }
}

/** @throws {PLAN_UNSIGNED} when the plan names another authority. */
function hashForAuthority(plan: Plan, authority: string): string {
  if (plan.authority !== authority) {
    throw new SottoError(
      'PLAN_UNSIGNED',
      `the plan names authority ${plan.authority}, this federation's is ${authority}`,
    );
  }
  return planHashOf(plan);
}

function notSigned(planHash: string, authority: string): SottoError {
  return new SottoError('PLAN_UNSIGNED', `plan ${planHash}: the signature is not that of authority ${authority}`);
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
