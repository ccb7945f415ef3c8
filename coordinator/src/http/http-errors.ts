import { SottoError, isSottoError, type ErrorCode } from '@sotto/shared/errors';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { RunLog } from '../runs/ports.ts';

/** HTTP status of an error; what is not listed is the server's own fault. */
const statuses: Partial<Record<ErrorCode, number>> = {
  INVALID_INPUT: 400,
  PLAN_INVALID: 422,
  PLAN_UNSIGNED: 422,
  CARD_INCOMPLETE: 422,
  BUDGET_EXCEEDED: 422,
  ROSTER_INVALID: 422,
  SIGNATURE_INVALID: 403,
  CERTIFICATE_INVALID: 403,
  INVITATION_INVALID: 403,
  REVOKED: 403,
  FORBIDDEN: 403,
  UNAUTHENTICATED: 401,
  NOT_FOUND: 404,
  CONFLICT: 409,
  MESSAGE_INVALID: 400,
  MESSAGE_UNEXPECTED: 409,
  UPLOAD_INVALID: 422,
  MESSAGE_TOO_LARGE: 413,
  RATE_LIMITED: 429,
  // The sender has gone: nobody reads it.
  CANCELLED: 400,
  DISK_FULL: 507,
};

/** Answers every failure with `{ code, message, cure }`; what is not ours to explain is logged and stays here. */
export function answerError(log: RunLog) {
  return async (error: FastifyError, request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const known = errorOf(error);
    const status = statuses[known.code] ?? 500;
    if (status === 500) log.error({ url: request.routeOptions.url, code: known.code }, error.message);
    await reply.status(status).send(known.toJSON());
  };
}

function errorOf(error: FastifyError): SottoError {
  if (isSottoError(error)) return error;
  const status = error.statusCode ?? 500;
  if (status === 413) return new SottoError('MESSAGE_TOO_LARGE', 'the request is over the size limit');
  if (status < 500) return new SottoError('INVALID_INPUT', error.message);
  return new SottoError('INTERNAL', 'the coordinator failed; its log says why');
}

/** What every error answer carries. */
export const errorAnswerSchema = z.object({ code: z.string(), message: z.string(), cure: z.string() });
