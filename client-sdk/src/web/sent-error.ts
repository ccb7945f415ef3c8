import { isSottoError, SottoError } from '@sotto/shared/errors';
import type { SentError } from './page-protocol.ts';

export function sentError(error: unknown): SentError {
  if (isSottoError(error)) return { code: error.code, message: error.message, details: error.details };
  return { code: 'INTERNAL', message: error instanceof Error ? error.message : String(error), details: {} };
}

export function receivedError({ code, message, details }: SentError): SottoError {
  return new SottoError(code, message, details);
}
