import { SottoError, isSottoError } from '@sotto/shared/errors';

/** What a database or file error means: disk full, conflict, locked, or failed. */
export function storeError(error: unknown): SottoError {
  if (isSottoError(error)) return error;
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  if (
    code === 'ENOSPC' ||
    code === 'EDQUOT' ||
    code === '53100' ||
    /SQLITE_FULL|database or disk is full/.test(`${code} ${message}`)
  ) {
    return new SottoError('DISK_FULL', `the store's disk is full: ${message}`);
  }
  if (code === '23505' || /SQLITE_CONSTRAINT|UNIQUE constraint failed/.test(`${code} ${message}`)) {
    return new SottoError('CONFLICT', `the store holds it already: ${message}`);
  }
  if (/SQLITE_BUSY|SQLITE_LOCKED|database is locked/.test(`${code} ${message}`)) {
    return new SottoError('STORE_LOCKED', `the store is in use: ${message}`);
  }
  return new SottoError('STORE_FAILED', message);
}

/** The driver's code of an error, or of its cause. */
function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'cause' in error ? codeOf(error.cause) : '';
}
