import { SottoError } from '@sotto/shared/errors';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Access, Caller } from './access.ts';

/** Validates at the door. @throws {INVALID_INPUT} naming the path. */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new SottoError(
    'INVALID_INPUT',
    `${['body', ...(issue?.path ?? [])].join('.')}: ${issue?.message ?? 'malformed'}`,
  );
}

/** @throws {UNAUTHENTICATED} */
export function callerOf(access: Access, request: FastifyRequest): Caller {
  const match = /^Bearer (\S{20,200})$/.exec(request.headers.authorization ?? '');
  return access.callerOf(match?.[1]);
}

/** @throws {UNAUTHENTICATED} {FORBIDDEN} */
export function requireClient(access: Access, request: FastifyRequest): string {
  const caller = callerOf(access, request);
  if (caller.kind !== 'client') throw new SottoError('FORBIDDEN', 'only a client may do this');
  return caller.client;
}

/** @throws {UNAUTHENTICATED} {FORBIDDEN} */
export function requireViewer(access: Access, request: FastifyRequest): void {
  if (callerOf(access, request).kind === 'client') throw new SottoError('FORBIDDEN', 'a client may not read runs');
}

/** @throws {UNAUTHENTICATED} {FORBIDDEN} */
export function requireOperator(access: Access, request: FastifyRequest): void {
  if (callerOf(access, request).kind !== 'operator') throw new SottoError('FORBIDDEN', 'only the operator may do this');
}
