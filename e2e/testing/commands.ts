import { spawn, type ChildProcess } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Sotto's commands as a person types them: by name, found where npm links them. */
const binFolder = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'node_modules', '.bin');

export type CommandOptions = {
  readonly cwd: string;
  /** Words before the command, for example `ip netns exec NAME`. */
  readonly prefix?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
};

/** A command that ended. */
export type Ended = {
  /** Exit code, or the signal's name. */
  readonly code: number | string;
  readonly out: string;
  readonly err: string;
};

/** A command that goes on, with what it has printed so far. */
export type Running = {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** The first line of stdout or stderr that matches, past or future; fails when the command ends without it. */
  line(pattern: RegExp): Promise<string>;
  /** Ends it and waits; killed when it does not go in five seconds. */
  stop(): Promise<Ended>;
};

/** Types a command line; words with spaces are not needed here. */
export function type(line: string, options: CommandOptions): Promise<Ended> {
  return start(line.split(' '), options).ended;
}

export function start(words: readonly string[], { cwd, prefix = [], env = {} }: CommandOptions): Running {
  const [program = '', ...parameters] = [...prefix, ...words];
  const child = spawn(program, parameters, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${binFolder}:${process.env['PATH'] ?? ''}`, ...env },
  });
  const lines: string[] = [];
  const listeners = new Set<(line: string) => void>();
  const texts = { out: '', err: '' };
  for (const [name, stream] of [['out', child.stdout] as const, ['err', child.stderr] as const]) {
    createInterface({ input: stream }).on('line', (line) => {
      texts[name] += `${line}\n`;
      lines.push(line);
      for (const listener of [...listeners]) listener(line);
    });
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code: code ?? signal ?? 'unknown', ...texts }));
  });
  return {
    process: child,
    ended,
    line(pattern) {
      const known = lines.find((line) => pattern.test(line));
      if (known !== undefined) return Promise.resolve(known);
      return new Promise((resolve, reject) => {
        const listener = (line: string): void => {
          if (!pattern.test(line)) return;
          listeners.delete(listener);
          resolve(line);
        };
        listeners.add(listener);
        ended.then(
          ({ code }) => reject(new Error(`${words.join(' ')} ended with ${code}: ${texts.out}${texts.err}`)),
          reject,
        );
      });
    },
    async stop() {
      child.kill('SIGTERM');
      const impatient = setTimeout(() => child.kill('SIGKILL'), 5_000);
      const result = await ended;
      clearTimeout(impatient);
      return result;
    },
  };
}
