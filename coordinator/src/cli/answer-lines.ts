import { SottoError } from '@sotto/shared/errors';

/**
 * Answers lines of JSON one by one, as they come: what is no JSON gets an error line of its own and does not stop the rest;
 * empty lines get none.
 *
 * @param input - text in pieces of any length
 * @param answer - the JSON of a line's answer
 * @param refuse - the JSON that says why a line has none
 * @param out - takes each answer, with its line end
 */
export async function answerLines(
  input: AsyncIterable<string | Uint8Array>,
  answer: (value: unknown) => string,
  refuse: (error: SottoError) => string,
  out: (text: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let number = 0;
  const take = (line: string) => {
    number += 1;
    if (line.trim() !== '') out(`${answerOf(line, number, answer, refuse)}\n`);
  };
  let rest = '';
  for await (const piece of input) {
    rest += typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(take);
  }
  take(rest + decoder.decode());
}

function answerOf(
  line: string,
  number: number,
  answer: (value: unknown) => string,
  refuse: (error: SottoError) => string,
): string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return refuse(new SottoError('INVALID_INPUT', `line ${number} is no JSON: ${reason}`));
  }
  return answer(value);
}
