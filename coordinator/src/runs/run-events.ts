import { evaluationFigureSchema } from '@sotto/shared/protocol';
import { cohortMaxClients, sessionHeaderSchema } from '@sotto/shared/secure-sum';
import { z } from 'zod';
import { noiseLeftSchema } from './noise-left.ts';

/**
 * What a run has durably done. Events are appended to the store before their effects run, and a run's durable state is the
 * fold of its events, so a restart replays them. Append-only: a changed meaning is a new type.
 */
const at = z.number();
const hash = z.string().regex(/^[0-9a-f]{64}$/);

/** Bytes that the run's clients have sent and were sent so far; absent in events of before it was counted. */
const traffic = z.strictObject({ up: z.number(), down: z.number() }).optional();

export const runSubmittedSchema = z.strictObject({ type: z.literal('runSubmitted'), at, modelHash: hash });

const openedSession = {
  sessionId: hash,
  header: sessionHeaderSchema,
  cohort: z.array(z.string()).min(1).max(cohortMaxClients),
};

export const sessionOpenedSchema = z.strictObject({ type: z.literal('sessionOpened'), at, ...openedSession });

/** An attempt of several groups begins: a session for each of those that the round still lacks and that can open. */
export const groupsOpenedSchema = z.strictObject({
  type: z.literal('groupsOpened'),
  at,
  sessions: z.array(z.strictObject(openedSession)).min(1),
});

/** The first upload of the attempt arrived: its slots are charged, whatever becomes of it. A client is in one group of it. */
export const sessionChargedSchema = z.strictObject({ type: z.literal('sessionCharged'), at, attempt: z.int() });

/** The sum of one group was released. The round's release follows when there are enough of them. */
export const groupReleasedSchema = z.strictObject({
  type: z.literal('groupReleased'),
  at,
  round: z.int(),
  attempt: z.int(),
  group: z.int(),
  survivors: z.array(z.string()),
  /** SHA-256 of the noisy sum's bytes, the name of its blob. */
  sumHash: hash,
  /** Why the sum cannot be that of honest clients. */
  alarm: z.string().nullable(),
  traffic,
});

export const releasedSchema = z.strictObject({
  type: z.literal('released'),
  at,
  round: z.int(),
  attempt: z.int(),
  survivors: z.array(z.string()),
  noise: noiseLeftSchema.optional(),
  /** The groups whose sums were added up; absent where the round had one session. */
  groups: z.array(z.int()).optional(),
  /** Hash of the published model after the release. */
  modelHash: hash,
  /** The bound that clients clip to from here on; absent where the plan fixes it. */
  clipNormL2: z.number().positive().optional(),
  /** L2 norm of the released mean; null for a session without training. */
  releaseNorm: z.number().nullable(),
  evaluation: evaluationFigureSchema.nullable(),
  /** Why the sum cannot be that of honest clients; absent in events of before it was judged. */
  alarm: z.string().nullable().optional(),
  /** Why the run ends by what its survey found; absent where it goes on. */
  stop: z.string().optional(),
  traffic,
});

export const sessionFailedSchema = z.strictObject({
  type: z.literal('sessionFailed'),
  at,
  attempt: z.int(),
  /** Which of the attempt's sessions; absent where it had one. */
  group: z.int().optional(),
  code: z.string(),
  /** For the operator: it may quote what clients said when they left. */
  reason: z.string(),
  /** What the clients are told; the reason where it is absent. */
  told: z.string().optional(),
  culprits: z.array(z.string()),
  /** Whether a client may have charged the attempt; then it counts against the plan's sessions. */
  mayBeCharged: z.boolean(),
  traffic,
});

export const pausedSchema = z.strictObject({ type: z.literal('paused'), at });
export const resumedSchema = z.strictObject({ type: z.literal('resumed'), at });
export const stoppedSchema = z.strictObject({ type: z.literal('stopped'), at, reason: z.string(), traffic });
export const finishedSchema = z.strictObject({
  type: z.literal('finished'),
  at,
  outcome: z.enum(['finished', 'failed']),
  reason: z.string().nullable(),
  traffic,
});

export const runEventSchema = z.discriminatedUnion('type', [
  runSubmittedSchema,
  sessionOpenedSchema,
  groupsOpenedSchema,
  sessionChargedSchema,
  groupReleasedSchema,
  releasedSchema,
  sessionFailedSchema,
  pausedSchema,
  resumedSchema,
  stoppedSchema,
  finishedSchema,
]);
export type RunEvent = z.infer<typeof runEventSchema>;
export type ReleasedEvent = z.infer<typeof releasedSchema>;
export type GroupReleasedEvent = z.infer<typeof groupReleasedSchema>;
export type SessionOpenedEvent = z.infer<typeof sessionOpenedSchema>;
export type GroupsOpenedEvent = z.infer<typeof groupsOpenedSchema>;
