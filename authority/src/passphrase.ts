import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { SottoError } from '@sotto/shared/errors';

/** Where a passphrase may come from besides the keyboard. */
export type PassphraseSources = {
  /** File whose first line is the passphrase. */
  readonly file?: string | undefined;
  /** Value of SOTTO_AUTHORITY_PASSPHRASE. */
  readonly environment?: string | undefined;
};

/**
 * The passphrase: of the file, else of the environment, else typed without echo (twice for a new key).
 * @throws {FILE_NOT_FOUND} when the file cannot be read.
 * @throws {INVALID_INPUT} when there is no terminal to ask on, or the two typed ones differ.
 */
export async function readPassphrase(sources: PassphraseSources, isNew: boolean): Promise<string> {
  if (sources.file !== undefined) return firstLineOf(sources.file);
  if (sources.environment !== undefined && sources.environment !== '') return sources.environment;
  if (process.stdin.isTTY !== true) {
    throw new SottoError(
      'INVALID_INPUT',
      'no terminal to ask for the passphrase: give --passphrase-file or SOTTO_AUTHORITY_PASSPHRASE',
    );
  }
  const passphrase = await ask('Passphrase: ', false);
  if (isNew && (await ask('The same again: ', false)) !== passphrase) {
    throw new SottoError('INVALID_INPUT', 'the two passphrases differ');
  }
  return passphrase;
}

/** A line typed on the terminal; the question goes to stderr, so that stdout holds the result alone. */
export function ask(question: string, echo: boolean): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: echo ? process.stderr : silent, terminal: !echo });
  // Asked only now: the terminal must not echo what is typed at once.
  process.stderr.write(question);
  return new Promise((resolve, reject) => {
    let answered = false;
    lines.once('line', (line) => {
      answered = true;
      lines.close();
      if (!echo) process.stderr.write('\n');
      resolve(line);
    });
    lines.once('SIGINT', () => lines.close());
    lines.once('close', () => {
      if (!answered) reject(new SottoError('CANCELLED', 'no answer was given'));
    });
  });
}

async function firstLineOf(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).split(/\r?\n/, 1)[0] ?? '';
  } catch {
    throw new SottoError('FILE_NOT_FOUND', `${path}: the passphrase file cannot be read`);
  }
}
