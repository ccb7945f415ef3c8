import type { SottoError } from '@sotto/shared/errors';

/** The client's own screen: words for people, or one JSON object a line. */
export type Screen = {
  readonly json: boolean;
  /** Shows an event; `words` null: only in JSON. */
  show(event: { readonly type: string } & Readonly<Record<string, unknown>>, words: string | null): void;
  error(error: SottoError): void;
};

/** Writes to standard output, errors in words to standard error. */
export function createScreen(json: boolean): Screen {
  return {
    json,
    show(event, words) {
      if (json) process.stdout.write(`${JSON.stringify(event)}\n`);
      else if (words !== null) process.stdout.write(`${words}\n`);
    },
    error(error) {
      if (json) process.stdout.write(`${JSON.stringify({ type: 'error', ...error.toJSON() })}\n`);
      else process.stderr.write(`${error.code}: ${error.message}\n${error.cure}\n`);
    },
  };
}
