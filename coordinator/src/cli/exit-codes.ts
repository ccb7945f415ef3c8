import { isSottoError, type ErrorCode } from '@sotto/shared/errors';

/** What the process ends with. */
export const exitCodes = {
  done: { number: 0, help: 'done' },
  failed: { number: 1, help: 'an error of Sotto: its code, cause and cure are on stderr' },
  usage: { number: 2, help: 'the command line or a setting is wrong' },
  refused: { number: 3, help: 'the plan, a signature or the caller is refused' },
  notFound: { number: 4, help: 'there is no such run, file or client' },
  unreachable: { number: 5, help: 'the coordinator cannot be reached, or shows another certificate' },
  store: { number: 6, help: 'the store is locked, too new, full or broken' },
  replay: { number: 7, help: 'a replay gives another model than the recorded one' },
  runFailed: { number: 8, help: 'the run ended without a model' },
  portInUse: { number: 9, help: 'another process listens on the port' },
} as const;

const byCode: Partial<Record<ErrorCode, keyof typeof exitCodes>> = {
  INVALID_INPUT: 'usage',
  PLAN_INVALID: 'refused',
  PLAN_UNSIGNED: 'refused',
  ROSTER_INVALID: 'refused',
  SIGNATURE_INVALID: 'refused',
  UNAUTHENTICATED: 'refused',
  FORBIDDEN: 'refused',
  CONFLICT: 'refused',
  NOT_FOUND: 'notFound',
  FILE_NOT_FOUND: 'notFound',
  UNREACHABLE: 'unreachable',
  TLS_MISMATCH: 'unreachable',
  STORE_LOCKED: 'store',
  STORE_TOO_NEW: 'store',
  STORE_FAILED: 'store',
  DISK_FULL: 'store',
  REPLAY_MISMATCH: 'replay',
  RUN_FAILED: 'runFailed',
  PORT_IN_USE: 'portInUse',
};

/** The exit code of an error. */
export function exitCodeOf(error: unknown): number {
  const name = isSottoError(error) ? byCode[error.code] : undefined;
  return exitCodes[name ?? 'failed'].number;
}

/** The codes as the help shows them. */
export function exitCodeHelp(): string {
  return Object.values(exitCodes)
    .map(({ number, help }) => `  ${number}  ${help}`)
    .join('\n');
}
