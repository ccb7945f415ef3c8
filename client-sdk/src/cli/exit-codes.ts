import type { ErrorCode } from '@sotto/shared/errors';

const codes: Partial<Record<ErrorCode, number>> = {
  INVALID_INPUT: 2,
  FILE_NOT_FOUND: 2,
  DATA_INVALID: 3,
  INVITATION_INVALID: 4,
  CERTIFICATE_INVALID: 4,
  REVOKED: 4,
  UNAUTHENTICATED: 4,
  CONFLICT: 4,
  TLS_MISMATCH: 5,
  UNREACHABLE: 6,
  STORE_LOCKED: 7,
  STORE_FAILED: 7,
  STORE_TOO_NEW: 7,
  DISK_FULL: 7,
  PLAN_REFUSED: 8,
  RUN_FAILED: 9,
};

/** The exit code of a failure; 1 for whatever has none of its own. */
export function exitCodeOf(code: ErrorCode): number {
  return codes[code] ?? 1;
}

export const exitHelp = `Exit codes: 0 done · 1 internal · 2 arguments or files · 3 data · 4 identity or invitation · 5 another server's certificate ·
  6 coordinator not reached · 7 books (locked, full, damaged, too new) · 8 the plan was refused · 9 the run failed`;
