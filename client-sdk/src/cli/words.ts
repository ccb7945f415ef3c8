import { inputWidth, outputWidth, sessionCount, type Plan } from '@sotto/shared/plan';
import type { DataReport } from '../data/index.ts';
import type { NodeNotice } from '../node-config.ts';

/** What was read of a table, in words. */
export function reportWords(file: string, report: DataReport): string {
  const left = report.rows - report.rowsKept;
  const rules = report.leftOut.map(({ rule, rows }) => `\n    ${rows} × ${rule}`).join('');
  return `${file}: ${report.units} units in ${report.rowsKept} rows take part${left === 0 ? '' : `, ${left} rows are left out:`}${rules}`;
}

/** Turns notices into lines for people; null for what only a program wants. Keeps what a later line needs. */
export function wordsOf(): (notice: NodeNotice) => string | null {
  let rounds = 0;
  return (notice) => {
    switch (notice.type) {
      case 'dataRead':
        return reportWords(notice.file, notice.report);
      case 'books':
        return `Data source ${notice.dataSource}: at most ε ${notice.epsilonSpent.toFixed(3)} of ${notice.epsilonBudget} spent so far`;
      case 'connecting':
        return `Connecting to ${notice.coordinator}`;
      case 'connected':
        return 'Connected';
      case 'disconnected':
        return 'Disconnected; trying again';
      case 'retrying':
        return `${notice.code}: ${notice.reason}`;
      case 'engine':
        return `Training with ${notice.engine}: ${notice.reason}`;
      case 'offered':
        return planWords(notice.plan, notice.planHash);
      case 'accepted':
        return 'Accepted: the plan is signed, the roster is vouched for, and the policy allows every line';
      case 'refused':
        return `Refused (${notice.code}): ${notice.reason}`;
      case 'sessionOpened':
        ({ rounds } = notice);
        return null;
      case 'charged': {
        const { round, attempt, epsilonAfter, epsilonBudget } = notice;
        const what = round > rounds ? 'final evaluation' : `round ${round} of ${rounds}`;
        return epsilonAfter === null || epsilonBudget === null
          ? `${what} (session ${attempt}): no differential privacy, nothing to charge`
          : `${what} (session ${attempt}): charged, at most ε ${epsilonAfter.toFixed(3)} of ${epsilonBudget} spent`;
      }
      case 'sessionLeft':
        return `Left a session (${notice.code}): ${notice.reason}`;
      case 'sessionClosed':
        return notice.outcome === 'failed'
          ? `Round ${notice.round} failed: ${notice.reason ?? 'no reason given'}`
          : null;
      case 'runEnded':
        return `The run ${notice.outcome}${notice.reason === null ? '' : `: ${notice.reason}`}; model ${notice.modelHash.slice(0, 16)}`;
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

/** A plan in one paragraph. */
export function planWords(plan: Plan, planHash: string): string {
  const { query } = plan.training;
  const privacy =
    plan.privacy.kind === 'none'
      ? 'WITHOUT differential privacy: ε is infinite'
      : `ε ${plan.privacy.epsilon} at δ ${plan.privacy.delta} for each ${plan.unit === 'record' ? 'record (patient)' : 'client'}` +
        (plan.privacy.evaluationEpsilon === undefined
          ? ''
          : `, ε ${plan.privacy.evaluationEpsilon} for each evaluation unit`);
  return [
    `Offered: "${plan.name}" (plan ${planHash.slice(0, 16)})`,
    `  ${plan.purpose}`,
    `  reads ${plan.schema.columns.length} columns of "${plan.schema.name}" into ${inputWidth(plan.schema)} inputs and ${outputWidth(plan.schema.target)} outputs`,
    `  ${query.kind}, ${plan.training.rounds} rounds, at most ${sessionCount(plan) + plan.spareAttempts} sessions, ${plan.roster.clients.length} clients, at least ${plan.cohort.minSurvivors} in a sum, up to ${plan.cohort.colluding} may collude`,
    `  ${privacy}; ${plan.trust === 'secure' ? 'nobody sees a single contribution' : 'THE COORDINATOR SEES EACH CONTRIBUTION'}`,
  ].join('\n');
}
