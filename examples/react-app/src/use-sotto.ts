import { useCallback, useEffect, useReducer, useRef } from 'react';
import {
  isSottoError,
  openClient,
  type Client,
  type ClientModel,
  type Prediction,
  type RowRecord,
  type RunningClient,
} from '@sotto/client';
import type { DataSchema, PolicyInput } from '@sotto/shared/plan';
import { initialState, reduce, type SottoEvent, type SottoState } from './sotto-state.ts';

export type SottoTask = {
  /** Name of the database that holds this person's identity, books and model: one for each set of rows. */
  readonly store: string;
  /** Both are read when the client starts. */
  readonly schema: DataSchema;
  readonly policy: PolicyInput;
};

/** A client of a federation, for components. No call but `predict` throws: what goes wrong is `trouble` of the state. */
export type Sotto = SottoState & {
  readonly join: (invitation: string, name: string) => Promise<void>;
  /** Takes part with a CSV file's rows, until `stop`. */
  readonly start: (file: File) => Promise<void>;
  readonly pause: () => Promise<void>;
  readonly resume: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** Answers what was asked for a run. The answer is remembered for its plan. */
  readonly answer: (runId: string, agreed: boolean) => void;
  /**
   * What a model says of one row, in this browser.
   * @throws {DATA_INVALID} when the row does not fit the schema of the model's plan.
   */
  readonly predict: (model: ClientModel, row: RowRecord) => Promise<Prediction>;
};

/**
 * A client for as long as the component is mounted. Its work is done in a worker; a component that goes away closes it, which the
 * others see as a dropout.
 *
 * @example
 * const { phase, run, asked, answer, join, start } = useSotto({ store: 'my rows', schema, policy });
 */
export function useSotto(task: SottoTask): Sotto {
  const [state, dispatch] = useReducer(reduce, initialState);
  const client = useRef<Client | null>(null);
  const running = useRef<RunningClient | null>(null);
  const answers = useRef(new Map<string, (agreed: boolean) => void>());
  const { store } = task;

  useEffect(() => {
    let isGone = false;
    const opening = openClient({ store });
    const opened = async (): Promise<void> => {
      const one = await opening;
      const [member, model] = await Promise.all([one.member(), one.model()]);
      if (isGone) return;
      client.current = one;
      dispatch({ type: 'opened', member, model });
    };
    opened().catch((error: unknown) => {
      if (!isGone) dispatch({ type: 'failed', reason: wordsOf(error), isFatal: true });
    });
    return () => {
      isGone = true;
      client.current = null;
      running.current = null;
      answers.current = new Map();
      void opening.then((one) => one.close()).catch(() => undefined);
    };
  }, [store]);

  /** Does something with the client that is open; what is told after that client is gone is told to nobody. */
  const attempt = useCallback(
    async (action: (one: Client, tell: (event: SottoEvent) => void) => Promise<void>): Promise<void> => {
      const one = client.current;
      if (one === null) return;
      const tell = (event: SottoEvent): void => {
        if (client.current === one) dispatch(event);
      };
      try {
        await action(one, tell);
      } catch (error) {
        tell({ type: 'failed', reason: wordsOf(error), isFatal: false });
      }
    },
    [],
  );

  const join: Sotto['join'] = (invitation, name) =>
    attempt(async (one, tell) => tell({ type: 'joined', member: await one.join(invitation.trim(), { name }) }));

  const start: Sotto['start'] = (file) =>
    attempt(async (one, tell) => {
      tell({ type: 'starting' });
      const started = await one.start({
        data: file,
        schema: task.schema,
        policy: task.policy,
        consent: (request) =>
          new Promise((resolve) => {
            answers.current.set(request.runId, resolve);
            tell({ type: 'asked', request });
          }),
        onNotice: (notice) => {
          tell({ type: 'told', notice });
          if (notice.type === 'modelKept') {
            // One that cannot be read now is told when the page is opened again.
            one.model().then(
              (model) => model !== null && tell({ type: 'modelKept', model }),
              () => undefined,
            );
          }
        },
      });
      running.current = started;
      tell({ type: 'started' });
      started.done.then(
        () => tell({ type: 'ended' }),
        (error: unknown) => tell({ type: 'failed', reason: wordsOf(error), isFatal: false }),
      );
    });

  const setPaused = (isPaused: boolean): Promise<void> =>
    attempt(async (_one, tell) => {
      await (isPaused ? running.current?.pause() : running.current?.resume());
      tell({ type: 'paused', isPaused });
    });

  const predict: Sotto['predict'] = async (model, row) => {
    const [prediction] = (await client.current?.predict(model, [row])) ?? [];
    if (prediction === undefined) throw new Error('the client is not open');
    return prediction;
  };

  return {
    ...state,
    predict,
    join,
    start,
    pause: () => setPaused(true),
    resume: () => setPaused(false),
    stop: () => attempt(async () => running.current?.close()),
    answer: (runId, agreed) => {
      answers.current.get(runId)?.(agreed);
      answers.current.delete(runId);
      dispatch({ type: 'answered', runId });
    },
  };
}

function wordsOf(error: unknown): string {
  if (!isSottoError(error)) return String(error);
  const { message, cure } = error;
  return `${message.slice(0, 1).toUpperCase()}${message.slice(1)}. ${cure}`;
}
