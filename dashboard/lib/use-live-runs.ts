'use client';
import type { RunStatus } from '@sotto/shared/protocol';
import { useCallback, useEffect, useRef, useState } from 'react';
import type { Line, LiveConnection } from './live-connection.ts';

/** What the page knows of the runs, and of when it learned it (milliseconds since the epoch). */
export type LiveRuns = { line: Line; runs: ReadonlyMap<string, RunStatus> | null; heardAt: number | null };

/** Changes are drawn at most four times a second, however fast rounds are. */
const drawEveryMs = 250;

/** Follows the coordinator's runs for as long as a token is given. */
export function useLiveRuns(token: string | null): LiveRuns & { tryNow: () => void } {
  const [live, setLive] = useState<LiveRuns>({ line: { kind: 'connecting' }, runs: null, heardAt: null });
  const connection = useRef<LiveConnection | null>(null);

  useEffect(() => {
    if (token === null) return undefined;
    let ended = false;
    let runs: Map<string, RunStatus> | null = null;
    let heardAt: number | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let line: Line = { kind: 'connecting' };
    const draw = (): void => {
      timer = undefined;
      if (!ended) setLive({ line, runs: runs && new Map(runs), heardAt });
    };
    const drawSoon = (): void => {
      timer ??= setTimeout(draw, drawEveryMs);
    };
    // Sockets and schemas are a chunk of their own, so that the first paint does not wait for them.
    void import('./live-connection.ts').then(({ openLive }) => {
      if (ended) return;
      connection.current = openLive(token, {
        runs(list) {
          const first = runs === null;
          runs = new Map(list.map((status) => [status.runId, status]));
          heardAt = Date.now();
          if (first) draw();
          else drawSoon();
        },
        status(status) {
          runs ??= new Map();
          runs.set(status.runId, status);
          heardAt = Date.now();
          drawSoon();
        },
        line(next) {
          line = next;
          clearTimeout(timer);
          draw();
        },
      });
    });
    return () => {
      ended = true;
      clearTimeout(timer);
      connection.current?.close();
      connection.current = null;
    };
  }, [token]);

  const tryNow = useCallback(() => connection.current?.tryNow(), []);
  return { ...live, tryNow };
}
