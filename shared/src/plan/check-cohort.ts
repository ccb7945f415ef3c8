import { sha256 } from '../crypto/index.ts';
import {
  cohortMaxClients,
  colludersTolerated,
  completeGraphMaxClients,
  dropsTolerated,
  thresholdFor,
} from '../secure-sum/index.ts';
import { fromHex, toHex } from '../vector/index.ts';
import { groupSizes, isSummedSecretly } from './groups.ts';
import type { PlanReport } from './plan-finding.ts';
import type { Plan } from './plan-schema.ts';

/** What the number of clients means for the secure sum; of several groups each number is the worst one's. soundness.md §5. */
export type Thresholds = {
  /** Clients of a sum: of the smallest group. */
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

/**
 * The thresholds of a plan; null in `local` and `trusted` mode, where nothing is shared.
 * @throws {PLAN_INVALID} in `grouped` mode without `cohort.groups`.
 */
export function thresholdsOf(plan: Plan): Thresholds | null {
  if (!isSummedSecretly(plan)) return null;
  const sizes = groupSizes(plan);
  const { minSurvivors } = plan.cohort;
  return {
    clients: Math.min(...sizes),
    threshold: Math.max(...sizes.map(thresholdFor)),
    dropsTolerated: Math.min(...sizes.map((size) => Math.min(size - minSurvivors, dropsTolerated(size)))),
    colludingMax: Math.max(0, Math.min(...sizes.map(colludersTolerated), minSurvivors - 2)),
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

/** Groups: there where the mode asks for them, and more than one. @returns whether the numbers of each group can be looked at. */
function checkGroups(plan: Plan, report: PlanReport): boolean {
  const clients = plan.roster.clients.length;
  const { groups } = plan.cohort;
  const problem = (field: string, problem: string, cure: string): false => {
    report.problems.push({ path: `plan.${field}`, problem, cure });
    return false;
  };
  if (plan.trust !== 'grouped') {
    if (groups !== undefined) {
      return problem(
        'cohort.groups',
        `groups are planned, and trust ${plan.trust}, which has none`,
        'Take it out, or set trust to grouped.',
      );
    }
    if (clients > cohortMaxClients) {
      return problem(
        'roster.clients',
        `one cohort has at most ${cohortMaxClients} clients, the roster has ${clients}`,
        'Set trust to grouped, or split the federation into several runs.',
      );
    }
    return true;
  }
  if (groups === undefined) {
    return problem('cohort.groups', 'grouped mode needs the size of its groups', 'Set cohort.groups.size.');
  }
  const { length: count } = groupSizes(plan);
  if (count < 2) {
    return problem(
      'cohort.groups.size',
      `${clients} clients make one group of ${groups.size}`,
      `Lower it to at most ${Math.floor(clients / 2)}, or set trust to secure.`,
    );
  }
  if (groups.minGroups !== undefined && groups.minGroups > count) {
    return problem(
      'cohort.groups.minGroups',
      `a round needs ${groups.minGroups} groups, ${clients} clients make ${count}`,
      `Lower it to at most ${count}.`,
    );
  }
  const { query } = plan.training;
  if (query.kind === 'update' && query.sampling?.kind === 'banded') {
    return problem(
      'training.query.sampling',
      'banded updates go on from one round to the next, and a group may miss a round',
      'Set trust to secure, or leave sampling out.',
    );
  }
  return true;
}

/** Cohort: the numbers on which the secure sum's and the noise's promises rest. soundness.md §5, §7.3. */
export function checkCohort(plan: Plan, report: PlanReport): void {
  const { minSurvivors, colluding } = plan.cohort;
  const problem = (field: string, problem: string, cure: string): void => {
    report.problems.push({ path: `plan.${field}`, problem, cure });
  };
  if (!checkGroups(plan, report)) return;
  // Of each sum: in `grouped` mode every number has to hold in the smallest group.
  const clients = Math.min(...groupSizes(plan));
  const cohort = plan.trust === 'grouped' ? 'the smallest group' : 'the roster';
  if (minSurvivors > clients) {
    problem(
      'cohort.minSurvivors',
      `${minSurvivors} survivors are asked for, ${cohort} has ${clients} clients`,
      `Lower it to at most ${clients}.`,
    );
  }
  const thresholds = thresholdsOf(plan);
  if (plan.cohort.noise === 'removable' && (plan.trust !== 'secure' || plan.privacy.kind === 'none')) {
    report.warnings.push({
      path: 'plan.cohort.noise',
      problem:
        plan.trust === 'grouped'
          ? 'the sums of groups keep all of their noise'
          : `there is no noise to take out in ${plan.trust} mode with privacy ${plan.privacy.kind}: only clients that share it out add more than is needed`,
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
        : 'Set trust to grouped, or split the federation into several runs.',
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
  const colludingMax = Math.min(...groupSizes(plan).map(colludersTolerated));
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
