import { access } from 'node:fs/promises';
import { SottoError } from '@sotto/shared/errors';
import { ledgerEpsilon, openLedger, replayLedger, type LedgerCharge, type LedgerOpening } from '@sotto/shared/privacy';
import { federationBudget, setFederationBudget } from '../budget-file.ts';
import { openData } from '../data-folder.ts';
import type { ChargeRecord, RunRecord } from '../store/store.ts';
import type { CommandResult } from './command-result.ts';
import type { FolderOptions } from './folder-commands.ts';

/** What books without a budget are counted at: the order that a client's default policy has. */
const unlimited = { epsilon: 10, delta: 1e-5 };

/** One run's line of the federation's ledger. */
type RunLine = {
  readonly runId: string;
  readonly planHash: string;
  readonly name: string;
  readonly unit: 'record' | 'client' | null;
  /** Charged sessions by slot. */
  readonly charged: Readonly<Record<'training' | 'evaluation', number>>;
  /** Charged sessions of a plan without differential privacy: of them no ε tells. */
  readonly unprotected: number;
  /** ε of this run's charges alone, at the books' order; an upper bound. */
  readonly epsilon: number;
};

/**
 * The federation's ledger: what each run was charged, and ε of all together at the books' one order of RDP, for each privacy
 * unit. Read from the store; a running coordinator is not disturbed.
 */
export async function showFederationLedger({ dir, database }: FolderOptions): Promise<CommandResult> {
  const budget = await federationBudget(dir);
  const opening = budget ?? openLedger(unlimited).opening;
  const { store } = await openData(dir, database, 'read');
  try {
    const all: LedgerCharge[] = [];
    const runs: RunLine[] = [];
    for (const record of await store.runs()) {
      const charges = await store.charges(record.runId);
      runs.push(runLine(record, charges, opening));
      all.push(...charges.flatMap(counted));
    }
    const units = (['record', 'client'] as const)
      .map((unit) => ({ unit, charges: all.filter(({ event }) => event.unit === unit) }))
      .filter(({ charges }) => charges.length > 0)
      .map(({ unit, charges }) => {
        const epsilon = ledgerEpsilon(replayLedger(opening, charges));
        const left = budget === null ? null : Math.max(0, budget.epsilon - epsilon);
        return { unit, charges: charges.length, epsilon, left };
      });
    const { delta, order } = opening;
    return {
      lines: ledgerLines(runs, units, budget, opening),
      json: { budget: budget === null ? null : { epsilon: budget.epsilon, delta }, delta, order, units, runs },
    };
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
  const before = await federationBudget(dir);
  if (options.epsilon === undefined) {
    if (options.delta !== undefined) throw new SottoError('INVALID_INPUT', '--delta goes with --epsilon');
    return budgetResult(before);
  }
  const opening = await setBudget(dir, options.epsilon, options.delta);
  const { lines, json } = budgetResult(opening);
  return { lines: [...lines, 'A coordinator that runs takes it in when it is started again.'], json };
}

/** Texts of the command line to a budget that is set. @throws {INVALID_INPUT} {CONFLICT} */
export async function setBudget(dir: string, epsilon: string, delta: string | undefined): Promise<LedgerOpening> {
  const known = await federationBudget(dir);
  return setFederationBudget(
    dir,
    numberOf('epsilon', epsilon),
    delta === undefined ? (known?.delta ?? unlimited.delta) : numberOf('delta', delta),
  );
}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) {
    throw new SottoError('INVALID_INPUT', `budget ${name}: expected a number, got ${JSON.stringify(text)}`);
  }
  return value;
}

function budgetResult(opening: LedgerOpening | null): CommandResult {
  if (opening === null)
    return { lines: ['Budget   none: only the clients’ own books limit what is asked'], json: { budget: null } };
  const { epsilon, delta, order } = opening;
  return {
    lines: [`Budget   ε = ${epsilon} at δ = ${delta} over all plans (order ${order} for good)`],
    json: { budget: { epsilon, delta }, order },
  };
}

function runLine(
  { runId, planHash, name }: RunRecord,
  charges: readonly ChargeRecord[],
  opening: LedgerOpening,
): RunLine {
  const lines = charges.flatMap(counted);
  const of = (slot: 'training' | 'evaluation') => charges.filter((charge) => charge.slot === slot).length;
  return {
    runId,
    planHash,
    name,
    unit: lines[0]?.event.unit ?? null,
    charged: { training: of('training'), evaluation: of('evaluation') },
    unprotected: new Set(charges.filter(({ event }) => event === null).map(({ attempt }) => attempt)).size,
    epsilon: ledgerEpsilon(replayLedger(opening, lines)),
  };
}

function counted({ planHash, round, slot, attempt, event }: ChargeRecord): LedgerCharge[] {
  return event === null ? [] : [{ planHash, round, slot, attempt, event }];
}

/** Rounded up, so that nothing reads cheaper than it is. */
const up = (epsilon: number): string => (Math.ceil(epsilon * 1_000) / 1_000).toFixed(3);

function ledgerLines(
  runs: readonly RunLine[],
  units: readonly { unit: string; charges: number; epsilon: number; left: number | null }[],
  budget: LedgerOpening | null,
  { delta, order }: LedgerOpening,
): string[] {
  if (runs.length === 0) return ['no runs yet', ...budgetResult(budget).lines];
  return [
    ...runs.map(({ runId, name, unit, charged, unprotected, epsilon }) => {
      const what = `${charged.training} training, ${charged.evaluation} evaluation sessions charged`;
      const cost =
        unprotected > 0
          ? `ε = ∞ (${unprotected} without differential privacy)`
          : `ε at most ${up(epsilon)} for a ${unit ?? 'unit'}`;
      return `${runId.slice(0, 8)}  ${what}  ${cost}  ${name}`;
    }),
    ...units.map(
      ({ unit, charges, epsilon, left }) =>
        `All plans     ε at most ${up(epsilon)} for a ${unit}, ${charges} charges${left === null ? '' : `; ${left.toFixed(3)} left`}`,
    ),
    ...budgetResult(budget).lines,
    `Counted       by Rényi DP of order ${order} at δ = ${delta}, which holds whatever plans come next and reads about a tenth above a plan's own ε. What is spent does not come back.`,
  ];
}
