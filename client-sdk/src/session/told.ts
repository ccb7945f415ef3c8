import { errorCodes, isSottoError, SottoError, type ErrorCode } from '@sotto/shared/errors';

/** Failures whose message may leave: they speak of messages, rosters and peers, never of data. */
const speakable: ReadonlySet<ErrorCode> = new Set([
  'ATTEMPT_STALE',
  'BUDGET_EXCEEDED',
  'COHORT_TOO_SMALL',
  'KEY_MISMATCH',
  'MESSAGE_INVALID',
  'MESSAGE_UNEXPECTED',
  'PROTOCOL_VERSION',
  'ROSTER_INVALID',
  'SHARE_INVALID',
  'SIGNATURE_INVALID',
]);

/** A failure as the own screen sees it, and as the coordinator is told: for anything local only the code and its general cause. */
export function failureOf(error: unknown): { code: ErrorCode; reason: string; told: string } {
  const failure = isSottoError(error)
    ? error
    : new SottoError('INTERNAL', error instanceof Error ? error.message : String(error));
  const { code, message } = failure;
  const told =
    code === 'BUDGET_EXCEEDED' ? 'policy line budget' : speakable.has(code) ? message : errorCodes[code].cause;
  return { code, reason: message, told: told.slice(0, 1_000) };
}
