import { SottoError } from '@sotto/shared/errors';

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Milliseconds of a text such as `30d`, `12h` or `90m`.
 * @throws {INVALID_INPUT} for any other form, 0, or more than 3,650 days.
 */
export function durationMs(text: string): number {
  const match = /^(\d{1,6})([mhd])$/.exec(text);
  const ms = match === null ? 0 : Number(match[1]) * (unitMs[match[2] ?? ''] ?? 0);
  if (ms <= 0 || ms > 3_650 * 86_400_000) {
    throw new SottoError('INVALID_INPUT', `duration: expected for example 30d, 12h or 90m, up to 3650d, got "${text}"`);
  }
  return ms;
}
