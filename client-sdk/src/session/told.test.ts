import { errorCodes, SottoError, type ErrorCode } from '@sotto/shared/errors';
import { expect, it } from 'vitest';
import { failureOf } from './told.ts';

const secret = 'patient 4711 has 38 rows, out of memory at 2 GB';

it('A23: tells nothing of a failure that the data may have brought about, not even its code', () => {
  for (const code of ['TRAINING_FAILED', 'DATA_INVALID', 'INVALID_INPUT', 'INTERNAL', 'UNSUPPORTED_EVENT'] as const) {
    const { toldCode, told, ...own } = failureOf(new SottoError(code, secret));
    expect({ toldCode, told }).toEqual({ toldCode: 'INTERNAL', told: 'the client left; its own screen says why' });
    expect(own).toEqual({ code, reason: secret });
  }
  expect(failureOf(new RangeError(secret)).told).not.toContain('4711');
});

it('tells the message of failures that are about peers and the protocol alone', () => {
  const withMessage = (Object.keys(errorCodes) as ErrorCode[]).filter(
    (code) => failureOf(new SottoError(code, secret)).told === secret,
  );
  expect(withMessage.toSorted()).toEqual([
    'ATTEMPT_STALE',
    'COHORT_TOO_SMALL',
    'KEY_MISMATCH',
    'MESSAGE_INVALID',
    'MESSAGE_UNEXPECTED',
    'PROTOCOL_VERSION',
    'ROSTER_INVALID',
    'SHARE_INVALID',
    'SIGNATURE_INVALID',
  ]);
  expect(failureOf(new SottoError('BUDGET_EXCEEDED', 'raise epsilon to 8.1, budget 8')).told).toBe(
    'policy line budget',
  );
});
