import { accountCase, type Answer, type Unsupported } from '@sotto/shared/privacy';
import { answerJsonLines, type TextInput } from './json-lines.ts';

/**
 * Reads accounting cases as JSON lines, {id, neighboring, events, query}, and writes for each {id, pld, rdp} or {id, error}; where
 * one of the two accountants has no figure, {unsupported, error} in its place.
 */
export function accountLines(input: TextInput, write: (line: string) => void): Promise<void> {
  return answerJsonLines(input, answerOf, write);
}

function answerOf(value: Readonly<Record<string, unknown>>): object {
  const result = accountCase(value);
  if ('error' in result) throw result.error;
  const { pld, rdp, ...rest } = result;
  return { ...(pld && { pld: inWords(pld) }), ...(rdp && { rdp: inWords(rdp) }), ...rest };
}

function inWords(answer: Answer | Unsupported): object {
  return 'error' in answer ? { ...answer, error: `${answer.error.code}: ${answer.error.message}` } : answer;
}
