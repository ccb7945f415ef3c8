import type { ErrorCode } from '../errors/index.ts';
import type {
  Advertise,
  Agree,
  Confirm,
  Roster,
  SessionHeader,
  Share,
  SumMessage,
  SumRequest,
  Unmask,
  Upload,
} from './messages.ts';
import { noiseLevels } from './noise-chain.ts';
import type { SumRules } from './rules.ts';

/** A stage with a deadline. Confirmations belong to `upload`: they come while the clients train. */
export type SumStage = 'advertise' | 'share' | 'upload' | 'agree' | 'unmask';

/** The coordinator's side of one session, as data. Nothing in it tells a contribution. */
export type SumState = {
  readonly rules: SumRules;
  readonly sessionId: string;
  /** Clients that were asked, sorted. */
  readonly cohort: readonly string[];
  readonly stage: SumStage | 'recover' | 'failed';
  /** Why a client is out, by client. One that is lost after its upload still survives in the sum. */
  readonly lost: ReadonlyMap<string, string>;
  readonly advertised: ReadonlyMap<string, Advertise>;
  readonly roster: Roster | null;
  readonly rosterHash: string;
  readonly threshold: number;
  readonly shared: ReadonlyMap<string, Share>;
  readonly sharers: readonly string[];
  readonly confirmed: ReadonlyMap<string, Confirm>;
  readonly uploaded: ReadonlyMap<string, Upload>;
  /** Fixed when `upload` ends; later uploads are turned away. */
  readonly survivors: readonly string[];
  readonly agreed: ReadonlyMap<string, Agree>;
  readonly unmasked: ReadonlyMap<string, Unmask>;
};

/** All that is needed to turn the sum of the uploads into the sum of the contributions. */
export type RecoverJob = {
  readonly header: SessionHeader;
  readonly sessionId: string;
  readonly rosterHash: string;
  readonly threshold: number;
  /** The roster in order: a client's position in it, from 1, is its share's x. Empty in `local` and `trusted` mode. */
  readonly roster: readonly Advertise[];
  readonly sharers: readonly string[];
  readonly survivors: readonly string[];
  readonly answers: readonly Unmask[];
  /** Survivor counts at which noise is taken out; a single one where none is. */
  readonly levels: readonly number[];
  /** What the sharers dealt and confirmed: where the hybrid suite finds its secrets of lost clients. */
  readonly shared: ReadonlyMap<string, Share>;
  readonly confirmed: ReadonlyMap<string, Confirm>;
};

export type SumEvent =
  /** A message that `verifySumMessage` let pass. One that the state no longer waits for changes nothing. */
  | { readonly type: 'message'; readonly message: SumMessage }
  | { readonly type: 'stageTimeout'; readonly stage: SumStage }
  | { readonly type: 'lost'; readonly client: string; readonly reason: string };

export type SumEffect =
  | { readonly type: 'send'; readonly to: string; readonly message: SumRequest }
  /** A stage begins: the driver sets its deadline. */
  | { readonly type: 'stage'; readonly stage: SumStage }
  | { readonly type: 'recover'; readonly job: RecoverJob }
  | {
      readonly type: 'failed';
      readonly code: ErrorCode;
      readonly reason: string;
      readonly culprits: readonly string[];
      /** Why clients left, in their own words: for the operator, not for the other clients. */
      readonly causes: readonly string[];
    }
  | { readonly type: 'lost'; readonly client: string; readonly code: ErrorCode; readonly reason: string };

export type SumStep = { readonly state: SumState; readonly effects: readonly SumEffect[] };

/** Clients whose answer the current stage waits for, sorted. */
export function awaitedClients(state: SumState): readonly string[] {
  const [asked, answered] = stageClients(state);
  return asked.filter((client) => !answered.has(client) && !state.lost.has(client));
}

/** Who is asked in the current stage, and who has answered. */
export function stageClients(state: SumState): readonly [readonly string[], ReadonlyMap<string, SumMessage>] {
  switch (state.stage) {
    case 'advertise':
      return [state.cohort, state.advertised];
    case 'share':
      return [state.roster?.entries.map((entry) => entry.client) ?? [], state.shared];
    case 'upload':
      return [state.rules.header.trust !== 'secure' ? state.cohort : state.sharers, state.uploaded];
    case 'agree':
      return [state.survivors, state.agreed];
    case 'unmask':
      return [[...state.agreed.keys()].sort(), state.unmasked];
    case 'recover':
    case 'failed':
      return [[], new Map()];
  }
}

/** Survivor counts at which noise is taken out of this session's sum; a single one where none is. */
export function levelsOf(state: SumState): readonly number[] {
  return noiseLevels(state.rules, state.roster?.entries.length ?? state.rules.minSurvivors);
}

/** Answers that the current stage needs at least. */
export function neededAnswers(state: SumState): number {
  const { rules, stage, threshold } = state;
  if (rules.header.trust !== 'secure') return Math.max(1, rules.minSurvivors);
  switch (stage) {
    case 'advertise':
      return Math.max(3, rules.minSurvivors);
    case 'share':
    case 'upload':
      return Math.max(threshold, rules.minSurvivors);
    case 'agree':
    case 'unmask':
      return threshold;
    case 'recover':
    case 'failed':
      return 0;
  }
}
