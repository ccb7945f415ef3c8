import type { ClientMember, ClientModel, ConsentRequest, Notice } from '@sotto/client';

/** Where a client is, as a page shows it. */
export type SottoState = {
  /** opening: the store; new: nobody has joined; idle: joined; starting: reads the rows; running: takes part; broken: cannot go on. */
  readonly phase: 'opening' | 'new' | 'idle' | 'starting' | 'running' | 'broken';
  readonly member: ClientMember | null;
  readonly isConnected: boolean;
  readonly isPaused: boolean;
  /** Another tab takes part with this store, and this one waits. */
  readonly isElsewhere: boolean;
  /** Rows that take part, and rows that the schema leaves out. */
  readonly rows: { readonly kept: number; readonly leftOut: number } | null;
  /** ε of everything that these rows were asked so far, and the most that they may be. */
  readonly books: { readonly epsilonSpent: number; readonly epsilonBudget: number } | null;
  readonly run: RunProgress | null;
  /** What the person is asked, the oldest first: several plans may be offered before one is answered. */
  readonly asked: readonly ConsentRequest[];
  readonly model: ClientModel | null;
  /** What went wrong last, and what helps. */
  readonly trouble: string | null;
};

export type RunProgress = {
  readonly runId: string;
  readonly name: string;
  readonly rounds: number;
  /** Rounds whose sum was opened with this client in it or without. */
  readonly released: number;
  /** Null: it goes on. */
  readonly outcome: 'finished' | 'stopped' | 'failed' | 'refused' | null;
};

export type SottoEvent =
  | { readonly type: 'opened'; readonly member: ClientMember | null; readonly model: ClientModel | null }
  | { readonly type: 'joined'; readonly member: ClientMember }
  | { readonly type: 'starting' }
  | { readonly type: 'started' }
  | { readonly type: 'told'; readonly notice: Notice }
  | { readonly type: 'asked'; readonly request: ConsentRequest }
  | { readonly type: 'answered'; readonly runId: string }
  | { readonly type: 'paused'; readonly isPaused: boolean }
  | { readonly type: 'modelKept'; readonly model: ClientModel }
  | { readonly type: 'ended' }
  /** `isFatal`: the store cannot be opened. */
  | { readonly type: 'failed'; readonly reason: string; readonly isFatal: boolean };

export const initialState: SottoState = {
  phase: 'opening',
  member: null,
  isConnected: false,
  isPaused: false,
  isElsewhere: false,
  rows: null,
  books: null,
  run: null,
  asked: [],
  model: null,
  trouble: null,
};

/** The state after an event. */
export function reduce(state: SottoState, event: SottoEvent): SottoState {
  switch (event.type) {
    case 'opened': {
      const { member, model } = event;
      return { ...state, phase: member === null ? 'new' : 'idle', member, model };
    }
    case 'joined':
      return { ...state, phase: 'idle', member: event.member, trouble: null };
    case 'starting':
      return { ...state, phase: 'starting', run: null, trouble: null };
    case 'started':
      return { ...state, phase: 'running' };
    case 'told':
      return told(state, event.notice);
    case 'asked':
      return { ...state, asked: [...state.asked, event.request] };
    case 'answered':
      return { ...state, asked: without(state.asked, event.runId) };
    case 'paused':
      return { ...state, isPaused: event.isPaused };
    case 'modelKept':
      return { ...state, model: event.model };
    case 'ended':
      return { ...state, ...apart(state) };
    case 'failed':
      return { ...state, ...apart(state), ...(event.isFatal ? { phase: 'broken' } : {}), trouble: event.reason };
  }
}

/** What is left of a client that takes no part. */
function apart({ phase, member }: SottoState): Partial<SottoState> {
  const ended = phase === 'running' || phase === 'starting';
  return {
    phase: ended ? (member === null ? 'new' : 'idle') : phase,
    isConnected: false,
    isPaused: false,
    isElsewhere: false,
    asked: [],
  };
}

function told(state: SottoState, notice: Notice): SottoState {
  const { run } = state;
  switch (notice.type) {
    case 'connected':
      return { ...state, isConnected: true, isElsewhere: false, trouble: null };
    case 'disconnected':
      return { ...state, isConnected: false };
    case 'retrying':
      return { ...state, trouble: notice.reason };
    case 'elsewhere':
      return { ...state, isElsewhere: true };
    case 'dataRead': {
      const { rows, rowsKept } = notice.report;
      return { ...state, isElsewhere: false, rows: { kept: rowsKept, leftOut: rows - rowsKept } };
    }
    case 'books': {
      const { epsilonSpent, epsilonBudget } = notice;
      return { ...state, books: { epsilonSpent, epsilonBudget } };
    }
    case 'charged': {
      const { epsilonAfter, epsilonBudget } = notice;
      if (epsilonAfter === null || epsilonBudget === null) return state;
      return { ...state, books: { epsilonSpent: epsilonAfter, epsilonBudget } };
    }
    case 'offered': {
      const { runId, plan } = notice;
      const offered = { runId, name: plan.name, rounds: plan.training.rounds, released: 0, outcome: null } as const;
      return { ...state, run: offered, trouble: null };
    }
    case 'refused': {
      const asked = without(state.asked, notice.runId);
      if (run?.runId !== notice.runId) return { ...state, asked };
      return { ...state, run: { ...run, outcome: 'refused' }, asked, trouble: notice.reason };
    }
    case 'sessionClosed':
      if (run?.runId !== notice.runId || notice.outcome !== 'released') return state;
      return { ...state, run: { ...run, released: Math.min(notice.round, run.rounds) } };
    case 'runEnded': {
      const asked = without(state.asked, notice.runId);
      if (run?.runId !== notice.runId) return { ...state, asked };
      return { ...state, run: { ...run, outcome: notice.outcome }, asked, trouble: notice.reason };
    }
    default:
      return state;
  }
}

function without(asked: readonly ConsentRequest[], run: string): readonly ConsentRequest[] {
  return asked.filter(({ runId }) => runId !== run);
}
