import { access } from 'node:fs/promises';
import { SottoError } from '@sotto/shared/errors';
import type { Plan } from '@sotto/shared/plan';
import { ledgerEpsilon, replayLedger, slotNames, type LedgerOpening, type SlotName } from '@sotto/shared/privacy';
import { federationBudget, setFederationBudget } from '../budget-file.ts';
import { openData } from '../data-folder.ts';
import { storedCharges } from '../runs/federation-books.ts';
import { planOfRun } from '../runs/run-cards.ts';
import type { ChargeRecord, RunRecord } from '../store/store.ts';
import type { CommandResult } from './command-result.ts';
import type { FolderOptions } from './folder-commands.ts';

/** δ of a budget of which only ε is given. */
const usualDelta = 1e-5;

/** One run's line of the federation's ledger. */
type RunLine = {
  readonly runId: string;
  readonly planHash: string;
  readonly name: string;
  readonly unit: Plan['unit'];
  /** Charged sessions by slot, at the plan's floor. */
  readonly charged: Readonly<Partial<Record<SlotName, number>>>;
  /** The plan's promise to a unit of its worst part; null: no differential privacy, ε = ∞. */
  readonly stated: { readonly epsilon: number; readonly delta: number } | null;
};

/** What all runs about one privacy unit come to. */
type UnitLine = {
  readonly unit: Plan['unit'];
  readonly runs: number;
  /** The promises added up, ε and δ: holds whatever was chosen along the way, and however much of a plan was run. */
  readonly added: { readonly epsilon: number; readonly delta: number };
  /** ε of what was charged so far at the budget's order; null without a budget. */
  readonly spent: number | null;
  /** Budget less spent; null without a budget. */
  readonly left: number | null;
};

/**
 * The federation's ledger: what each run was charged and what it promised, all of them added up, and under a budget what the
 * filter says. Read from the store; a running coordinator is not disturbed.
 */
export async function showFederationLedger({ dir, database }: FolderOptions): Promise<CommandResult> {
  const budget = await federationBudget(dir);
  const { store, blobs } = await openData(dir, database, 'read');
  try {
    const runs: RunLine[] = [];
    for (const record of await store.runs()) {
      const plan = await planOfRun(blobs, record);
      const charges = await store.charges(record.runId);
      if (charges.length > 0) runs.push(runLine(record, plan, charges));
    }
    const all = await storedCharges(store);
    const units = (['record', 'client'] as const).flatMap((unit): UnitLine[] => {
      const stated = runs.flatMap((one) => (one.unit === unit && one.stated !== null ? [one.stated] : []));
      if (stated.length === 0) return [];
      const charges = all.filter(({ event }) => event.unit === unit);
      const spent = budget === null ? null : ledgerEpsilon(replayLedger(budget, charges));
      return [
        {
          unit,
          runs: stated.length,
          added: {
            epsilon: stated.reduce((sum, { epsilon }) => sum + epsilon, 0),
            delta: stated.reduce((sum, { delta }) => sum + delta, 0),
          },
          spent,
          left: budget === null || spent === null ? null : Math.max(0, budget.epsilon - spent),
        },
      ];
    });
    return { lines: ledgerLines(runs, units, budget), json: { ...budgetJson(budget), units, runs } };
  } finally {
    await store.close();
  }
}

/** Shows the federation's budget, or sets it. @throws {INVALID_INPUT} {CONFLICT} {FILE_NOT_FOUND} */
export async function federationBudgetCommand(
  dir: string,
  options: { readonly epsilon?: string; readonly delta?: string },
): Promise<CommandResult> {
  await access(dir).catch(() => {
    throw new SottoError('FILE_NOT_FOUND', `${dir}: there is no data folder; make one with sotto init`);
  });
  if (options.epsilon === undefined) {
    if (options.delta !== undefined) throw new SottoError('INVALID_INPUT', '--delta goes with --epsilon');
    const budget = await federationBudget(dir);
    return { lines: [budgetLine(budget)], json: budgetJson(budget) };
  }
  const budget = await setBudget(dir, options.epsilon, options.delta);
  return {
    lines: [budgetLine(budget), 'A coordinator that runs takes it in when it is started again.'],
    json: budgetJson(budget),
  };
}

/** Texts of the command line to a budget that is set. @throws {INVALID_INPUT} {CONFLICT} */
export async function setBudget(dir: string, epsilon: string, delta: string | undefined): Promise<LedgerOpening> {
  const known = await federationBudget(dir);
  const kept = known?.delta ?? usualDelta;
  return setFederationBudget(dir, numberOf('epsilon', epsilon), delta === undefined ? kept : numberOf('delta', delta));
}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) {
    throw new SottoError('INVALID_INPUT', `budget ${name}: expected a number, got ${JSON.stringify(text)}`);
  }
  return value;
}

function runLine({ runId, planHash, name }: RunRecord, plan: Plan, charges: readonly ChargeRecord[]): RunLine {
  const { privacy, unit } = plan;
  const of = (slot: SlotName) => charges.filter((charge) => charge.slot === slot).length;
  return {
    runId,
    planHash,
    name,
    unit,
    charged: Object.fromEntries(
      slotNames.filter((slot) => commonSlots.includes(slot) || of(slot) > 0).map((slot) => [slot, of(slot)]),
    ),
    stated:
      privacy.kind === 'none'
        ? null
        : {
            epsilon: Math.max(privacy.epsilon, privacy.evaluationEpsilon ?? 0, privacy.reportEpsilon ?? 0),
            delta: privacy.delta,
          },
  };
}

/** Told of whether or not a plan has them. */
const commonSlots: readonly SlotName[] = ['training', 'evaluation'];

function inWords(texts: readonly string[]): string {
  return texts.length < 2 ? texts.join() : `${texts.slice(0, -1).join(', ')} and ${texts.at(-1)}`;
}

function budgetJson(budget: LedgerOpening | null) {
  if (budget === null) return { budget: null };
  const { epsilon, delta, order } = budget;
  return { budget: { epsilon, delta, order } };
}

function budgetLine(budget: LedgerOpening | null): string {
  if (budget === null) return 'Budget        none: only the clients’ own books limit what is asked';
  return `Budget        ε = ${budget.epsilon} at δ = ${budget.delta} over all plans, counted by Rényi DP of order ${budget.order} for good`;
}

/** Rounded up, so that nothing reads cheaper than it is. */
const up = (epsilon: number): string => (Math.ceil(epsilon * 1_000) / 1_000).toFixed(3);

function ledgerLines(runs: readonly RunLine[], units: readonly UnitLine[], budget: LedgerOpening | null): string[] {
  if (runs.length === 0) return ['nothing was charged yet', budgetLine(budget)];
  return [
    ...runs.map(({ runId, name, unit, charged, stated }) => {
      const sessions = `${inWords(Object.entries(charged).map(([slot, count]) => `${count} ${slot}`))} sessions charged`;
      const promise = stated === null ? 'ε = ∞: no differential privacy' : `ε = ${stated.epsilon} for a ${unit}`;
      return `${runId.slice(0, 8)}  ${sessions}  ${promise}  ${name}`;
    }),
    ...units.flatMap(({ unit, runs: count, added, spent, left }) => [
      `All plans     ${count} promises to a ${unit} add up to ε = ${up(added.epsilon)} at δ = ${Number(added.delta.toPrecision(3))}`,
      ...(spent === null || left === null
        ? []
        : [
            `Spent         at most ε = ${up(spent)} for a ${unit}, ${(Math.floor(left * 1_000) / 1_000).toFixed(3)} left`,
          ]),
    ]),
    budgetLine(budget),
    'What is spent does not come back.',
  ];
}
