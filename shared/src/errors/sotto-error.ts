import { errorCodes, type ErrorCode } from './codes.ts';

/**
 * The one error type that crosses a boundary. The code says what kind of thing went wrong (see `codes.ts` and
 * `docs/reference/errors.md`), the message names the offender and both values, the cure says what to do.
 *
 * Messages and details never hold a secret, a share, a contribution or a row.
 */
export class SottoError extends Error {
  override readonly name = 'SottoError';
  readonly code: ErrorCode;
  readonly cure: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.code = code;
    this.cure = errorCodes[code].cure;
    this.details = details;
  }

  /** The wire form: code, message and cure; details stay at home. */
  toJSON(): { code: ErrorCode; message: string; cure: string } {
    return { code: this.code, message: this.message, cure: this.cure };
  }
}

/** Whether a caught value is a {@link SottoError}, optionally of one code. */
export function isSottoError(value: unknown, code?: ErrorCode): value is SottoError {
  return value instanceof SottoError && (code === undefined || value.code === code);
}
