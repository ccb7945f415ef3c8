import { SottoError } from '@sotto/shared/errors';
import { auditBound, auditPValue } from '@sotto/shared/privacy';
import { answerJsonLines, type TextInput } from './json-lines.ts';

const defaultSignificance = 0.05;

/**
 * Reads audits as JSON lines, {id, canaries, guesses, correct, delta, significance, pValueAtEpsilon?}, and writes for each
 * {id, epsilonLowerBound, pValueAtZero, ceiling, pValueAtEpsilon?} or {id, error}.
 */
export function auditBoundLines(input: TextInput, write: (line: string) => void): Promise<void> {
  return answerJsonLines(input, answerOf, write);
}

function answerOf(value: Readonly<Record<string, unknown>>): object {
  const number = (field: string, otherwise?: number): number => {
    const found = value[field] ?? otherwise;
    if (typeof found === 'number') return found;
    throw new SottoError('INVALID_INPUT', `${field} ${JSON.stringify(found) ?? 'is missing'}: expected a number`);
  };
  const counts = {
    canaries: number('canaries'),
    guesses: number('guesses'),
    correct: number('correct'),
    delta: number('delta'),
  };
  const bound = auditBound({
    ...counts,
    significance: number('significance', defaultSignificance),
    guessesTried: number('guessesTried', 1),
  });
  const asked = value['pValueAtEpsilon'];
  if (asked === undefined) return bound;
  if (!Array.isArray(asked)) {
    throw new SottoError('INVALID_INPUT', 'pValueAtEpsilon: expected a list of objects with an epsilon each');
  }
  const pValueAtEpsilon = asked.map((entry: unknown) => {
    const epsilon = typeof entry === 'object' && entry !== null && 'epsilon' in entry ? entry.epsilon : undefined;
    if (typeof epsilon !== 'number') {
      throw new SottoError('INVALID_INPUT', 'pValueAtEpsilon: expected a list of objects with an epsilon each');
    }
    return { epsilon, p: auditPValue(counts, epsilon) };
  });
  return { ...bound, pValueAtEpsilon };
}
