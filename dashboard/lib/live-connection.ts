import { runListSchema, runStatusSchema } from '@sotto/shared/protocol';
import type { RunStatus } from '@sotto/shared/protocol';
import { io } from 'socket.io-client';
import type { Socket } from 'socket.io-client';

/** How the page's line to the coordinator stands. Times in milliseconds since the epoch. */
export type Line =
  { kind: 'connecting' } | { kind: 'live' } | { kind: 'down'; nextTryAt: number; reason: string } | { kind: 'refused' };

export type LiveListener = {
  /** The whole list, on every connection: what was missed while the line was down is in it. */
  runs(runs: RunStatus[]): void;
  status(status: RunStatus): void;
  line(line: Line): void;
};

export type LiveConnection = { tryNow(): void; close(): void };

const firstWaitMs = 1_000;
const longestWaitMs = 15_000;
const answerWithinMs = 10_000;

/**
 * Keeps a line to the coordinator open: reads the list over HTTP, then every change over the socket, and begins again, with
 * growing waits, whenever either ends. Nothing that does not fit the schema reaches the page.
 */
export function openLive(token: string, listener: LiveListener): LiveConnection {
  let closed = false;
  let waitMs = firstWaitMs;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let socket: Socket | undefined;

  const down = (reason: string): void => {
    if (closed) return;
    socket?.disconnect();
    socket = undefined;
    clearTimeout(timer);
    listener.line({ kind: 'down', nextTryAt: Date.now() + waitMs, reason });
    timer = setTimeout(() => void connect(), waitMs);
    waitMs = Math.min(waitMs * 2, longestWaitMs);
  };

  const connect = async (): Promise<void> => {
    clearTimeout(timer);
    const list = await readRuns(token);
    if (closed) return;
    if (list.kind === 'refused') {
      listener.line({ kind: 'refused' });
      return;
    }
    if (list.kind === 'failed') {
      down(list.reason);
      return;
    }
    listener.runs(list.runs);
    const opened = io('/live', {
      auth: { token },
      transports: ['websocket'],
      reconnection: false,
      forceNew: true,
      timeout: answerWithinMs,
    });
    socket = opened;
    opened.on('connect', () => {
      waitMs = firstWaitMs;
      listener.line({ kind: 'live' });
      // A change between the list and the socket's opening would be missed otherwise.
      void readRuns(token).then((again) => {
        if (!closed && socket === opened && again.kind === 'runs') listener.runs(again.runs);
      });
    });
    opened.on('status', (value: unknown) => {
      const parsed = runStatusSchema.safeParse(value);
      if (parsed.success) listener.status(parsed.data);
      else down('the coordinator sent a status that this page does not know; it may be of another version');
    });
    opened.on('connect_error', (error) => {
      if (socket === opened) down(error.message);
    });
    opened.on('disconnect', (reason) => {
      if (socket === opened) down(reason);
    });
  };

  listener.line({ kind: 'connecting' });
  void connect();
  return {
    tryNow() {
      waitMs = firstWaitMs;
      listener.line({ kind: 'connecting' });
      void connect();
    },
    close() {
      closed = true;
      clearTimeout(timer);
      socket?.disconnect();
    },
  };
}

type RunsAnswer = { kind: 'runs'; runs: RunStatus[] } | { kind: 'refused' } | { kind: 'failed'; reason: string };

async function readRuns(token: string): Promise<RunsAnswer> {
  try {
    const response = await fetch('/v1/runs', {
      headers: { authorization: `Bearer ${token}` },
      cache: 'no-store',
      signal: AbortSignal.timeout(answerWithinMs),
    });
    if (response.status === 401 || response.status === 403) return { kind: 'refused' };
    if (!response.ok) return { kind: 'failed', reason: `the coordinator answered ${response.status}` };
    const parsed = runListSchema.safeParse(await response.json());
    if (!parsed.success) return { kind: 'failed', reason: 'the coordinator speaks another version of the protocol' };
    return { kind: 'runs', runs: parsed.data.runs };
  } catch (error) {
    return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
}
