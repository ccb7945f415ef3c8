import type { ErrorCode } from '../errors/index.ts';
import type { SumGraph } from './graph.ts';
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
  /** Every entry; what is sent to a client on the ring is a part of it. */
  readonly roster: Roster | null;
  readonly rosterHash: string;
  /** Fixed with the roster; null before, and in `local` and `trusted` mode. */
  readonly graph: SumGraph | null;
  /** Who holds the shares of each client, which is also whose shares it holds; sorted. */
  readonly holders: ReadonlyMap<string, readonly string[]>;
  readonly shared: ReadonlyMap<string, Share>;
  readonly sharers: readonly string[];
  readonly confirmed: ReadonlyMap<string, Confirm>;
  readonly uploaded: ReadonlyMap<string, Upload>;
  /** Fixed when `upload` ends; later uploads are turned away. */
  readonly survivors: readonly string[];
  /** Hash of sharers and survivors, which the survivors sign. */
  readonly setsHash: string;
  readonly agreed: ReadonlyMap<string, Agree>;
  /** Fixed when `agree` ends: who is asked for shares. */
  readonly signers: readonly string[];
  readonly unmasked: ReadonlyMap<string, Unmask>;
};

/** All that is needed to turn the sum of the uploads into the sum of the contributions. */
export type RecoverJob = {
  readonly header: SessionHeader;
  readonly sessionId: string;
  readonly rosterHash: string;
  readonly threshold: number;
  /** The roster in order: a client's position in it, from 1, is its shares' x. Empty in `local` and `trusted` mode. */
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

/** Whether the current stage waits for this client's answer. Without going through a thousand others: it is asked of every message. */
export function isAwaited(state: SumState, client: string): boolean {
  const [asked, answered] = stageClients(state);
  return !answered.has(client) && !state.lost.has(client) && isIn(asked, client);
}

/** Whether a client's vector may come now: before its confirmation, or again after it was counted, nobody reads it. */
export function isUploadAwaited(state: SumState, client: string): boolean {
  const confirmed = state.rules.header.trust !== 'secure' || state.confirmed.has(client);
  return state.stage === 'upload' && confirmed && isAwaited(state, client);
}

/** How many clients the current stage waits for. */
export function awaitedCount(state: SumState): number {
  const [asked, answered] = stageClients(state);
  let count = asked.length - answered.size;
  for (const client of state.lost.keys()) if (!answered.has(client) && isIn(asked, client)) count--;
  return count;
}

/** Whether a sorted list has an item. */
export function isIn(sorted: readonly string[], item: string): boolean {
  return findIn(sorted, item, (own) => own) !== undefined;
}

/** The item of a list with this key, by which the list is sorted. */
export function findIn<T>(sorted: readonly T[], key: string, keyOf: (item: T) => string): T | undefined {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keyOf(sorted[middle]!) < key) low = middle + 1;
    else high = middle;
  }
  const found = sorted[low];
  return found !== undefined && keyOf(found) === key ? found : undefined;
}

/** Whose shares a client holds among those who dealt, sorted. */
export function dealersOf(state: SumState, client: string): readonly string[] {
  return (state.holders.get(client) ?? []).filter((dealer) => state.shared.has(dealer));
}

/** A sharer whose secrets cannot be opened, and how many of its holders are left. */
export type Locked = { readonly dealer: string; readonly left: number };

/**
 * The first of some sharers whose secrets too few holders can still open, or null. On the complete graph all have the same holders,
 * and the count of the answers says it.
 */
export function lockedAmong(state: SumState, sharers: readonly string[]): Locked | null {
  const { graph, holders } = state;
  if (graph === null || graph.ring === null) return null;
  for (const dealer of sharers) {
    let left = 0;
    for (const holder of holders.get(dealer) ?? []) if (mayGive(state, holder)) left++;
    if (left < graph.threshold) return { dealer, left };
  }
  return null;
}

/** Whether a client has given its shares or still may. */
function mayGive({ stage, shared, uploaded, signers, unmasked, lost }: SumState, client: string): boolean {
  if (stage === 'unmask') return unmasked.has(client) || (!lost.has(client) && isIn(signers, client));
  return !lost.has(client) && (stage === 'agree' ? uploaded : shared).has(client);
}

/** Whether the shares that were given open every sharer's secret. */
export function isOpen({ graph, holders, sharers, unmasked }: SumState): boolean {
  if (graph === null) return false;
  if (graph.ring === null) return unmasked.size >= graph.threshold;
  return sharers.every((dealer) => {
    let given = 0;
    for (const holder of holders.get(dealer) ?? []) if (unmasked.has(holder)) given++;
    return given >= graph.threshold;
  });
}

/** Who is asked in the current stage, sorted, and who of them has answered. */
export function stageClients(state: SumState): readonly [readonly string[], ReadonlyMap<string, SumMessage>] {
  switch (state.stage) {
    case 'advertise':
      return [state.cohort, state.advertised];
    case 'share':
      return [state.graph?.clients ?? [], state.shared];
    case 'upload':
      return [state.rules.header.trust !== 'secure' ? state.cohort : state.sharers, state.uploaded];
    case 'agree':
      return [state.survivors, state.agreed];
    case 'unmask':
      return [state.signers, state.unmasked];
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
  const { rules, stage, graph } = state;
  if (rules.header.trust !== 'secure') return Math.max(1, rules.minSurvivors);
  switch (stage) {
    case 'advertise':
      return Math.max(3, rules.minSurvivors);
    case 'share':
    case 'upload':
      return Math.max(graph?.agreement ?? 0, rules.minSurvivors);
    case 'agree':
      return graph?.agreement ?? 0;
    case 'unmask':
      return graph?.threshold ?? 0;
    case 'recover':
    case 'failed':
      return 0;
  }
}
