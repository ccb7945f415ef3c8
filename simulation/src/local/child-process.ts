import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { SottoError } from '@sotto/shared/errors';

/** A line of JSON that a command with --json printed. */
export type JsonLine = Readonly<Record<string, unknown>>;

/** One of Sotto's commands as a process of its own. */
export type Command = {
  readonly process: ChildProcess;
  readonly lines: readonly JsonLine[];
  /** The first line that fits, past or future. @throws {INTERNAL} when the process ends before. */
  until(fits: (line: JsonLine) => boolean): Promise<JsonLine>;
  onLine(listener: (line: JsonLine) => void): void;
  /** Exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
  kill(signal: NodeJS.Signals): void;
};

/** Starts a command of a workspace with --json and reads what it prints line by line. */
export function startCommand(
  script: string,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Command {
  const child = spawn(process.execPath, [script, ...parameters], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  const lines: JsonLine[] = [];
  const listeners = new Set<(line: JsonLine) => void>();
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4_000)));
  createInterface({ input: child.stdout }).on('line', (text) => {
    let line: JsonLine;
    try {
      line = JSON.parse(text) as JsonLine;
    } catch {
      return;
    }
    lines.push(line);
    for (const listener of listeners) listener(line);
  });
  const ended = new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
  return {
    process: child,
    lines,
    ended,
    onLine: (listener) => void listeners.add(listener),
    kill: (signal) => void child.kill(signal),
    until(fits) {
      const known = lines.find(fits);
      if (known !== undefined) return Promise.resolve(known);
      return new Promise((resolve, reject) => {
        const listener = (line: JsonLine): void => {
          if (!fits(line)) return;
          listeners.delete(listener);
          resolve(line);
        };
        listeners.add(listener);
        ended.then(
          (outcome) => reject(new SottoError('INTERNAL', `${script} ended with ${outcome}: ${errors.trim()}`)),
          reject,
        );
      });
    },
  };
}
