import type { ErrorCode } from '@sotto/shared/errors';
import type { OwnGroup, Plan } from '@sotto/shared/plan';
import type { ClientMessage, Reply, ServerMessage } from '@sotto/shared/protocol';
import type { AgreeRequest, Inbox, Roster, SessionHeader, UnmaskRequest } from '@sotto/shared/secure-sum';
import type { ClientNotice } from './ports.ts';

export type RunOffer = Extract<ServerMessage, { type: 'runOffer' }>;

/** How far a session has come at this client, in order. A step in `-ing` waits for the driver, the others for the coordinator. */
export type SessionStep =
  | 'opening'
  | 'advertising'
  | 'advertised'
  | 'sharing'
  | 'shared'
  | 'confirming'
  | 'telling'
  | 'contributing'
  | 'pacing'
  | 'charging'
  | 'masking'
  | 'uploading'
  | 'agreeing'
  | 'agreed'
  | 'unmasking'
  | 'unmasked';

/** What the own screen shows of a session. */
export type SessionStage = 'advertise' | 'share' | 'confirm' | 'upload' | 'agree' | 'unmask';

export type RunView = {
  readonly runId: string;
  readonly planHash: string;
  readonly phase: 'checking' | 'accepted' | 'refused' | 'ended';
  /** Set when accepted. */
  readonly plan: Plan | null;
  /** Whom this client sums with; set when accepted. */
  readonly group: OwnGroup | null;
  /** The answer that a repeated offer gets. */
  readonly answer: ClientMessage | null;
  /** The newest attempt that this process opened; 0 for none. */
  readonly newestAttempt: number;
};

export type SessionView = {
  readonly sessionId: string;
  readonly runId: string;
  readonly header: SessionHeader;
  readonly step: SessionStep;
};

/** Everything that the client machine knows; what is secret (keys, shares, contribution) stays in the driver. */
export type ClientState = {
  readonly runs: ReadonlyMap<string, RunView>;
  /** The open session of each run, at most one. */
  readonly sessions: ReadonlyMap<string, SessionView>;
  /** The durable attempt marks by plan hash. */
  readonly marks: ReadonlyMap<string, number>;
  /** Whom the authority revoked, by the lists that came with accepted runs: no session of any run may count one of them in. */
  readonly revoked: ReadonlySet<string>;
  /** Takes part in no new session. */
  readonly paused: boolean;
};

/** What a protocol step of the secure sum is asked with. */
export type SumInput =
  | { readonly step: 'begin' }
  | { readonly step: 'roster'; readonly message: Roster }
  | { readonly step: 'inbox'; readonly message: Inbox }
  | { readonly step: 'agree'; readonly message: AgreeRequest }
  | { readonly step: 'unmask'; readonly message: UnmaskRequest };

export type ClientEvent =
  | { readonly type: 'message'; readonly message: ServerMessage }
  | { readonly type: 'connected' }
  | { readonly type: 'disconnected' }
  | { readonly type: 'paused'; readonly reason: string }
  | { readonly type: 'resumed' }
  | {
      readonly type: 'offerAllowed';
      readonly offer: RunOffer;
      readonly plan: Plan;
      readonly group: OwnGroup;
      readonly revoked: ReadonlySet<string>;
    }
  | {
      readonly type: 'offerRefused';
      readonly offer: RunOffer;
      readonly code: ErrorCode;
      /** For the own screen, with both values. */
      readonly reason: string;
      /** What the coordinator is told. */
      readonly told: string;
    }
  /** The attempt is marked durably and the model's bytes are what the header says. */
  | { readonly type: 'opened'; readonly sessionId: string }
  /** A step of the secure sum gave its message. */
  | {
      readonly type: 'summed';
      readonly sessionId: string;
      readonly step: SumInput['step'];
      readonly message: ClientMessage;
    }
  /** The secure sum has no key exchange (local and trusted mode): the contribution can be made at once. */
  | { readonly type: 'readyToContribute'; readonly sessionId: string }
  | { readonly type: 'contributed'; readonly sessionId: string }
  | {
      readonly type: 'charged';
      readonly sessionId: string;
      readonly epsilonAfter: number | null;
      readonly epsilonBudget: number | null;
    }
  | { readonly type: 'masked'; readonly sessionId: string }
  | { readonly type: 'paceReached'; readonly sessionId: string }
  /** The coordinator's answer to a message or to the upload. */
  | {
      readonly type: 'replied';
      readonly sessionId: string;
      readonly to: ClientMessage['type'] | 'upload';
      readonly reply: Reply;
    }
  /** A check failed, the budget would be passed, or something broke on the device. */
  | {
      readonly type: 'failed';
      readonly sessionId: string;
      readonly code: ErrorCode;
      readonly reason: string;
      readonly toldCode: ErrorCode;
      readonly told: string;
    };

export type ClientEffect =
  | { readonly type: 'checkOffer'; readonly offer: RunOffer }
  | { readonly type: 'answerRun'; readonly message: ClientMessage }
  /** Preview the charge, mark the attempt durably, fetch and check the model. */
  | { readonly type: 'openSession'; readonly session: SessionView; readonly plan: Plan }
  | { readonly type: 'sum'; readonly session: SessionView; readonly input: SumInput }
  /** Coin, gradients, noise: from here to the upload nothing is sent, because how long this takes tells of the data. */
  | { readonly type: 'contribute'; readonly session: SessionView; readonly plan: Plan }
  | { readonly type: 'sendInSession'; readonly sessionId: string; readonly message: ClientMessage }
  /** Charge every slot and the attempt mark in one durable transaction. */
  | { readonly type: 'charge'; readonly session: SessionView; readonly plan: Plan }
  | { readonly type: 'mask'; readonly session: SessionView }
  | { readonly type: 'waitPace'; readonly session: SessionView; readonly plan: Plan }
  | { readonly type: 'upload'; readonly session: SessionView }
  /** Forget the session: its secrets are wiped, what it still does is abandoned. */
  | { readonly type: 'drop'; readonly sessionId: string }
  /** Tell the coordinator that this client is out of the session; goes out although the session is forgotten. */
  | { readonly type: 'leave'; readonly sessionId: string; readonly code: ErrorCode; readonly told: string }
  | { readonly type: 'endRun'; readonly runId: string }
  | { readonly type: 'notify'; readonly notice: ClientNotice };

export type ClientStep = { readonly state: ClientState; readonly effects: readonly ClientEffect[] };

/** A client that has just started: it knows its durable marks, and no session is open. */
export function initialClientState(marks: ReadonlyMap<string, number>): ClientState {
  return { runs: new Map(), sessions: new Map(), marks, revoked: new Set(), paused: false };
}
