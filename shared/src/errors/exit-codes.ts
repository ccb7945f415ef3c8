import type { ErrorCode } from './codes.ts';
import { isSottoError } from './sotto-error.ts';

/**
 * What the processes of all three commands end with: one number, one meaning. A test compares this table with
 * `docs/reference/exit-codes.md`. Append-only, as scripts depend on the numbers.
 */
export const exitCodes = {
  done: { number: 0, meaning: 'done', codes: [] },
  failed: { number: 1, meaning: 'an error with no number of its own', codes: [] },
  input: {
    number: 2,
    meaning: 'the command line, a setting or a file is wrong or missing',
    codes: ['INVALID_INPUT', 'FILE_NOT_FOUND'],
  },
  data: { number: 3, meaning: 'the data do not match their schema', codes: ['DATA_INVALID'] },
  identity: {
    number: 4,
    meaning: 'an identity, an invitation, a signature or a passphrase is not accepted',
    codes: [
      'INVITATION_INVALID',
      'CERTIFICATE_INVALID',
      'SIGNATURE_INVALID',
      'REVOKED',
      'REVOCATIONS_STALE',
      'UNAUTHENTICATED',
      'FORBIDDEN',
      'WRONG_PASSPHRASE',
    ],
  },
  otherServer: {
    number: 5,
    meaning: 'the server shows another certificate than the pinned one',
    codes: ['TLS_MISMATCH'],
  },
  unreachable: {
    number: 6,
    meaning: 'the coordinator cannot be reached, or asks to wait',
    codes: ['UNREACHABLE', 'RATE_LIMITED'],
  },
  store: {
    number: 7,
    meaning: 'the store or the books are locked, full, damaged, too new or an old copy',
    codes: ['STORE_LOCKED', 'STORE_FAILED', 'STORE_TOO_NEW', 'LEDGER_ROLLED_BACK', 'DISK_FULL'],
  },
  refused: {
    number: 8,
    meaning: 'the plan is refused',
    codes: [
      'PLAN_INVALID',
      'PLAN_UNSIGNED',
      'PLAN_REFUSED',
      'ROSTER_INVALID',
      'BUDGET_EXCEEDED',
      'CARD_INCOMPLETE',
      'NO_NOISE',
    ],
  },
  runFailed: { number: 9, meaning: 'the run ended without a model', codes: ['RUN_FAILED'] },
  notFound: { number: 10, meaning: 'there is no such run or client', codes: ['NOT_FOUND'] },
  conflict: { number: 11, meaning: 'it contradicts what is already recorded', codes: ['CONFLICT'] },
  replay: { number: 12, meaning: 'a replay gives another model than the recorded one', codes: ['REPLAY_MISMATCH'] },
  portInUse: { number: 13, meaning: 'another process listens on the port', codes: ['PORT_IN_USE'] },
  cancelled: { number: 14, meaning: 'a person said no; nothing was done', codes: ['CANCELLED'] },
  audit: { number: 15, meaning: 'an audit found that more leaks than is stated', codes: ['AUDIT_VIOLATION'] },
} as const satisfies Record<
  string,
  { readonly number: number; readonly meaning: string; readonly codes: readonly ErrorCode[] }
>;

/** The exit code of an error. */
export function exitCodeOf(error: unknown): number {
  for (const { number, codes } of Object.values(exitCodes)) {
    if (codes.some((code) => isSottoError(error, code))) return number;
  }
  return exitCodes.failed.number;
}

/** The table as a command's help shows it. */
export function exitCodeHelp(): string {
  const rows = Object.values(exitCodes).map(({ number, meaning }) => `  ${String(number).padStart(2)}  ${meaning}`);
  return ['', 'Exit codes:', ...rows].join('\n');
}
