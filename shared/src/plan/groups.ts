import { sha256, signedBytes } from '../crypto/index.ts';
import { SottoError } from '../errors/index.ts';
import { fromHex, toHex } from '../vector/index.ts';
import { planHashOf } from './parse-plan.ts';
import type { Plan, SignedPlan } from './plan-schema.ts';

/** The clients of each sum of a round, by group; each list is sorted by id, and every client is in one. */
export type Groups = readonly (readonly string[])[];

/** Whether contributions are masked, so that the coordinator can open sums alone: of the cohort, or of each group. */
export function isSummedSecretly({ trust }: Pick<Plan, 'trust'>): boolean {
  return trust === 'secure' || trust === 'grouped';
}

/**
 * Sizes of a plan's groups, largest first: as many groups as have `cohort.groups.size` clients each, and the rest one by one, so
 * that sizes differ by one at most. Outside `grouped` mode the roster is the one group.
 * @throws {PLAN_INVALID} in `grouped` mode without `cohort.groups`.
 */
export function groupSizes(plan: Plan): readonly number[] {
  const clients = plan.roster.clients.length;
  if (plan.trust !== 'grouped') return [clients];
  const { groups } = plan.cohort;
  if (groups === undefined) {
    throw new SottoError('PLAN_INVALID', 'plan.cohort.groups: grouped mode needs the size of its groups, got nothing');
  }
  const count = Math.max(1, Math.floor(clients / groups.size));
  const least = Math.floor(clients / count);
  return Array.from({ length: count }, (_, group) => (group < clients % count ? least + 1 : least));
}

/** Groups whose sums a round needs at least: all of them, unless the plan says less. */
export function groupsNeeded(plan: Plan): number {
  return plan.cohort.groups?.minGroups ?? groupSizes(plan).length;
}

/**
 * Who sums with whom, the same in every round of a run. In `grouped` mode the roster is ordered by
 * SHA-256(plan hash, R, client) and cut into {@link groupSizes}; R is the first half of the authority's Ed25519 signature over
 * the plan hash.
 *
 * Nobody can choose a place: the plan hash fixes the roster, and R is not known to whoever wrote the plan, made a key or runs the
 * coordinator until the authority has signed. R and not the whole signature, because only R is the same in every signature that
 * somebody without the authority's key can make of a given one. Nothing that the coordinator chooses (run, round, attempt, model)
 * has a part in it, so it cannot draw again. The signature must have been verified.
 */
export function groupsOf({ plan, signature }: SignedPlan): Groups {
  const clients = plan.roster.clients.map(({ client }) => client);
  if (plan.trust !== 'grouped') return [clients];
  const seed = sha256(signedBytes('plan/groups', fromHex(planHashOf(plan)), fromHex(signature.slice(0, 64))));
  const places = new Map(
    clients.map((client) => [client, toHex(sha256(signedBytes('plan/group-place', seed, client)))]),
  );
  const drawn = clients.toSorted((a, b) => (places.get(a)! < places.get(b)! ? -1 : 1));
  let taken = 0;
  return groupSizes(plan).map((size) => drawn.slice(taken, (taken += size)).toSorted());
}

/** A client's group: its number, and who is in it, the client included. */
export type OwnGroup = { readonly number: number; readonly members: readonly string[] };

/** The group of a client, or null for a client that the plan does not list. The signature must have been verified. */
export function ownGroup(signed: SignedPlan, client: string): OwnGroup | null {
  const groups = groupsOf(signed);
  const number = groups.findIndex((members) => members.includes(client));
  return number < 0 ? null : { number, members: groups[number]! };
}
