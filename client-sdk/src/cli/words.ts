import { groupSizes, inputWidth, outputWidth, sessionCount, type Plan } from '@sotto/shared/plan';
import type { DataReport } from '../data/index.ts';
import type { LedgerStatement, PlanStatement } from '../ledger/statement.ts';
import type { NodeNotice } from '../node-config.ts';

type EngineNotice = Extract<NodeNotice, { type: 'engine' }>;

/** Shortest time between two lines that only say that it goes on, in milliseconds. */
const progressEveryMs = 3_000;

/** How long the same trouble is not told again, in milliseconds. */
const troubleEveryMs = 60_000;

/** What was read of a table, in words. */
export function reportWords(file: string, report: DataReport): string {
  const left = report.rows - report.rowsKept;
  const rules = report.leftOut
    .map(({ rule, rows, firstRow }) => `\n    ${rows} × ${rule} (first: row ${firstRow})`)
    .join('');
  return `${file}: ${report.units} units in ${report.rowsKept} rows take part${left === 0 ? '' : `, ${left} ${left === 1 ? 'row is' : 'rows are'} left out:`}${rules}${constantWords(report.constantColumns)}`;
}

/** What a column that never varies gives away; said on this screen alone. */
function constantWords(columns: readonly string[]): string {
  return columns
    .map((name) => `\n    column ${name} is one value in every row: a model can learn from it whose rows these are`)
    .join('');
}

/** What the books of a data source say. They add up all plans, and are above a plan's own ε. */
export function booksWords(epsilonSpent: number, epsilonBudget: number, unprotectedUploads = 0): string {
  const bare =
    unprotectedUploads === 0 ? '' : `, and ${unprotectedUploads} uploads without differential privacy: ε = ∞ for these`;
  return `books: at most ε = ${epsilonSpent.toFixed(2)} of ${epsilonBudget}${bare}`;
}

/** ε rounded up, so that nothing reads cheaper than it is. */
const up = (epsilon: number): string => (Math.ceil(epsilon * 1_000) / 1_000).toFixed(3);

/** One plan's line of the ledger. */
export function planStatementWords(plan: PlanStatement): string {
  const { planHash, charged, firstRound, lastRound, epsilonAlone, epsilonAfterNext, nextFits } = plan;
  const sessions = Object.entries(charged)
    .map(([slot, count]) => `${count} ${slot}`)
    .join(' and ');
  const next = nextFits
    ? `a next round would raise the books to ${up(epsilonAfterNext)}`
    : `a next round would be refused: it would raise the books to ${up(epsilonAfterNext)}`;
  return `plan ${planHash.slice(0, 12)}  rounds ${firstRound} to ${lastRound}, ${sessions} sessions charged, at most ε = ${up(epsilonAlone)} alone; ${next}`;
}

/** The sum of a ledger. */
export function statementWords(dataSource: string, statement: LedgerStatement, unprotectedUploads: number): string {
  const { unit, epsilonBudget, delta, order, epsilonSpent, epsilonLeft } = statement;
  const whom = unit === null ? 'nothing charged yet' : `for a ${unit}`;
  const bare =
    unprotectedUploads === 0 ? '' : ` And ${unprotectedUploads} uploads without differential privacy: ε = ∞ for these.`;
  return [
    `Data source ${dataSource}`,
    `Spent    at most ε = ${up(epsilonSpent)} of ${epsilonBudget} at δ = ${delta}, ${whom}; ${(Math.floor(epsilonLeft * 1_000) / 1_000).toFixed(3)} left.${bare}`,
    `Counted  by Rényi DP of order ${order}, fixed for good, which holds whatever plans come next: the first charges read high, and near the budget all reads about a tenth above a plan's own ε. What is spent does not come back.`,
  ].join('\n');
}

/**
 * Turns notices into lines for people; null for what only a program wants. Progress comes sparsely, refusals and errors at once.
 *
 * @param nowMs - the time, in milliseconds.
 */
export function wordsOf(nowMs: () => number): (notice: NodeNotice) => string | null {
  let rounds = 0;
  let progressAt = -Infinity;
  let booksLine = '';
  let trouble = '';
  let troubleAt = -Infinity;

  function progress(line: string, must: boolean): string | null {
    if (!must && nowMs() - progressAt < progressEveryMs) return null;
    progressAt = nowMs();
    return line;
  }

  return (notice) => {
    switch (notice.type) {
      case 'dataRead':
        return notice.inFile
          ? `${reportWords(notice.file, notice.report)}\n    They lie in a file beside the books, for they need more than --memory; it has no name and ends with this process.`
          : reportWords(notice.file, notice.report);
      case 'joined':
        return `Joined as ${notice.name}, client ${notice.client}`;
      case 'books':
        return `Data source ${notice.dataSource}, all plans so far: ${booksWords(notice.epsilonSpent, notice.epsilonBudget, notice.unprotectedUploads)}`;
      case 'connecting':
        return `Connecting to ${notice.coordinator}`;
      case 'connected':
        trouble = '';
        return 'Connected';
      case 'disconnected':
        return 'Disconnected; trying again';
      case 'paused':
        return `Paused: ${notice.reason}`;
      case 'resumed':
        return 'Takes part again';
      case 'retrying': {
        const line = `${notice.code}: ${notice.reason}`;
        if (line === trouble && nowMs() - troubleAt < troubleEveryMs) return null;
        trouble = line;
        troubleAt = nowMs();
        return line;
      }
      case 'engine':
        return engineWords(notice);
      case 'offered':
        return planWords(notice.plan, notice.planHash);
      case 'accepted':
        return 'Accepted: the authority signed it, every participant is vouched for, and policy and budget hold all of it';
      case 'refused':
        return `Refused (${notice.code}): ${notice.reason}`;
      case 'sessionOpened':
        ({ rounds } = notice);
        return null;
      case 'charged': {
        const { round, attempt, epsilonAfter, epsilonBudget } = notice;
        const last = round >= rounds;
        const what =
          round > rounds
            ? 'Judging the last model'
            : round === 0
              ? 'Survey of the data'
              : `Round ${round} of ${rounds}`;
        booksLine = epsilonAfter === null || epsilonBudget === null ? '' : booksWords(epsilonAfter, epsilonBudget);
        const spent = booksLine === '' ? 'no differential privacy, nothing to count' : booksLine;
        return progress(`${what} (session ${attempt}); ${spent}`, last);
      }
      case 'updateLate':
        return `Round ${notice.round}: nothing was there at the plan's pace of ${notice.paceMs} ms (${notice.reason}), so noise alone was sent`;
      case 'sessionLeft':
        return `Left a session (${notice.code}): ${notice.reason}`;
      case 'sessionClosed':
        return notice.outcome === 'failed'
          ? `Round ${notice.round} failed: ${notice.reason ?? 'no reason given'}`
          : null;
      case 'runEnded': {
        const reason = notice.reason === null ? '' : `: ${notice.reason}`;
        if (notice.plan === null) return `A run that this node had no part in has ${ended[notice.outcome]}${reason}`;
        const spent = booksLine === '' ? '' : `; ${booksLine}`;
        return `The run has ${ended[notice.outcome]}${reason}; model ${notice.modelHash.slice(0, 16)}${spent}`;
      }
      case 'scored': {
        const { rows, accuracy, accuracyInterval, auc, rootMeanSquaredError } = notice.score;
        const parts = [
          accuracy === null || accuracyInterval === null
            ? null
            : `accuracy ${accuracy.toFixed(3)} (95 %: ${accuracyInterval.low.toFixed(3)} to ${accuracyInterval.high.toFixed(3)})`,
          auc === null ? null : `AUC ${auc.toFixed(3)}`,
          rootMeanSquaredError === null ? null : `root mean squared error ${rootMeanSquaredError.toPrecision(4)}`,
        ].filter((part) => part !== null);
        return `On ${rows} own held-back rows (this stays here): ${parts.join(', ') || 'no rows to score'}`;
      }
      case 'stage':
      case 'ignored':
        return null;
    }
  };
}

const ended = { finished: 'finished', stopped: 'been stopped', failed: 'failed' } as const;

/** A plan in one paragraph. */
export function planWords(plan: Plan, planHash: string): string {
  const { query, rounds } = plan.training;
  const { minSurvivors } = plan.cohort;
  const sessions = sessionCount(plan) + plan.spareAttempts;
  return [
    `Offered: "${plan.name}" (plan ${planHash.slice(0, 16)})`,
    `  ${plan.purpose}`,
    `  It reads ${plan.schema.columns.length} columns of "${plan.schema.name}" (${inputWidth(plan.schema)} inputs, ${outputWidth(plan.schema.target)} outputs)`,
    `  in ${rounds} rounds of ${query.kind}, at most ${sessions} sums; ${plan.roster.clients.length} clients${
      plan.trust === 'grouped' ? ` in ${groupSizes(plan).length} groups` : ''
    }, at least ${minSurvivors} in every sum`,
    `  ${costWords(plan)}`,
    `  ${trustWords(plan)}`,
  ].join('\n');
}

function trustWords({ trust, cohort: { colluding } }: Plan): string {
  switch (trust) {
    case 'secure':
      return `Nobody sees a single contribution, and the promise holds even if ${colluding} of the others ${colluding === 1 ? 'works' : 'work'} with the coordinator`;
    case 'grouped':
      return `Nobody sees a single contribution, the coordinator sees the sum of each group, and the promise holds even if ${colluding} of the others of this client's group ${colluding === 1 ? 'works' : 'work'} with the coordinator`;
    case 'local':
      return 'The coordinator sees each contribution, with all of its noise added here; the promise holds whoever works together';
    case 'trusted':
      return 'THE COORDINATOR SEES EACH CONTRIBUTION';
  }
}

/** What computes, how quickly, and what became of the others, a line each. */
function engineWords({ engine, device, reason, rowsPerSecond, memoryBytes, trials }: EngineNotice): string {
  const memory = memoryBytes === null ? '' : `; the node takes ${Math.round(memoryBytes / 1e6)} MB`;
  const others = trials.filter(({ refused }) => refused !== null);
  const speed = rowsPerSecond === null ? '' : `, ${rowsPerSecond} rows a second`;
  return [
    `Training with ${engine} (${device}${speed}${memory}): ${reason}`,
    ...others.map(({ engine: other, refused, ms }) => {
      return `    not ${other}: ${refused}${ms === null ? '' : ` (${ms.toFixed(1)} ms)`}`;
    }),
  ].join('\n');
}

/** What a plan costs by its own statement: the ε that its signature covers, not what the books will show. */
function costWords({ privacy, unit, evaluation, report }: Plan): string {
  if (privacy.kind === 'none') return 'WITHOUT DIFFERENTIAL PRIVACY: the cost to privacy has no bound (ε = ∞)';
  const { epsilon, evaluationEpsilon, reportEpsilon, delta } = privacy;
  if (unit === 'client')
    return `This plan costs at most ε = ${epsilon} for all rows of this client together (δ = ${delta})`;
  const scored =
    evaluationEpsilon === undefined
      ? ''
      : ` and ε = ${evaluationEpsilon} for a ${evaluation?.part ?? 'validation'} record`;
  const reported =
    reportEpsilon === undefined ? '' : ` and ε = ${reportEpsilon} for a ${report?.part ?? 'test'} record`;
  return `This plan costs at most ε = ${epsilon} for a training record${scored}${reported} (δ = ${delta})`;
}
