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

/** Failures of the device of which the code alone may leave: they do not depend on what the rows say. */
const nameable: ReadonlySet<ErrorCode> = new Set([
  'CANCELLED',
  'DISK_FULL',
  'LEDGER_ROLLED_BACK',
  'NOT_FOUND',
  'STORE_FAILED',
  'STORE_LOCKED',
  'UNREACHABLE',
]);

/** A failure on the own screen, and what the coordinator is told of it. */
export type Failure = {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly toldCode: ErrorCode;
  readonly told: string;
};

/**
 * A failure as the own screen sees it, and as the coordinator is told: of anything that happened on the device the code and its
 * general cause; of whatever the data may have brought about (training that broke, memory that ran out) not even the code.
 */
export function failureOf(error: unknown): Failure {
  const failure = isSottoError(error)
    ? error
    : new SottoError('INTERNAL', error instanceof Error ? error.message : String(error));
  const { code, message: reason } = failure;
  if (code === 'BUDGET_EXCEEDED') return { code, reason, toldCode: code, told: 'policy line budget' };
  if (speakable.has(code)) return { code, reason, toldCode: code, told: reason.slice(0, 1_000) };
  if (nameable.has(code)) return { code, reason, toldCode: code, told: errorCodes[code].cause };
  return { code, reason, toldCode: 'INTERNAL', told: 'the client left; its own screen says why' };
}
