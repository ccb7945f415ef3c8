import { SottoError } from '@sotto/shared/errors';
import { bookedSlots, federationEvent, uncharged, type Plan } from '@sotto/shared/plan';
import {
  chargeLedger,
  ledgerEpsilon,
  ledgerEpsilonWith,
  replayLedger,
  type EventCount,
  type Ledger,
  type LedgerCharge,
  type LedgerOpening,
} from '@sotto/shared/privacy';
import type { SessionHeader } from '@sotto/shared/secure-sum';
import type { ChargeRecord, Store } from '../store/store.ts';

/** A plan and its hash. */
export type HashedPlan = { readonly planHash: string; readonly plan: Plan };

/**
 * The federation's own budget over all of its plans: the same filter that a client's books are (one order of RDP, fixed when
 * the budget was first set), over the charges in the store. It is the operator's; each client's books are its owner's.
 */
export type FederationBooks = {
  readonly opening: LedgerOpening;
  /** ε of everything charged so far. */
  epsilon(): number;
  /**
   * Whether all that a plan may still charge fits, together with what the open runs may: so that no run is left half-way.
   * @throws {BUDGET_EXCEEDED} with both values; {UNSUPPORTED_EVENT} when the books count another privacy unit.
   */
  requireRoom(asked: HashedPlan, open: readonly HashedPlan[]): void;
  /**
   * Holds a session's charges from its opening on. Null, or why the session must not open.
   * @param repeated - whether an attempt at its round was charged before
   */
  hold(plan: Plan, header: SessionHeader, repeated: boolean): SottoError | null;
  /** Books what the store was given. */
  charge(records: readonly ChargeRecord[]): void;
  /** A session is over: what it held and did not charge is free again. */
  free(planHash: string): void;
};

/** The books of a store under a budget. @throws {UNSUPPORTED_EVENT} when the store holds events that are not known here */
export async function openFederationBooks(store: Store, opening: LedgerOpening): Promise<FederationBooks> {
  let ledger: Ledger = replayLedger(opening, await storedCharges(store));
  const held = new Map<string, readonly LedgerCharge[]>();

  return {
    opening,
    epsilon: () => ledgerEpsilon(ledger),
    requireRoom(asked, open) {
      if (asked.plan.privacy.kind === 'none') {
        throw new SottoError(
          'BUDGET_EXCEEDED',
          `a plan with privacy none has epsilon infinite, the federation's budget is ${opening.epsilon}`,
        );
      }
      const others = open.filter(({ planHash }) => planHash !== asked.planHash);
      const needed = ledgerEpsilonWith(
        ledger,
        [asked, ...others].flatMap((one) => stillToCome(ledger, one)),
      );
      if (needed <= opening.epsilon) return;
      const shown = Math.ceil(needed * 100) / 100;
      throw new SottoError(
        'BUDGET_EXCEEDED',
        `this run would raise epsilon to ${shown}, the federation's budget is ${opening.epsilon}; ` +
          `the books must hold whatever plans come later, so they read about a tenth above a plan's own epsilon`,
        { needed, budget: opening.epsilon },
      );
    },
    hold(plan, header, repeated) {
      if (plan.privacy.kind === 'none') {
        return new SottoError('BUDGET_EXCEEDED', `privacy none has epsilon infinite, budget ${opening.epsilon}`);
      }
      const charges = header.slots.flatMap((slot): LedgerCharge[] => {
        const { planHash, round, attempt } = header;
        const event = federationEvent(plan, slot, round, repeated);
        return event === null ? [] : [{ planHash, round, slot, attempt, event }];
      });
      let after = ledger;
      const others = [...held].flatMap(([planHash, holding]) => (planHash === header.planHash ? [] : holding));
      for (const charge of [...others, ...charges]) {
        const result = chargeLedger(after, charge);
        if (!result.ok) return result.error;
        after = result.ledger;
      }
      held.set(header.planHash, charges);
      return null;
    },
    charge(records) {
      // What the store was given is a fact: booked whatever the budget says.
      ledger = replayLedger(opening, [...ledger.charges.values(), ...records.flatMap(chargeOf)]);
      for (const { planHash } of records) held.delete(planHash);
    },
    free: (planHash) => void held.delete(planHash),
  };
}

/** Every charge of every run that the accountant counts, oldest run first. */
export async function storedCharges(store: Store): Promise<LedgerCharge[]> {
  const charges: LedgerCharge[] = [];
  for (const { runId } of await store.runs()) charges.push(...(await store.charges(runId)).flatMap(chargeOf));
  return charges;
}

function chargeOf({ planHash, round, slot, attempt, event }: ChargeRecord): LedgerCharge[] {
  return event === null ? [] : [{ planHash, round, slot, attempt, event }];
}

/** What a plan may still charge. */
function stillToCome(ledger: Ledger, { planHash, plan }: HashedPlan): EventCount[] {
  const charges = [...ledger.charges.values()].filter((one) => one.planHash === planHash);
  return bookedSlots(plan, null).flatMap((slot) => [
    ...(uncharged(
      slot,
      charges.filter((one) => one.slot === slot.slot).map(({ event }) => event),
    ) ?? []),
  ]);
}
