import type { ServerMessage } from '@sotto/shared/protocol';
import type { RunEvent } from './run-events.ts';
import type { LiveSession, RunState } from './run-state.ts';

type Session = Pick<LiveSession, 'sessionId'>;

/** A session ended with its release. */
export function releasedMessage({ sessionId }: Session): ServerMessage {
  return { type: 'sessionClosed', sessionId, outcome: 'released', code: null, reason: null };
}

/** A session ended without one, for all or for the client that is told. */
export function closedMessage({ sessionId }: Session, code: string, reason: string): ServerMessage {
  return {
    type: 'sessionClosed',
    sessionId,
    outcome: 'failed',
    code: code.slice(0, 60),
    reason: reason.slice(0, 1_000),
  };
}

/** The run is over. */
export function endMessage(state: RunState): ServerMessage {
  return {
    type: 'runEnded',
    runId: state.facts.runId,
    outcome: state.ended?.outcome ?? 'stopped',
    modelHash: state.modelHash,
    reason: state.ended?.reason ?? null,
  };
}

/** How a session ended that a client was in and has not heard the end of. */
export type MissedEnd = { readonly message: ServerMessage; readonly event: number };

/**
 * Reads it from the run's events.
 * @param events - from the last one on that the client has heard of, in order
 * @param first - number of the first of them
 * @returns null when the first opened no session with this client, or the session is open
 */
export function missedEnd(events: readonly RunEvent[], first: number, client: string): MissedEnd | null {
  const [opening, ...later] = events;
  const opened =
    opening?.type === 'sessionOpened' ? [opening] : opening?.type === 'groupsOpened' ? opening.sessions : [];
  const session = opened.find(({ cohort }) => cohort.includes(client));
  if (session === undefined) return null;
  for (const [index, event] of later.entries()) {
    const message = endOf(session, session.header.group, event);
    if (message !== null) return { message, event: first + 1 + index };
  }
  return null;
}

function endOf(session: Session, group: number | undefined, event: RunEvent): ServerMessage | null {
  switch (event.type) {
    case 'released':
      return releasedMessage(session);
    case 'groupReleased':
      return event.group === group ? releasedMessage(session) : null;
    case 'sessionFailed':
      return event.group === group ? closedMessage(session, event.code, event.told ?? event.reason) : null;
    case 'stopped':
    case 'finished':
      return closedMessage(session, 'CANCELLED', event.reason ?? 'the run ended');
    case 'runSubmitted':
    case 'sessionOpened':
    case 'groupsOpened':
    case 'sessionCharged':
    case 'paused':
    case 'resumed':
      return null;
  }
}
