import { isSottoError, SottoError } from '@sotto/shared/errors';

/** What flows into a command: standard input, or in tests a few strings. */
export type TextInput = AsyncIterable<string | Uint8Array>;

/** Lines of a text that comes in pieces, without their ends; the last need not have one. */
async function* linesOf(input: TextInput): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of input) {
    rest += typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}

/**
 * Answers each line of JSON with one of its own, in order and as they come: what `answer` gives with the line's `id` before it, or
 * `{ id, error }` where it throws. A bad line never stops the others.
 *
 * @param write - takes one line, without its end
 */
export async function answerJsonLines(
  input: TextInput,
  answer: (value: Readonly<Record<string, unknown>>) => object,
  write: (line: string) => void,
): Promise<void> {
  let number = 0;
  for await (const line of linesOf(input)) {
    number += 1;
    if (line.trim() === '') continue;
    let id: unknown = null;
    try {
      const value = objectOf(line, number);
      id = value['id'] ?? null;
      write(JSON.stringify({ id, ...answer(value) }, withInfinity));
    } catch (error) {
      if (!isSottoError(error)) throw error;
      write(JSON.stringify({ id, error: `${error.code}: ${error.message}` }));
    }
  }
}

/** JSON has no number for what is infinite: it is the string "Infinity". */
function withInfinity(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

function objectOf(line: string, number: number): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new SottoError('INVALID_INPUT', `line ${number}: not JSON: ${error instanceof Error ? error.message : ''}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SottoError('INVALID_INPUT', `line ${number}: expected a JSON object`);
  }
  return Object.fromEntries(Object.entries(value));
}
