import { z } from 'zod';
import { deviceFactsSchema } from './control.ts';

/** A proportion or mean with its 95 % interval; `noiseHalfWidth` is the part of the interval that is DP noise. */
export const figureSchema = z.strictObject({
  value: z.number(),
  low: z.number(),
  high: z.number(),
  noiseHalfWidth: z.number().min(0),
});
export type Figure = z.infer<typeof figureSchema>;

export const runStateSchema = z.enum(['waiting', 'running', 'paused', 'finished', 'stopped', 'failed']);
export const stageSchema = z.enum(['idle', 'advertise', 'share', 'upload', 'agree', 'unmask', 'release']);

/** A client as the run's page shows it. */
export const runClientSchema = z.strictObject({
  client: z.string(),
  name: z.string(),
  connected: z.boolean(),
  /** Where it stands in the run: has it accepted the plan, and has it answered the current stage? */
  state: z.enum(['absent', 'offered', 'refused', 'ready', 'inSession', 'lost']),
  /** Has its message for the current stage arrived? False outside a session. */
  answered: z.boolean(),
  /** Why it refused or was lost last; null otherwise. */
  reason: z.string().nullable(),
  sessionsSurvived: z.int(),
  /** What it computes with; absent where it did not tell since the coordinator started. */
  device: deviceFactsSchema.optional(),
});

/** How a model does on some units. */
export const evaluationSetSchema = z.strictObject({
  /** Noisy number of units. */
  units: z.number(),
  accuracy: figureSchema.nullable(),
  loss: figureSchema.nullable(),
  /** Why a figure is withheld. */
  withheld: z.string().nullable(),
});
export type EvaluationSet = z.infer<typeof evaluationSetSchema>;

/** One evaluation release, concluded: on the part that the plan names, of clients that train. */
export const evaluationFigureSchema = evaluationSetSchema.extend({
  round: z.int(),
  part: z.enum(['validation', 'test']),
  /** On the units that train; absent where the plan does not ask. */
  fit: evaluationSetSchema.optional(),
  /** On clients that train nothing; absent where the plan holds out nobody. */
  unseen: evaluationSetSchema.optional(),
});

/** Everything about a run that may be shown: derived from the plan, the events and the releases. */
export const runStatusSchema = z.strictObject({
  runId: z.string(),
  name: z.string(),
  purpose: z.string(),
  planHash: z.string(),
  state: runStateSchema,
  reason: z.string().nullable(),
  trust: z.enum(['secure', 'grouped', 'local', 'trusted']),
  unit: z.enum(['record', 'client']),
  minSurvivors: z.int(),
  colluding: z.int(),
  round: z.int(),
  rounds: z.int(),
  /** Sessions opened so far, failed ones included. */
  attempt: z.int(),
  failedAttempts: z.int(),
  /** With several groups, that of the one which is furthest behind. */
  stage: stageSchema,
  /** The round's groups; absent where the cohort is one. */
  groups: z
    .strictObject({
      total: z.int(),
      /** Groups that the round needs. */
      needed: z.int(),
      /** Groups whose sums are being made. */
      open: z.int(),
      /** Groups whose sums of this round were released. */
      released: z.int(),
    })
    .optional(),
  /** Deadline of the current stage; null where nothing is waited for. */
  stageEndsAt: z.string().nullable(),
  clients: z.array(runClientSchema),
  privacy: z.strictObject({
    kind: z.enum(['dp', 'none']),
    delta: z.number().nullable(),
    /** ε of all slots of the plan at their floors: the guarantee. */
    epsilon: z.number().nullable(),
    /** At most so far; never the guarantee. */
    epsilonSoFar: z.number().nullable(),
    evaluationEpsilon: z.number().nullable(),
    evaluationEpsilonSoFar: z.number().nullable(),
    /** Of the report's part; absent without a report. */
    reportEpsilon: z.number().nullable().optional(),
    reportEpsilonSoFar: z.number().nullable().optional(),
  }),
  evaluations: z.array(evaluationFigureSchema),
  /** Where the plan stops early: the round whose evaluation was the best so far, and the one in which training stopped. */
  earlyStopping: z.strictObject({ bestRound: z.int().nullable(), stoppedIn: z.int().nullable() }).optional(),
  /** Recent rounds, oldest first, for the timeline. */
  recentRounds: z.array(
    z.strictObject({
      round: z.int(),
      attempt: z.int(),
      outcome: z.enum(['released', 'failed']),
      reason: z.string().nullable(),
      survivors: z.int(),
      cohort: z.int(),
      seconds: z.number(),
      /** L2 norm of the released mean. */
      releaseNorm: z.number().nullable(),
    }),
  ),
  /** Releases that cannot be the sum of honest clients' contributions, and why; the newest ones, oldest first. */
  alarms: z.array(z.strictObject({ round: z.int(), attempt: z.int(), reason: z.string() })),
  bytesUp: z.int(),
  bytesDown: z.int(),
  secondsPerRound: z.number().nullable(),
  secondsLeft: z.number().nullable(),
  modelHash: z.string(),
  startedAt: z.string(),
  endedAt: z.string().nullable(),
});
export type RunStatus = z.infer<typeof runStatusSchema>;

/** Answer to `GET /v1/runs`: every run that the asker may see, newest first. */
export const runListSchema = z.strictObject({ runs: z.array(runStatusSchema) });
export type RunList = z.infer<typeof runListSchema>;
