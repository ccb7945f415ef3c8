import { SottoError } from '@sotto/shared/errors';
import {
  bookedSlots,
  sessionCount,
  sessionEvent,
  slotAllows,
  uncharged,
  type Plan,
  type Policy,
} from '@sotto/shared/plan';
import {
  chargeKey,
  chargeLedger,
  ledgerEpsilon,
  ledgerEpsilonWith,
  openLedger,
  replayLedger,
  type EventCount,
  type Ledger,
  type LedgerCharge,
  type MechanismEvent,
} from '@sotto/shared/privacy';
import type { SessionHeader } from '@sotto/shared/secure-sum';
import type { ClientLedgerStore } from './ledger-store.ts';

/** What a charge left. Both null for a plan without differential privacy: there is nothing to count. */
export type Charged = { readonly epsilonAfter: number | null; readonly epsilonBudget: number | null };

/** The books of a data source under the budget of its owner's policy. One operation at a time. */
export type ClientBooks = {
  /** The durable attempt marks, by plan hash. */
  readonly marks: ReadonlyMap<string, number>;
  readonly budget: Policy['budget'];
  /** ε of everything charged so far: an upper bound, whatever was chosen along the way. */
  epsilon(): number;
  charges(): readonly LedgerCharge[];
  /** The account itself, with the order that it was opened at. */
  ledger(): Ledger;
  /** Uploads without differential privacy, of all plans: of them no ε tells, and `epsilon` does not count them. */
  unprotectedUploads(): number;
  /**
   * Sets a plan's whole charge aside when its run is accepted, so that no run is left half-way: what is left of all plans
   * set aside must fit the budget together. Held in memory: after a restart the run is offered again.
   * @throws {BUDGET_EXCEEDED} naming the policy's line and both values.
   * @throws {UNSUPPORTED_EVENT} when the books count another privacy unit.
   */
  reserve(planHash: string, plan: Plan): void;
  /** Frees what a plan has not charged: its run has ended, or is not taken part in after all. */
  release(planHash: string): void;
  /**
   * Fails unless the plan splits the units as the data source is split for good; the first plan fixes it.
   * @param unitId - the schema's column of the unit's id; null where each row is a unit.
   * @throws {PLAN_REFUSED} naming both splits: a unit that moved between parts would be counted in neither.
   */
  pinSplit(split: Plan['split'], unitId: string | null): Promise<void>;
  /**
   * Marks an attempt durably as answered, before the first message of its session. After a restart it counts as dead.
   * @throws {BUDGET_EXCEEDED} when the session's charge would be refused later anyway; nothing is marked then.
   */
  openAttempt(plan: Plan, header: SessionHeader): Promise<void>;
  /**
   * Charges every slot of a session durably, once. Never refunded.
   * @throws {BUDGET_EXCEEDED} when the policy's budget or the plan's own number of sessions would be passed: nothing is booked.
   * @throws {DISK_FULL | STORE_FAILED} when the charge is not on disk; nothing may be uploaded then.
   */
  charge(plan: Plan, header: SessionHeader): Promise<Charged>;
};

/**
 * Opens the books that a store holds.
 * @param budget - what all plans together may spend of this data source.
 * @param client - who answers: its place in a roster may decide what a session costs it; null to look into the books alone.
 */
export async function openClientBooks(
  store: ClientLedgerStore,
  budget: Policy['budget'],
  client: string | null = null,
): Promise<ClientBooks> {
  const record = await store.load();
  const fresh = openLedger(budget);
  if (record.order === null) await store.pin({ order: fresh.opening.order });
  // The budget is the owner's to change; the order is fixed for good, which is what makes the sum of charges a filter.
  let ledger: Ledger = replayLedger({ ...fresh.opening, order: record.order ?? fresh.opening.order }, record.charges);
  let { split, unit } = record;
  const marks = new Map(record.marks);
  const unprotected = new Map(record.unprotected);
  const reserved = new Map<string, Plan>();
  let last: Promise<unknown> = Promise.resolve();

  /** Runs one operation after the other: a charge is decided on what the one before it left. */
  function inTurn<T>(operation: () => Promise<T>): Promise<T> {
    const next = last.then(operation, operation);
    last = next.catch(() => undefined);
    return next;
  }

  return {
    marks,
    budget,
    epsilon: () => ledgerEpsilon(ledger),
    charges: () => [...ledger.charges.values()],
    ledger: () => ledger,
    unprotectedUploads: () => [...unprotected.values()].reduce((sum, uploads) => sum + uploads, 0),
    reserve(planHash, plan) {
      const others = [...reserved].filter(([hash]) => hash !== planHash);
      const held = others.flatMap(([hash, other]) => unchargedOf(ledger, hash, other, client));
      const asked = unchargedOf(ledger, planHash, plan, client);
      if (asked.length > 0) {
        const needed = ledgerEpsilonWith(ledger, [...held, ...asked]);
        if (!(needed <= budget.epsilon)) {
          throw budgetRefusal(needed, budget.epsilon, ledgerEpsilonWith(ledger, held), plan);
        }
      }
      reserved.set(planHash, plan);
    },
    release: (planHash) => void reserved.delete(planHash),
    pinSplit: (asked, unitId) =>
      inTurn(async () => {
        const told = unitId === null ? 'row' : `column ${unitId}`;
        if (split === null || unit === null) {
          await store.pin({ split: split ?? asked, unit: unit ?? told });
          split ??= asked;
          unit ??= told;
        }
        if (split.validation !== asked.validation || split.test !== asked.test) {
          throw new SottoError(
            'PLAN_REFUSED',
            `plan.split: this data source is split for good with validation ${split.validation} and test ${split.test}, ` +
              `the plan has validation ${asked.validation} and test ${asked.test}`,
            { told: 'plan.split is not the one that this data source is split by' },
          );
        }
        if (unit !== told) {
          // Parts go by the unit's id: other ids would put units into other parts, and what one part has spent is counted apart.
          throw new SottoError(
            'PLAN_REFUSED',
            `plan.schema.unitId: this data source is split for good by ${unit}, the plan tells units apart by ${told}`,
            { told: 'plan.schema.unitId is not the one that this data source is split by' },
          );
        }
      }),
    openAttempt: (plan, header) =>
      inTurn(async () => {
        chargeAll(ledger, plan, header, client);
        requireUnprotectedLeft(unprotected, plan, header);
        requireNewer(marks, header, 1);
        await store.commit([], { planHash: header.planHash, attempt: header.attempt });
        marks.set(header.planHash, header.attempt);
      }),
    charge: (plan, header) =>
      inTurn(async () => {
        requireNewer(marks, header, 0);
        const { after, charges } = chargeAll(ledger, plan, header, client);
        const { planHash, attempt } = header;
        const bare = plan.privacy.kind === 'none';
        requireUnprotectedLeft(unprotected, plan, header);
        // Booked in memory even if the disk then fails: whatever reached it, nothing is counted less than it should be.
        ledger = after;
        if (bare) unprotected.set(planHash, (unprotected.get(planHash) ?? 0) + 1);
        await store.commit(charges, bare ? { planHash, attempt, unprotected: true } : { planHash, attempt });
        marks.set(planHash, attempt);
        if (bare) return { epsilonAfter: null, epsilonBudget: null };
        return { epsilonAfter: ledgerEpsilon(ledger), epsilonBudget: budget.epsilon };
      }),
  };
}

/** The ledger with all slots of a session charged that cost this client something, and the lines to store. */
function chargeAll(
  ledger: Ledger,
  plan: Plan,
  header: SessionHeader,
  client: string | null,
): { after: Ledger; charges: LedgerCharge[] } {
  const { planHash, round, attempt } = header;
  const slots = bookedSlots(plan, client);
  const charges: LedgerCharge[] = [];
  let after = ledger;
  for (const name of header.slots) {
    const event = sessionEvent(plan, name, round, client);
    if (event === null) continue;
    const slot = slots.find((candidate) => candidate.slot === name);
    if (slot === undefined)
      throw new SottoError('INTERNAL', `session ${round}/${attempt}: the plan has no slot ${name}`);
    const charge: LedgerCharge = { planHash, round, slot: name, attempt, event };
    if (after.charges.has(chargeKey(charge))) {
      throw new SottoError('ATTEMPT_STALE', `round ${round}, attempt ${attempt}: ${name} was charged already`);
    }
    const charged = chargedEvents(after, planHash, name);
    if (!slotAllows(slot, charged, event)) {
      // The signed ε covers this many and no more, whatever the policy would still allow.
      const all =
        charged.length >= slot.count ? 'all are charged' : `${charged.length} are charged, no repetition is left`;
      throw new SottoError('BUDGET_EXCEEDED', `the plan allows ${slot.count} sessions with ${name}, ${all}`);
    }
    const result = chargeLedger(after, charge);
    if (!result.ok) throw result.error;
    after = result.ledger;
    charges.push(charge);
  }
  return { after, charges };
}

/** Every event of a plan that was not charged yet. */
function unchargedOf(ledger: Ledger, planHash: string, plan: Plan, client: string | null): EventCount[] {
  return bookedSlots(plan, client).flatMap((slot) => uncharged(slot, chargedEvents(ledger, planHash, slot.slot)) ?? []);
}

/** Needed values are rounded up, so that they never read like the budget itself. */
function budgetRefusal(needed: number, budget: number, before: number, plan: Plan): SottoError {
  const shown = (value: number) => (Math.ceil(value * 100) / 100).toFixed(2);
  const spent = before > 0 ? `${shown(before)} is spent or promised already` : 'nothing is spent yet';
  const stated =
    plan.privacy.kind === 'dp' ? `, so they read about a tenth above a plan's own ${plan.privacy.epsilon}` : '';
  return new SottoError(
    'BUDGET_EXCEEDED',
    `budget.epsilon: this run would raise epsilon to ${shown(needed)}, budget ${budget}; ${spent}, ` +
      `and the books must hold whatever plans come later${stated}`,
    { needed, budget },
  );
}

/** Without noise there is no ε to run out of, so the plan's own number of sessions is the only bound. */
function requireUnprotectedLeft(unprotected: ReadonlyMap<string, number>, plan: Plan, header: SessionHeader): void {
  if (plan.privacy.kind !== 'none') return;
  const most = sessionCount(plan) + plan.spareAttempts;
  if ((unprotected.get(header.planHash) ?? 0) >= most) {
    throw new SottoError('BUDGET_EXCEEDED', `the plan allows ${most} sessions, all were answered`);
  }
}

function chargedEvents(ledger: Ledger, planHash: string, slot: string): MechanismEvent[] {
  const events: MechanismEvent[] = [];
  for (const charge of ledger.charges.values()) {
    if (charge.planHash === planHash && charge.slot === slot) events.push(charge.event);
  }
  return events;
}

function requireNewer(marks: ReadonlyMap<string, number>, header: SessionHeader, above: number): void {
  const mark = marks.get(header.planHash) ?? 0;
  if (header.attempt < mark + above) {
    throw new SottoError(
      'ATTEMPT_STALE',
      `attempt ${header.attempt} is not above ${mark}, the last one answered for this plan`,
    );
  }
}
