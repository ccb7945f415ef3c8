import { z } from 'zod';
import type { ServerMessage } from './control.ts';

/**
 * How far a client has heard of a run. Every message to it comes with its mark (the second argument of the socket's event); the greatest of
 * each run goes with the next connection's handshake, as `auth.heard`, and what lies above it is sent again. An event's number
 * is its place in the coordinator's store, so a mark outlives the process that gave it.
 */
export const heardSchema = z.strictObject({
  runId: z.string().regex(/^[0-9a-f]{32}$/),
  /** Number of the run's durable event that the message tells of, or belongs to. */
  event: z.int().min(0),
  /** Place among the messages that belong to the same event, by {@link partOf}. */
  part: z.int().min(0).max(9),
});
export type Heard = z.infer<typeof heardSchema>;

/** Runs that a client remembers to have heard of; of others it hears once more. */
export const heardRunsMax = 1_000;

/** What a client's process has heard; of a run that is not in it, nothing. A process that has just begun has heard nothing at all. */
export const handshakeHeardSchema = z.array(heardSchema).max(heardRunsMax);

/** Whether a message with the first mark comes after one with the second, in the same run. */
export function comesAfter(mark: Pick<Heard, 'event' | 'part'>, heard: Pick<Heard, 'event' | 'part'>): boolean {
  return mark.event > heard.event || (mark.event === heard.event && mark.part > heard.part);
}

/** The place of a message among those that belong to one event: a session's requests come in this order. */
export function partOf(type: ServerMessage['type']): number {
  switch (type) {
    case 'runOffer':
    case 'sessionOpen':
      return 0;
    case 'roster':
      return 1;
    case 'inbox':
      return 2;
    case 'agreeRequest':
      return 3;
    case 'unmaskRequest':
      return 4;
    case 'sessionClosed':
      return 5;
    case 'runEnded':
      return 6;
  }
}
