import type { SottoError } from '@sotto/shared/errors';
import type { Plan } from '@sotto/shared/plan';
import type { NodeResult } from '../node-config.ts';
import type { LocalScore } from '../scoring/local-score.ts';
import type { ClientNotice } from '../session/index.ts';

type RunEnd = NodeResult['runs'][number];

export type Ending = {
  readonly ended: Promise<NodeResult>;
  notice(
    notice: ClientNotice,
    score: (plan: Plan, modelHash: string, runId: string) => Promise<LocalScore | null>,
  ): void;
  stop(): void;
  fail(error: SottoError): void;
};

/** How long a client that is to end after one run waits for another when it hears that one has ended without it. */
const missedMs = 3_000;

/** Collects how runs end, and ends the client after the first when that was asked for. */
export function createEnding(once: boolean): Ending {
  const runs: RunEnd[] = [];
  let missed: ReturnType<typeof setTimeout> | undefined;
  let offered = false;
  let resolve: (result: NodeResult) => void = () => undefined;
  let reject: (error: SottoError) => void = () => undefined;
  const ended = new Promise<NodeResult>((onEnd, onFailure) => {
    resolve = onEnd;
    reject = onFailure;
  });
  const add = (run: RunEnd): void => {
    runs.push(run);
    if (once) resolve({ runs });
  };
  return {
    ended,
    notice(notice, score) {
      if (notice.type === 'offered') {
        offered = true;
        clearTimeout(missed);
      } else if (notice.type === 'refused' && notice.code !== 'UNREACHABLE' && notice.code !== 'NOT_FOUND') {
        // A plan that could not be fetched is offered again.
        add({ runId: notice.runId, outcome: 'refused', modelHash: null, score: null });
      } else if (notice.type === 'runEnded') {
        const { runId, outcome, modelHash, plan } = notice;
        if (plan === null) {
          // It ended while this node was away. Unless there is another one to take part in, nothing is left to do.
          if (once && !offered) missed ??= setTimeout(() => resolve({ runs }), missedMs);
          return;
        }
        const scored = outcome === 'failed' ? Promise.resolve(null) : score(plan, modelHash, runId);
        scored.then(
          (result) => add({ runId, outcome, modelHash, score: result }),
          () => add({ runId, outcome, modelHash, score: null }),
        );
      }
    },
    stop() {
      clearTimeout(missed);
      resolve({ runs });
    },
    fail(error) {
      clearTimeout(missed);
      reject(error);
    },
  };
}

/**
 * A client that runs until it is closed or ends by itself.
 * @param release - lets go of everything; called once.
 */
export function runUntilEnded(
  ending: Ending,
  release: () => Promise<void>,
): { readonly done: Promise<NodeResult>; close(): Promise<void> } {
  let closing: Promise<void> | null = null;
  const close = (): Promise<void> => {
    closing ??= release();
    return closing;
  };
  const done = ending.ended.then(
    async (result) => {
      await close();
      return result;
    },
    async (error: unknown) => {
      await close();
      throw error;
    },
  );
  // Whoever waits for `done` meets the failure; a client that is only closed must not end the process.
  done.catch(() => undefined);
  return {
    done,
    async close() {
      ending.stop();
      await close();
    },
  };
}
