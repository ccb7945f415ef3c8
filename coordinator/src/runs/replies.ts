import { isSottoError } from '@sotto/shared/errors';
import type { Reply } from '@sotto/shared/protocol';

/** A refusal as a client gets it. */
export function rejection(code: string, message: string): Reply {
  return { ok: false, code: code.slice(0, 60), message: message.slice(0, 1_000) };
}

/** What is said of a failure of the coordinator's own. */
export function faultOf(error: unknown): { code: string; message: string } {
  if (isSottoError(error)) return { code: error.code, message: error.message };
  return { code: 'INTERNAL', message: error instanceof Error ? error.message : String(error) };
}
