import { SottoError } from '../errors/index.ts';
import { canonicalJson } from '../vector/index.ts';
import { accountsOf, checkDelta, gaussianOf, type AccountName } from './accountants/gaussian-event.ts';
import { gaussianRdp } from './accountants/gaussian-rdp.ts';
import type { EventCount, MechanismEvent } from './mechanism-event.ts';
import { epsilonOfRdp, rdpBudget, rdpOrders } from './accountants/rdp-to-epsilon.ts';

/**
 * What a data source may lose, as stored: the first line of a ledger. The order is chosen once and never changes, which
 * is what makes the filter sound for plans chosen after earlier releases (Feldman & Zrnic 2021, arXiv 2008.11193).
 */
export type LedgerOpening = {
  readonly version: 1;
  /** Budget; the ledger refuses a charge that would pass it. */
  readonly epsilon: number;
  /** Failure probability, in (0, 1). */
  readonly delta: number;
  /** The one order of RDP that is composed. */
  readonly order: number;
};

/** One event that may have happened, as stored: one line of a ledger. Its key is (planHash, round, slot, attempt). */
export type LedgerCharge = {
  readonly planHash: string;
  readonly round: number;
  readonly slot: string;
  readonly attempt: number;
  readonly event: MechanismEvent;
};

/**
 * The account of one data source, across runs, federations and nodes. A value: charging gives a new one. It is rebuilt
 * from its stored lines by {@link replayLedger}.
 */
export type Ledger = {
  readonly opening: LedgerOpening;
  /** Charges by key, in the order they were made. */
  readonly charges: ReadonlyMap<string, LedgerCharge>;
  /** Composed RDP at the opening's order, by account. */
  readonly spentRdp: Readonly<Partial<Record<AccountName, number>>>;
};

/** A charge's outcome. `epsilonAfter` is the worst account's: at most so far, whatever was chosen along the way. */
export type ChargeResult =
  | { readonly ok: true; readonly ledger: Ledger; readonly epsilonAfter: number }
  | { readonly ok: false; readonly error: SottoError };

/**
 * How much of the best order's share an order may miss. Where little is sampled this costs a plan one percent of ε; where
 * a small sample carries little noise, RDP rises so steeply with the order that the smaller one saves far more.
 */
const shareKept = 0.98;

/**
 * Opens a ledger with a budget. The order lets the most Gaussian noise-budget through, (RDP budget)/α, but for two
 * percent: the smallest such order. A plan fits a budget that is 9–10 % above its own ε (up to 30 % where a sample of one
 * percent carries noise below one): one order must hold for whatever plans come later, a plan's own ε need not.
 *
 * @param budget - ε > 0 and δ in (0, 1)
 * @throws {INVALID_INPUT} when a number is out of range, or no order leaves any budget (ε too small for δ)
 */
export function openLedger(budget: { readonly epsilon: number; readonly delta: number }): Ledger {
  const { epsilon, delta } = budget;
  if (!(epsilon > 0) || !Number.isFinite(epsilon)) {
    throw new SottoError('INVALID_INPUT', `ledger budget epsilon ${epsilon}: expected a finite number above 0`);
  }
  checkDelta(delta);
  const shareOf = (order: number) => rdpBudget(epsilon, order, delta) / order;
  const largest = Math.max(...rdpOrders.map(shareOf));
  const order = largest > 0 ? rdpOrders.find((candidate) => shareOf(candidate) >= shareKept * largest) : undefined;
  if (order === undefined) {
    throw new SottoError(
      'INVALID_INPUT',
      `ledger budget epsilon ${epsilon} at delta ${delta}: no order of RDP leaves any of it; raise epsilon or delta`,
    );
  }
  return { opening: { version: 1, epsilon, delta, order }, charges: new Map(), spentRdp: {} };
}

/**
 * Books an event before its upload leaves, once per key, for good: nothing is ever refunded. A filter: it lets a charge
 * through exactly when ε of all charges, this one included, stays within the budget in every account, so the budget
 * holds whatever plans are chosen and wherever they stop.
 *
 * At unit = record, a unit lies in one of train, validation and test (by keyed hash of its id, soundness.md §3), so each
 * part has an account and an event over `all` counts in each; at unit = client there is one account.
 *
 * | charge | result |
 * | --- | --- |
 * | same key and event as before | ok, the ledger as it was |
 * | same key, another event | CONFLICT |
 * | budget would be passed | BUDGET_EXCEEDED "This round would raise epsilon to 8.13, budget 8" |
 * | event over the other unit than the ledger's first | UNSUPPORTED_EVENT |
 * | event that the accountant does not know, or without noise | UNSUPPORTED_EVENT, NO_NOISE, INVALID_INPUT |
 */
export function chargeLedger(ledger: Ledger, charge: LedgerCharge): ChargeResult {
  const checked = checkCharge(ledger, charge);
  if (checked !== null) return checked;
  const { opening } = ledger;
  try {
    const spentRdp = { ...ledger.spentRdp };
    addEvent(spentRdp, charge.event, 1, opening.order);
    const epsilonAfter = worstEpsilon(spentRdp, opening);
    if (!(epsilonAfter <= opening.epsilon)) {
      return { ok: false, error: budgetError(epsilonAfter, opening.epsilon) };
    }
    const charges = new Map(ledger.charges).set(chargeKey(charge), charge);
    return { ok: true, ledger: { opening, charges, spentRdp }, epsilonAfter };
  } catch (cause) {
    if (cause instanceof SottoError) return { ok: false, error: cause };
    throw cause;
  }
}

/** ε of all charges so far in the worst account, an upper bound. */
export function ledgerEpsilon(ledger: Ledger): number {
  return worstEpsilon(ledger.spentRdp, ledger.opening);
}

/**
 * ε that the ledger would show if these events were charged on top: what a whole plan needs, asked before it is accepted.
 * More than the plan's stated ε, because the ledger must hold one order whatever comes later.
 *
 * @throws {UNSUPPORTED_EVENT | NO_NOISE | INVALID_INPUT} when the accountant refuses an event
 */
export function ledgerEpsilonWith(ledger: Ledger, events: readonly EventCount[]): number {
  const spentRdp = { ...ledger.spentRdp };
  for (const { event, count } of events) {
    requireSameUnit(ledger, event, `a plan with ${event.query}`);
    addEvent(spentRdp, event, count, ledger.opening.order);
  }
  return worstEpsilon(spentRdp, ledger.opening);
}

/**
 * Rebuilds a ledger from its stored lines. Stored charges are facts and are never refused: where a store holds more than
 * the budget, every further charge is.
 *
 * @throws {CONFLICT} when two lines have one key and different events
 * @throws {UNSUPPORTED_EVENT} when a line is of a kind, version or unit that this version does not know
 */
export function replayLedger(opening: LedgerOpening, lines: Iterable<LedgerCharge>): Ledger {
  if (opening.version !== 1 || !(opening.order > 1)) {
    throw new SottoError('UNSUPPORTED_EVENT', `ledger version ${opening.version}, order ${opening.order}: not known`);
  }
  const charges = new Map<string, LedgerCharge>();
  const spentRdp: Partial<Record<AccountName, number>> = {};
  for (const line of lines) {
    const checked = checkCharge({ opening, charges, spentRdp }, line);
    if (checked !== null && !checked.ok) throw checked.error;
    if (checked !== null) continue;
    addEvent(spentRdp, line.event, 1, opening.order);
    charges.set(chargeKey(line), line);
  }
  return { opening, charges, spentRdp };
}

/** The key under which an event is charged once: no attempt of a slot of a round of a plan is charged twice. */
export function chargeKey(charge: Omit<LedgerCharge, 'event'>): string {
  return canonicalJson([charge.planHash, charge.round, charge.slot, charge.attempt]);
}

/** An outcome that needs no accounting, or null. */
function checkCharge(ledger: Ledger, charge: LedgerCharge): ChargeResult | null {
  const key = chargeKey(charge);
  const before = ledger.charges.get(key);
  if (before !== undefined) {
    if (canonicalJson(before.event) === canonicalJson(charge.event)) {
      return { ok: true, ledger, epsilonAfter: ledgerEpsilon(ledger) };
    }
    return { ok: false, error: new SottoError('CONFLICT', `charge ${key} is booked with another event`) };
  }
  try {
    requireSameUnit(ledger, charge.event, `charge ${key}`);
    return null;
  } catch (cause) {
    if (cause instanceof SottoError) return { ok: false, error: cause };
    throw cause;
  }
}

/** What is promised to records and what is promised to clients cannot be added up. */
function requireSameUnit(ledger: Ledger, event: MechanismEvent, what: string): void {
  const first = ledger.charges.values().next();
  if (!first.done && first.value.event.unit !== event.unit) {
    throw new SottoError(
      'UNSUPPORTED_EVENT',
      `${what} is about unit ${event.unit}: this ledger counts unit ${first.value.event.unit}`,
    );
  }
}

function addEvent(
  spentRdp: Partial<Record<AccountName, number>>,
  event: MechanismEvent,
  count: number,
  order: number,
): void {
  if (!Number.isInteger(count) || count < 0) {
    throw new SottoError('INVALID_INPUT', `count ${count} of ${event.query}: expected a whole number from 0 up`);
  }
  const { samplingRate, noiseMultiplier } = gaussianOf(event, count);
  const rdp = gaussianRdp(samplingRate, noiseMultiplier, order) * count;
  for (const account of accountsOf(event)) spentRdp[account] = (spentRdp[account] ?? 0) + rdp;
}

function worstEpsilon(spentRdp: Ledger['spentRdp'], opening: LedgerOpening): number {
  let worst = 0;
  for (const rdp of Object.values(spentRdp)) {
    if (rdp > 0) worst = Math.max(worst, epsilonOfRdp(rdp, opening.order, opening.delta));
  }
  return worst;
}

function budgetError(epsilonAfter: number, budget: number): SottoError {
  // Rounded up, so that it never reads like the budget itself.
  const shown = Math.ceil(epsilonAfter * 100) / 100;
  return new SottoError('BUDGET_EXCEEDED', `This round would raise epsilon to ${shown}, budget ${budget}`, {
    epsilonAfter,
    budget,
  });
}
