import { sha256 } from '../crypto/index.ts';
import {
  cohortMaxClients,
  colludersTolerated,
  completeGraphMaxClients,
  dropsTolerated,
  thresholdFor,
} from '../secure-sum/index.ts';
import { fromHex, toHex } from '../vector/index.ts';
import type { PlanReport } from './plan-finding.ts';
import type { Plan } from './plan-schema.ts';

/** What the number of clients means for the secure sum. soundness.md §5. */
export type Thresholds = {
  readonly clients: number;
  /** ⌊2n/3⌋ + 1: clients that have to stay until the end of a session. Of up to 200 as many shares open a secret. */
  readonly threshold: number;
  /** Clients that may drop out of a session without failing it: n - max(t, minSurvivors); of more than 200 a tenth at most. */
  readonly dropsTolerated: number;
  /** Most colluding clients that the cryptography and two honest survivors bear: min(2t - n - 1, minSurvivors - 2); n/10 above 200. */
  readonly colludingMax: number;
};

/** Fewest clients of a secure sum: with two, each knows the other's contribution. */
const secureClientsMin = 3;

/** The thresholds of a secure plan; null in `local` and `trusted` mode, where nothing is shared. */
export function thresholdsOf(plan: Plan): Thresholds | null {
  if (plan.trust !== 'secure') return null;
  const clients = plan.roster.clients.length;
  const threshold = thresholdFor(clients);
  const { minSurvivors } = plan.cohort;
  return {
    clients,
    threshold,
    dropsTolerated: Math.min(clients - minSurvivors, dropsTolerated(clients)),
    colludingMax: Math.max(0, Math.min(colludersTolerated(clients), minSurvivors - 2)),
  };
}

/** Roster: each id is that of its identity key, sorted, nobody twice. */
export function checkRoster(plan: Plan, report: PlanReport): void {
  const { clients } = plan.roster;
  clients.forEach(({ client, identity, name }, index) => {
    const path = `plan.roster.clients[${index}]`;
    // The rule of `clientIdOf` in `protocol`, which stands above this folder.
    const expected = toHex(sha256(fromHex(identity))).slice(0, 40);
    if (client !== expected) {
      report.problems.push({
        path: `${path}.client`,
        problem: `${name}: the id is ${client}, the identity key says ${expected}`,
        cure: 'Take id and identity from the client’s own certificate.',
      });
    }
    const before = clients[index - 1];
    if (before !== undefined && before.client >= client) {
      report.problems.push({
        path: `${path}.client`,
        problem:
          before.client === client ? `${client} is in the roster twice` : `${client} comes after ${before.client}`,
        cure: 'List every client once, sorted by id.',
      });
    }
  });
}

/** Cohort: the numbers on which the secure sum's and the noise's promises rest. soundness.md §5, §7.3. */
export function checkCohort(plan: Plan, report: PlanReport): void {
  const clients = plan.roster.clients.length;
  const { minSurvivors, colluding } = plan.cohort;
  const problem = (field: string, problem: string, cure: string): void => {
    report.problems.push({ path: `plan.${field}`, problem, cure });
  };
  if (minSurvivors > clients) {
    problem(
      'cohort.minSurvivors',
      `${minSurvivors} survivors are asked for, the roster has ${clients} clients`,
      `Lower it to at most ${clients}.`,
    );
  }
  const thresholds = thresholdsOf(plan);
  if (plan.cohort.noise === 'removable' && (plan.trust !== 'secure' || plan.privacy.kind === 'none')) {
    report.warnings.push({
      path: 'plan.cohort.noise',
      problem: `there is no noise to take out in ${plan.trust} mode with privacy ${plan.privacy.kind}: only clients that share it out add more than is needed`,
      cure: 'Leave it away.',
    });
  }
  if (plan.trust === 'local' && plan.privacy.kind === 'none') {
    problem(
      'trust',
      'local mode shows the coordinator each contribution behind its own noise, and privacy none adds no noise',
      'Set privacy to dp, or trust to trusted if the coordinator may see everything.',
    );
  }
  if (thresholds === null) {
    if (plan.privacy.kind === 'dp' && colluding > 0) {
      report.warnings.push({
        path: 'plan.cohort.colluding',
        problem: `${colluding} colluding clients mean nothing in ${plan.trust} mode, where ${
          plan.trust === 'local' ? 'each client adds all of its noise itself' : 'the coordinator adds all the noise'
        }`,
        cure: 'Set it to 0.',
      });
    }
    return;
  }
  if (clients < secureClientsMin || clients > cohortMaxClients) {
    problem(
      'roster.clients',
      `a secure sum needs ${secureClientsMin} to ${cohortMaxClients} clients, the roster has ${clients}`,
      clients < secureClientsMin
        ? 'Add clients, or set trust to local or trusted.'
        : 'Split the federation into several runs.',
    );
    return;
  }
  const survivorsMin = Math.max(thresholds.threshold, colluding + 2);
  if (minSurvivors < survivorsMin) {
    problem(
      'cohort.minSurvivors',
      `${minSurvivors} is below ${survivorsMin} = max(threshold ${thresholds.threshold}, colluding ${colluding} + 2)`,
      `Raise it to at least ${survivorsMin}${survivorsMin > clients ? ', which needs more clients or fewer colluding' : ''}.`,
    );
  }
  const colludingMax = colludersTolerated(clients);
  if (colluding > colludingMax) {
    problem(
      'cohort.colluding',
      `${colluding} colluding clients could open others' secrets: with ${clients} clients and threshold ${thresholds.threshold} at most ${colludingMax} are borne`,
      `Lower it to at most ${colludingMax}, or add clients.`,
    );
  }
  // Whoever does not come lowers n, and with it a tenth of n.
  const surely = colludersTolerated(Math.max(minSurvivors, completeGraphMaxClients + 1));
  if (clients > completeGraphMaxClients && colluding > surely && colluding <= colludingMax) {
    report.warnings.push({
      path: 'plan.cohort.colluding',
      problem: `a session of more than ${completeGraphMaxClients} clients bears a tenth of them: one of fewer than ${10 * colluding} fails before anything is shared`,
      cure: `Lower it to ${surely} to be safe from that.`,
    });
  }
  if (plan.privacy.kind === 'dp' && colluding < 1) {
    problem(
      'cohort.colluding',
      'every client sees the model and knows its own noise, so at least 1 has to be assumed to collude, the plan has 0',
      'Set it to 1 or more.',
    );
  }
}
