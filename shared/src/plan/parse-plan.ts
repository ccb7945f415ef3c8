import { sha256 } from '../crypto/index.ts';
import { canonicalJson, toHex, utf8 } from '../vector/index.ts';
import { parseStrictly } from './parse-strictly.ts';
import { planSchema, type Plan } from './plan-schema.ts';

/**
 * A plan from JSON of unknown form, strictly: an unknown field is an error, a field with a default may be absent.
 * @throws {PLAN_INVALID} naming the path, what is expected and what is there.
 */
export function parsePlan(value: unknown): Plan {
  return parseStrictly(planSchema, value, 'plan', 'PLAN_INVALID');
}

/** SHA-256 of the plan's canonical JSON with every default filled in, 64 hexadecimal digits. */
export function planHashOf(plan: Plan): string {
  return toHex(sha256(utf8(canonicalJson(plan))));
}
