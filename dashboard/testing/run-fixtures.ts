import { runStatusSchema } from '@sotto/shared/protocol';
import type { Evaluation, RecentRound, RunClient, RunStatus } from '../lib/run-types.ts';

/** Statuses as a coordinator sends them, for the tests and pictures of the page. Everything is computed from fixed numbers. */

const started = Date.UTC(2026, 2, 4, 14, 28, 46);

function client(index: number, name: string, change: Partial<RunClient> = {}): RunClient {
  return {
    client: (index * 2654435761 + 1234567).toString(16).padStart(10, '7').repeat(4).slice(0, 40),
    name,
    connected: true,
    state: 'inSession',
    reason: null,
    answered: false,
    sessionsSurvived: 61,
    ...change,
  };
}

/** A wave in [−1, 1] that looks like measurement noise and is the same every time. */
function wobble(step: number): number {
  return (Math.sin(step * 12.9898) + Math.sin(step * 4.1414)) / 2;
}

function recentRounds(count: number, cohort: number, seconds: number): RecentRound[] {
  return Array.from({ length: count }, (_, index) => ({
    round: index + 1,
    attempt: index + 1,
    outcome: 'released',
    reason: null,
    survivors: cohort,
    cohort,
    seconds: seconds * (1 + 0.22 * wobble(index + 1)),
    releaseNorm: 0.4 + 2 / (index + 3) + 0.05 * wobble(index),
  }));
}

function evaluation(round: number, accuracy: number, units: number, noise: number): Evaluation {
  const sampling = 1.96 * Math.sqrt((accuracy * (1 - accuracy)) / units);
  const half = Math.hypot(sampling, noise);
  const figure = (value: number, halfWidth: number) => ({
    value,
    low: Math.max(0, value - halfWidth),
    high: Math.min(1, value + halfWidth),
    noiseHalfWidth: noise,
  });
  return {
    round,
    part: 'validation',
    units,
    accuracy: figure(accuracy, half),
    loss: figure(1.1 - accuracy, half),
    withheld: null,
  };
}

/** Four hospitals in round 62 of 100, one of them still uploading. */
export function hospitals(): RunStatus {
  const rounds = recentRounds(61, 4, 1.9);
  const kept = rounds[40];
  if (kept)
    Object.assign(kept, { survivors: 3, seconds: 6.8, reason: 'Long Beach lost at upload: no answer within 30 s' });
  return runStatusSchema.parse({
    runId: '3f0a91c2d47b5e6680aa15c09d2e7b41',
    name: 'Heart disease',
    purpose: 'Logistic regression for the presence of heart disease, four hospitals.',
    planHash: '7c1e90ab52d4f6037c1e90ab52d4f6037c1e90ab52d4f6037c1e90ab52d4f603',
    state: 'running',
    reason: null,
    trust: 'secure',
    unit: 'record',
    minSurvivors: 3,
    colluding: 1,
    round: 62,
    rounds: 100,
    attempt: 62,
    failedAttempts: 0,
    stage: 'upload',
    stageEndsAt: new Date(Date.now() + 21_000).toISOString(),
    clients: [
      client(1, 'Cleveland', { answered: true }),
      client(2, 'Budapest', { answered: true }),
      client(3, 'Zürich & Basel'),
      client(4, 'Long Beach', { answered: true, sessionsSurvived: 60, reason: 'no upload within 30 s' }),
    ],
    privacy: {
      kind: 'dp',
      delta: 1e-5,
      epsilon: 1,
      epsilonSoFar: 0.79,
      evaluationEpsilon: 0.5,
      evaluationEpsilonSoFar: 0.36,
    },
    evaluations: [1, 11, 21, 31, 41, 51, 61].map((round, index) =>
      evaluation(round, 0.5 + 0.3 * (1 - Math.exp(-index / 1.7)) + 0.012 * wobble(index), 112, 0.071),
    ),
    recentRounds: rounds,
    alarms: [],
    bytesUp: 7_120_000,
    bytesDown: 5_900_000,
    secondsPerRound: 1.9,
    secondsLeft: 74,
    modelHash: 'b1946ac92492d2347c6235b4d2611184b1946ac92492d2347c6235b4d2611184',
    startedAt: new Date(started).toISOString(),
    endedAt: null,
  });
}

/** Ten clients of the digits, long under way: lost and absent clients, failed sessions, one withheld figure. */
export function digits(): RunStatus {
  const rounds = recentRounds(140, 10, 0.31).slice(-90);
  const lost = rounds[30];
  if (lost) Object.assign(lost, { survivors: 8, seconds: 0.92 });
  const failed = rounds[62];
  if (failed) {
    Object.assign(failed, {
      outcome: 'failed',
      survivors: 5,
      seconds: 1.4,
      releaseNorm: null,
      reason: '5 clients uploaded, 7 at least are needed',
    });
  }
  const evaluations = [1, 21, 41, 61, 81, 101, 121].map((round, index) =>
    evaluation(round, 0.12 + 0.8 * (1 - Math.exp(-index / 1.5)), 268, 0.022),
  );
  const first = evaluations[0];
  if (first)
    Object.assign(first, {
      accuracy: null,
      loss: null,
      withheld: 'privacy noise (± 0.21) is larger than what it could show',
    });
  const names = ['Ada', 'Bern', 'Cai', 'Dana', 'Eli', 'Finn', 'Gita', 'Hugo', 'Ines', 'Jon'];
  return runStatusSchema.parse({
    ...hospitals(),
    runId: '91d2f0c4a6b85e7730bb25d19e3f8c52',
    name: 'Handwritten digits',
    purpose: 'Ten owners of skewed digits train one network that none of them could train alone.',
    planHash: '2b84d0e791f3a6c52b84d0e791f3a6c52b84d0e791f3a6c52b84d0e791f3a6c5',
    minSurvivors: 7,
    round: 141,
    rounds: 240,
    attempt: 143,
    failedAttempts: 2,
    stage: 'share',
    stageEndsAt: new Date(Date.now() + 9_000).toISOString(),
    clients: names.map((name, index) => {
      if (index === 3)
        return client(index + 10, name, { connected: false, state: 'absent', reason: 'not connected since 14:29:40' });
      if (index === 6) return client(index + 10, name, { state: 'lost', reason: 'no keys within 30 s' });
      if (index === 8) {
        return client(index + 10, name, {
          state: 'refused',
          reason: 'policy line maxEpsilon: allowed 2, planned 3',
          sessionsSurvived: 0,
        });
      }
      return client(index + 10, name, { answered: index % 3 !== 0, sessionsSurvived: 139 - index });
    }),
    privacy: {
      kind: 'dp',
      delta: 1e-5,
      epsilon: 3,
      epsilonSoFar: 2.31,
      evaluationEpsilon: 1,
      evaluationEpsilonSoFar: 0.74,
    },
    evaluations,
    recentRounds: rounds,
    alarms: [],
    bytesUp: 48_200_000,
    bytesDown: 61_900_000,
    secondsPerRound: 0.31,
    secondsLeft: 31,
    startedAt: new Date(started + 60_000).toISOString(),
  });
}

/** A plan is accepted, and nobody has connected. */
export function nobody(): RunStatus {
  const status = hospitals();
  return runStatusSchema.parse({
    ...status,
    state: 'waiting',
    round: 1,
    attempt: 0,
    stage: 'idle',
    stageEndsAt: null,
    clients: status.clients.map((one) => ({
      ...one,
      connected: false,
      state: 'absent',
      reason: null,
      answered: false,
      sessionsSurvived: 0,
    })),
    privacy: { ...status.privacy, epsilonSoFar: 0, evaluationEpsilonSoFar: 0 },
    evaluations: [],
    recentRounds: [],
    alarms: [],
    bytesUp: 0,
    bytesDown: 0,
    secondsPerRound: null,
    secondsLeft: null,
  });
}

export function finished(): RunStatus {
  const status = hospitals();
  return runStatusSchema.parse({
    ...status,
    state: 'finished',
    round: 100,
    attempt: 101,
    failedAttempts: 1,
    stage: 'idle',
    stageEndsAt: null,
    clients: status.clients.map((one) => ({ ...one, state: 'ready', answered: false, sessionsSurvived: 100 })),
    privacy: { ...status.privacy, epsilonSoFar: 1, evaluationEpsilonSoFar: 0.5 },
    recentRounds: recentRounds(101, 4, 1.9),
    alarms: [],
    evaluations: [...status.evaluations, evaluation(101, 0.804, 112, 0.071)],
    secondsLeft: 0,
    endedAt: new Date(started + 190_000).toISOString(),
  });
}

export function failed(): RunStatus {
  const status = hospitals();
  return runStatusSchema.parse({
    ...status,
    state: 'failed',
    reason:
      'TOO_FEW_SURVIVORS: session 64 of round 62: 2 clients answered stage unmask, 3 at least are needed; no spare attempt is left.',
    attempt: 64,
    failedAttempts: 3,
    stage: 'idle',
    stageEndsAt: null,
    endedAt: new Date(started + 160_000).toISOString(),
  });
}

/** Trusted mode without privacy: what the page must say plainly. */
export function unprotected(): RunStatus {
  const status = hospitals();
  return runStatusSchema.parse({
    ...status,
    trust: 'trusted',
    colluding: 0,
    minSurvivors: 1,
    privacy: {
      kind: 'none',
      delta: null,
      epsilon: null,
      epsilonSoFar: null,
      evaluationEpsilon: null,
      evaluationEpsilonSoFar: null,
    },
    evaluations: status.evaluations.map((one) => ({
      ...one,
      accuracy: one.accuracy && { ...one.accuracy, noiseHalfWidth: 0 },
    })),
  });
}

/** The same run one step later: who is waited for answers, then the stage moves on, then the round. */
export function advanced(status: RunStatus): RunStatus {
  const missing = status.clients.find((one) => one.state === 'inSession' && !one.answered);
  if (missing && status.stage !== 'release') {
    return { ...status, clients: status.clients.map((one) => (one === missing ? { ...one, answered: true } : one)) };
  }
  const stages = ['advertise', 'share', 'upload', 'agree', 'unmask', 'release'] as const;
  const next = stages[stages.findIndex((stage) => stage === status.stage) + 1];
  const clients = status.clients.map((one) => ({ ...one, answered: false }));
  if (next !== undefined) return { ...status, clients, stage: next };
  const cohort = clients.filter((one) => one.state === 'inSession').length;
  const released: RecentRound = {
    round: status.round,
    attempt: status.attempt,
    outcome: 'released',
    reason: null,
    survivors: cohort,
    cohort,
    seconds: status.secondsPerRound ?? 1,
    releaseNorm: 0.5,
  };
  return {
    ...status,
    clients,
    stage: 'advertise',
    round: status.round + 1,
    attempt: status.attempt + 1,
    recentRounds: [...status.recentRounds, released],
  };
}
