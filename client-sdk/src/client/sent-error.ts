import { isSottoError, SottoError, type ErrorCode } from '@sotto/shared/errors';

/** A SottoError on its way between threads, where errors lose their class. */
export type SentError = {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: SottoError['details'];
};

export function sentError(error: unknown): SentError {
  if (isSottoError(error)) return { code: error.code, message: error.message, details: error.details };
  return { code: 'INTERNAL', message: error instanceof Error ? error.message : String(error), details: {} };
}

export function receivedError({ code, message, details }: SentError): SottoError {
  return new SottoError(code, message, details);
}
