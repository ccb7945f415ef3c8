import { z } from 'zod';
import {
  advertiseSchema,
  agreeRequestSchema,
  agreeSchema,
  confirmSchema,
  inboxSchema,
  rosterSchema,
  sessionHeaderSchema,
  shareSchema,
  unmaskRequestSchema,
  unmaskSchema,
} from '../secure-sum/messages.ts';
import { cohortMaxClients } from '../secure-sum/parameters.ts';
import { certificateSchema } from './identity.ts';

/**
 * Control messages between the coordinator and one client, over socket.io (or the simulator's network). Every client message
 * travels in an envelope with an idempotency key and is answered; a repeated key gets the recorded answer.
 * Models, plans and vectors travel over HTTP (`http.ts`).
 */
const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`));

/** Coordinator → client: a run for which the client is on the roster. */
export const runOfferSchema = z.strictObject({
  type: z.literal('runOffer'),
  runId: hex(16),
  /** Blob with the canonical JSON of the signed plan. */
  signedPlanBlob: hex(32),
  planHash: hex(32),
  /** Certificates of the plan's roster; checked once per plan hash. */
  certificates: z.array(certificateSchema).max(cohortMaxClients),
});

/** Coordinator → client: a session begins. The model's float32 bytes are the blob `header.modelHash`. */
export const sessionOpenSchema = z.strictObject({
  type: z.literal('sessionOpen'),
  sessionId: hex(32),
  header: sessionHeaderSchema,
  /**
   * The newest attempt of this plan from which the coordinator has an upload of this client; 0 for none. A client whose own mark
   * lies below it works with books that were put back to an earlier time (soundness.md §5).
   */
  answered: z.int().min(0).max(10_000_000),
});

/** Coordinator → client: a session ended. */
export const sessionClosedSchema = z.strictObject({
  type: z.literal('sessionClosed'),
  sessionId: hex(32),
  outcome: z.enum(['released', 'failed']),
  code: z.string().max(60).nullable(),
  reason: z.string().max(1_000).nullable(),
});

/** Coordinator → client: the run is over. */
export const runEndedSchema = z.strictObject({
  type: z.literal('runEnded'),
  runId: hex(16),
  outcome: z.enum(['finished', 'stopped', 'failed']),
  modelHash: hex(32),
  reason: z.string().max(1_000).nullable(),
});

export const serverMessageSchema = z.discriminatedUnion('type', [
  runOfferSchema,
  sessionOpenSchema,
  sessionClosedSchema,
  runEndedSchema,
  rosterSchema,
  inboxSchema,
  agreeRequestSchema,
  unmaskRequestSchema,
]);
export type ServerMessage = z.infer<typeof serverMessageSchema>;

/** Client → coordinator: takes part in the run from now on. */
export const runAcceptSchema = z.strictObject({ type: z.literal('runAccept'), runId: hex(16) });

/** Client → coordinator: does not take part, and which line of which policy says so. */
export const runRefuseSchema = z.strictObject({
  type: z.literal('runRefuse'),
  runId: hex(16),
  code: z.string().max(60),
  reason: z.string().max(1_000),
});

/** Client → coordinator: leaves one session (a check failed, or its own budget would be passed). Never says anything of data. */
export const sessionLeaveSchema = z.strictObject({
  type: z.literal('sessionLeave'),
  sessionId: hex(32),
  code: z.string().max(60),
  reason: z.string().max(1_000),
});

/**
 * What a client computes with. Nothing in it follows from data: the speed is that of the trial on made-up rows, never of real
 * work, and the memory is what the machine has, never what the process takes.
 */
export const deviceFactsSchema = z.strictObject({
  engine: z.string().min(1).max(60),
  device: z.enum(['gpu', 'cpu']),
  /** Rows a second in the trial, to two significant digits; null where there was none. */
  rowsPerSecond: z.int().min(0).nullable(),
  /** Memory of the machine in whole GB (2^30 bytes); null where it is not known, as in browsers. */
  memoryGb: z.int().min(0).max(1_000_000).nullable(),
});
export type DeviceFacts = z.infer<typeof deviceFactsSchema>;

/** Client → coordinator: what it computes this run with. Sent only where its owner's policy says `tellDevice`, once a run. */
export const deviceSchema = deviceFactsSchema.extend({ type: z.literal('device'), runId: hex(16) });

export const clientMessageSchema = z.discriminatedUnion('type', [
  runAcceptSchema,
  runRefuseSchema,
  sessionLeaveSchema,
  deviceSchema,
  advertiseSchema,
  shareSchema,
  confirmSchema,
  agreeSchema,
  unmaskSchema,
]);
export type ClientMessage = z.infer<typeof clientMessageSchema>;

/** What a client message travels in. */
export const clientEnvelopeSchema = z.strictObject({ key: z.string().min(8).max(120), message: clientMessageSchema });
export type ClientEnvelope = z.infer<typeof clientEnvelopeSchema>;

/** The answer to an envelope or an upload. A rejection is data: it names a code and never ends the connection by itself. */
export const replySchema = z.discriminatedUnion('ok', [
  z.strictObject({ ok: z.literal(true) }),
  z.strictObject({ ok: z.literal(false), code: z.string().max(60), message: z.string().max(1_000) }),
]);
export type Reply = z.infer<typeof replySchema>;
