import { trainingClients } from './held-out.ts';
import type { PlanReport } from './plan-finding.ts';
import type { Plan } from './plan-schema.ts';

/**
 * Clients that are held out: of the roster, named once, with an evaluation or a report to read them.
 *
 * They add their noise like everybody, so with differential privacy every promise holds however few others train. Without noise
 * a sum hides a client among the others in it alone: then so many of either kind must be left whoever drops that, beside those that
 * collude, two are unknown.
 */
export function checkHeldOut(plan: Plan, report: PlanReport): void {
  const { heldOut, roster, cohort, training, trust } = plan;
  if (heldOut === undefined) return;
  const problem = (path: string, problem: string, cure: string): void => {
    report.problems.push({ path, problem, cure });
  };
  const known = new Set(roster.clients.map(({ client }) => client));
  heldOut.forEach((client, index) => {
    if (!known.has(client)) {
      problem(`plan.heldOut[${index}]`, `${client} is not in the roster`, 'List it in the roster, or take it out.');
    }
    const before = heldOut[index - 1];
    if (before !== undefined && before >= client) {
      problem(
        `plan.heldOut[${index}]`,
        before === client ? `${client} is held out twice` : `${client} comes after ${before}`,
        'List every client once, sorted by id.',
      );
    }
  });
  const trains = trainingClients(plan);
  if (trains < 1) problem('plan.heldOut', 'every client is held out: nobody trains', 'Leave some to train.');
  if (plan.evaluation === null && plan.report === undefined) {
    problem('plan.heldOut', 'nothing reads the clients that are held out', 'Plan an evaluation or a report.');
  }
  const { query } = training;
  if (query.kind === 'update' && query.sampling?.kind === 'banded') {
    problem(
      'plan.training.query.sampling',
      'banded: whose turn it is goes by the place in the roster, and clients that are held out have none',
      'Leave sampling out, or hold nobody out.',
    );
  }
  if (plan.privacy.kind === 'none' && trust === 'grouped') {
    problem(
      'plan.heldOut',
      'without noise the sum of a group could be that of the one client in it that trains, or that does not',
      'Set trust to secure or privacy to dp, or hold nobody out.',
    );
  }
  const missing = roster.clients.length - cohort.minSurvivors;
  const least = cohort.colluding + 2;
  const kinds = [
    ['trains', trains],
    ['is held out', heldOut.length],
  ] as const;
  for (const [kind, count] of kinds) {
    if (plan.privacy.kind !== 'none' || trust !== 'secure' || count - missing >= least) continue;
    problem(
      'plan.heldOut',
      `${count} clients of which each ${kind}, and ${missing} of all may be missing: without noise a sum could be that of fewer than ${least} of them`,
      'Raise cohort.minSurvivors, hold out others, or set privacy to dp.',
    );
  }
}
