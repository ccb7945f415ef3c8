import { isSottoError } from '@sotto/shared/errors';

/** What the process ends with. */
export const exitCodes = {
  done: { number: 0, help: 'done' },
  failed: { number: 1, help: 'an error of Sotto: its code, cause and cure are on stderr' },
  usage: { number: 2, help: 'the command line is wrong' },
  cancelled: { number: 3, help: 'nothing was signed: the person said no' },
  wrongPassphrase: { number: 4, help: 'the passphrase does not open the key file' },
} as const;

/** The exit code of an error. */
export function exitCodeOf(error: unknown): number {
  if (isSottoError(error, 'CANCELLED')) return exitCodes.cancelled.number;
  if (isSottoError(error, 'WRONG_PASSPHRASE')) return exitCodes.wrongPassphrase.number;
  return exitCodes.failed.number;
}
