import { ledgerEpsilon, ledgerEpsilonWith, replayLedger, type Ledger, type LedgerCharge } from '@sotto/shared/privacy';

/** What one plan was charged in the books of a data source. */
export type PlanStatement = {
  readonly planHash: string;
  /** Charged sessions by slot. */
  readonly charged: Readonly<Record<string, number>>;
  readonly firstRound: number;
  readonly lastRound: number;
  /** ε of this plan's charges alone at the books' order, an upper bound. */
  readonly epsilonAlone: number;
  /** ε of the books if the plan's last session were asked for once more. */
  readonly epsilonAfterNext: number;
  /** Whether the budget would let that through. */
  readonly nextFits: boolean;
};

/** A data source's account as its owner reads it. */
export type LedgerStatement = {
  /** Whom the books are about; null before the first charge. */
  readonly unit: 'record' | 'client' | null;
  readonly epsilonBudget: number;
  readonly delta: number;
  /** The one order of RDP that all is counted at, fixed when the books were opened. */
  readonly order: number;
  readonly epsilonSpent: number;
  /** Budget less spent; 0 where a lowered budget lies below. ε does not add up exactly, so it is a guide and no promise. */
  readonly epsilonLeft: number;
  /** In the order of their first charges. */
  readonly plans: readonly PlanStatement[];
};

/** Adds the books up, by plan. */
export function statementOf(ledger: Ledger): LedgerStatement {
  const { epsilon: budget, delta, order } = ledger.opening;
  const charges = [...ledger.charges.values()];
  const spent = ledgerEpsilon(ledger);
  const byPlan = new Map<string, LedgerCharge[]>();
  for (const charge of charges) byPlan.set(charge.planHash, [...(byPlan.get(charge.planHash) ?? []), charge]);
  return {
    unit: charges[0]?.event.unit ?? null,
    epsilonBudget: budget,
    delta,
    order,
    epsilonSpent: spent,
    epsilonLeft: Math.max(0, budget - spent),
    plans: [...byPlan].map(([planHash, own]) => planStatement(ledger, planHash, own)),
  };
}

function planStatement(ledger: Ledger, planHash: string, own: readonly LedgerCharge[]): PlanStatement {
  const charged: Record<string, number> = {};
  for (const { slot } of own) charged[slot] = (charged[slot] ?? 0) + 1;
  const rounds = own.map(({ round }) => round);
  const lastAttempt = own.at(-1)?.attempt;
  const last = own.filter(({ attempt }) => attempt === lastAttempt);
  const epsilonAfterNext = ledgerEpsilonWith(
    ledger,
    last.map(({ event }) => ({ event, count: 1 })),
  );
  return {
    planHash,
    charged,
    firstRound: Math.min(...rounds),
    lastRound: Math.max(...rounds),
    epsilonAlone: ledgerEpsilon(replayLedger(ledger.opening, own)),
    epsilonAfterNext,
    nextFits: epsilonAfterNext <= ledger.opening.epsilon,
  };
}
