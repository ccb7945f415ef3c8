import {
  firstRound,
  groupsOf,
  planHashOf,
  releaseFormOf,
  type Groups,
  type Plan,
  type SignedPlan,
} from '@sotto/shared/plan';
import type { SlotName } from '@sotto/shared/privacy';
import type { DeviceFacts, Heard, RunStatus, ServerMessage } from '@sotto/shared/protocol';
import type { RecoverJob, SessionHeader, SumMessage, SumStage, SumState } from '@sotto/shared/secure-sum';
import { nothingWatched, type WatchedRun } from './best-model.ts';
import type { RunEvent } from './run-events.ts';
import type { MissedEnd } from './run-messages.ts';

/** A number for each kind of release. */
export type SlotCounts = Readonly<Record<SlotName, number>>;

const noSlots: SlotCounts = { survey: 0, training: 0, fit: 0, evaluation: 0, trainReport: 0, report: 0 };

/** Counts with one more of each of some slots. */
export function withSlots(counts: SlotCounts, slots: readonly SlotName[]): SlotCounts {
  const next = { ...counts };
  for (const slot of slots) next[slot] += 1;
  return next;
}

/** What never changes about a run. */
export type RunFacts = {
  readonly runId: string;
  readonly planHash: string;
  readonly plan: Plan;
  /** Who sums with whom in a round: one session for each, all of one attempt. A single one outside `grouped` mode. */
  readonly groups: Groups;
};

/** The facts of a run of a plan whose signature was verified. */
export function runFactsOf(runId: string, signedPlan: SignedPlan): RunFacts {
  const { plan } = signedPlan;
  return { runId, planHash: planHashOf(plan), plan, groups: groupsOf(signedPlan) };
}

/** A roster client as the run sees it. Known only since this process started, but for the last two. */
export type RunClient = {
  readonly connected: boolean;
  /** When its line was lost; null while it is there, or was not yet. */
  readonly awaySince: number | null;
  /** What it answered to the offer of this process. */
  readonly answer: 'none' | 'accepted' | 'refused' | 'revoked';
  /** Why it refused, or why it was lost last. */
  readonly reason: string | null;
  /** What its process says that it computes with; null where it did not say. */
  readonly device: DeviceFacts | null;
  readonly sessionsSurvived: number;
  /** The newest attempt from which its upload was taken; 0 for none. Of failed attempts known since this process started. */
  readonly answeredAttempt: number;
};

/** A session that is open. It lives in memory only. */
export type LiveSession = {
  readonly sessionId: string;
  /** Number of the event that opened it. */
  readonly event: number;
  readonly header: SessionHeader;
  readonly cohort: readonly string[];
  readonly openedAt: number;
  readonly sum: SumState;
  readonly stage: SumStage | 'release';
  /** Whether the upload stage was reached, so that clients may have charged their ledgers. */
  readonly mayBeCharged: boolean;
  /** Whether the coordinator booked the attempt, whichever group's upload came first. */
  readonly charged: boolean;
  readonly lost: ReadonlySet<string>;
  /** Deadline of the current stage, milliseconds since the epoch; null while the sum is being reconstructed. */
  readonly stageEndsAt: number | null;
  /** The last request to each client, sent again when it comes back. */
  readonly outstanding: ReadonlyMap<string, ServerMessage>;
};

/** A group's sum of the round that is under way: released, and not yet added to the others'. */
export type GroupSum = {
  readonly round: number;
  readonly group: number;
  readonly cohort: number;
  readonly survivors: readonly string[];
  readonly sumHash: string;
};

export type RecentRound = RunStatus['recentRounds'][number];

export type RunState = {
  readonly facts: RunFacts;
  // the fold of the durable events
  readonly submittedAt: number;
  /** The round that the next session serves. */
  readonly round: number;
  /** Training rounds that were released; `round` may jump to the final evaluation over those that were not. */
  readonly trainedRounds: number;
  /** Attempts so far; the last one's number. */
  readonly attempt: number;
  /** The newest attempt that counts against the plan's sessions; once, however many groups it had. */
  readonly countedAttempt: number;
  /** Attempts that count against the plan's sessions. */
  readonly sessionsUsed: number;
  readonly failedAttempts: number;
  /** Failed attempts of this round that clients may have charged. */
  readonly failedInRound: number;
  /** Failures since the last release; sets the back-off. */
  readonly failuresInRow: number;
  readonly lastFailure: string | null;
  readonly modelHash: string;
  /** The bound that the next session's clients clip to; null where the plan fixes it. */
  readonly clipNormL2: number | null;
  readonly paused: boolean;
  readonly ended: {
    readonly outcome: 'finished' | 'stopped' | 'failed';
    readonly reason: string | null;
    readonly at: number;
  } | null;
  readonly evaluations: RunStatus['evaluations'];
  /** For early stopping. */
  readonly watched: WatchedRun;
  /** Why the run ends by what its survey found; null: it goes on. */
  readonly surveyStop: string | null;
  readonly recentRounds: readonly RecentRound[];
  /** Sessions that were or may have been charged, by what they carried: a stated ε covers so many of each and no more. */
  readonly slotsUsed: SlotCounts;
  /** Releases that cannot be honest sums, the newest ones. */
  readonly alarms: RunStatus['alarms'];
  /** Sessions that the coordinator booked, by what they carried. */
  readonly slotsCharged: SlotCounts;
  /** Seconds of released sessions, and how many, for the forecast. */
  readonly releasedSeconds: number;
  readonly releasedSessions: number;
  /** Sums of groups that wait for the rest of the round; in `grouped` mode alone. */
  readonly groupSums: readonly GroupSum[];
  /** Durable events so far; the number of the next one. */
  readonly events: number;
  /** The newest opening, and of how many clients: those whose groups' sums are there already among them. */
  readonly opening: { readonly at: number; readonly clients: number };
  // what this process knows
  readonly clients: ReadonlyMap<string, RunClient>;
  /** The sessions that are open, one a group; all of the newest attempt. */
  readonly sessions: readonly LiveSession[];
  /** What the run waits for before it opens a session. */
  readonly waiting: 'nothing' | 'gather' | 'retry';
  readonly gathered: boolean;
};

/** How far a client's process has heard of a run; `nothing` of one that has begun since. */
export type HeardOfRun = Pick<Heard, 'event' | 'part'> | 'nothing';

/** What a run reacts to and does not record. */
export type RunInput =
  | { readonly type: 'restarted'; readonly at: number }
  | {
      readonly type: 'connected';
      readonly at: number;
      readonly client: string;
      /** What its process has heard of this run; absent: not known, and everything is told again. */
      readonly heard?: HeardOfRun;
      /** The end of the session that it last heard of, where it has not heard that. */
      readonly missed?: MissedEnd | null;
    }
  | { readonly type: 'disconnected'; readonly at: number; readonly client: string }
  | { readonly type: 'accepted'; readonly at: number; readonly client: string }
  | {
      readonly type: 'refused';
      readonly at: number;
      readonly client: string;
      readonly code: string;
      readonly reason: string;
    }
  | { readonly type: 'revoked'; readonly at: number; readonly client: string }
  | { readonly type: 'device'; readonly at: number; readonly client: string; readonly device: DeviceFacts }
  /** A client is out of the open session: it left, sent something malformed, or stayed away too long. */
  | { readonly type: 'lost'; readonly at: number; readonly client: string; readonly reason: string }
  /** A message of the open session, verified. */
  | { readonly type: 'message'; readonly at: number; readonly message: SumMessage }
  | { readonly type: 'timer'; readonly at: number; readonly timer: RunTimer }
  | {
      readonly type: 'recoveryFailed';
      readonly at: number;
      readonly sessionId: string;
      readonly code: string;
      readonly reason: string;
      readonly culprits: readonly string[];
    }
  | { readonly type: 'pauseAsked'; readonly at: number }
  | { readonly type: 'resumeAsked'; readonly at: number }
  | { readonly type: 'stopAsked'; readonly at: number; readonly reason: string };

/** Each session's deadline of its stage, the wait for stragglers, the back-off, and for each client the time to come back. */
export type RunTimer = 'gather' | 'retry' | `stage:${string}` | `return:${string}`;

export type RunEffect =
  /** Append to the store, then step with the same event. Nothing after it in the list happens before it is durable. */
  | { readonly type: 'record'; readonly event: RunEvent }
  /** `event`: the number of the one that it tells of, where that is not the session's opening or the newest. */
  | { readonly type: 'send'; readonly client: string; readonly message: ServerMessage; readonly event?: number }
  | { readonly type: 'offer'; readonly client: string }
  | { readonly type: 'setTimer'; readonly timer: RunTimer; readonly ms: number }
  | { readonly type: 'clearTimer'; readonly timer: RunTimer }
  /** Reconstruct the sum; the answer comes back as a release or as `recoveryFailed`. */
  | { readonly type: 'recover'; readonly sessionId: string; readonly job: RecoverJob }
  /** Add up the sums of the round's groups; what comes of it is recorded as the round's release. */
  | { readonly type: 'conclude' }
  /** The session's memory may go. */
  | { readonly type: 'forget'; readonly sessionId: string };

export type RunStep = { readonly state: RunState; readonly effects: readonly RunEffect[] };

/** A run before its first event. */
export function initialRunState(facts: RunFacts): RunState {
  const nobody: RunClient = {
    connected: false,
    awaySince: null,
    answer: 'none',
    reason: null,
    device: null,
    sessionsSurvived: 0,
    answeredAttempt: 0,
  };
  return {
    facts,
    submittedAt: 0,
    round: firstRound(facts.plan),
    trainedRounds: 0,
    attempt: 0,
    countedAttempt: 0,
    sessionsUsed: 0,
    failedAttempts: 0,
    failedInRound: 0,
    failuresInRow: 0,
    lastFailure: null,
    modelHash: '',
    clipNormL2: releaseFormOf(facts.plan).adaptiveClip?.first ?? null,
    paused: false,
    ended: null,
    evaluations: [],
    watched: nothingWatched,
    surveyStop: null,
    recentRounds: [],
    slotsUsed: noSlots,
    alarms: [],
    slotsCharged: noSlots,
    releasedSeconds: 0,
    releasedSessions: 0,
    clients: new Map(facts.plan.roster.clients.map(({ client }) => [client, nobody])),
    groupSums: [],
    events: 0,
    opening: { at: 0, clients: 0 },
    sessions: [],
    waiting: 'nothing',
    gathered: false,
  };
}
