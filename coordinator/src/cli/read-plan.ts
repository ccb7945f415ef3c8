import { SottoError } from '@sotto/shared/errors';
import { parsePlan, type Plan, type SignedPlan } from '@sotto/shared/plan';
import { parseSignedPlan, verifySignedPlan } from '@sotto/shared/protocol';
import { readJson } from './json-file.ts';

/** A complete plan of a file; a signed one's signature is checked. @throws {FILE_NOT_FOUND} {PLAN_INVALID} {PLAN_UNSIGNED} */
export async function readPlan(path: string): Promise<{ readonly plan: Plan; readonly signedPlan: SignedPlan | null }> {
  const value = await readJson(path);
  const signed = typeof value === 'object' && value !== null && 'signature' in value;
  if (!signed) {
    refuseDraft(value, path);
    return { plan: parsePlan(value), signedPlan: null };
  }
  const signedPlan = parseSignedPlan(value);
  verifySignedPlan(signedPlan, signedPlan.plan.authority);
  return { plan: signedPlan.plan, signedPlan };
}

/** A draft lacks whole fields; naming the commands that fill them in says more than a list of them. */
function refuseDraft(value: unknown, path: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
  const missing = ['authority', 'roster', 'schema'].filter((field) => !(field in value));
  if (missing.length === 0) return;
  throw new SottoError(
    'PLAN_INVALID',
    `${path}: a draft without ${missing.join(', ')}; sotto plan roster fills in authority and roster, then sotto plan complete --schema the schema and the noise`,
  );
}
