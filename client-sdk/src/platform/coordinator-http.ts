import { errorCodes, SottoError, type ErrorCode } from '@sotto/shared/errors';
import { controlMessageMaxBytes } from '@sotto/shared/protocol';
import { fromUtf8, utf8 } from '@sotto/shared/vector';
import type { PartialBody } from './partial-body.ts';

export type HttpAnswer = { readonly status: number; readonly body: Uint8Array };

export type HttpRequest = {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly maxBytes?: number;
  readonly signal?: AbortSignal | undefined;
  /** Keeps what arrives, so that a broken connection does not lose it; the answer's body is then all of it. */
  readonly partial?: PartialBody;
};

/** Requests to one coordinator, whatever the platform makes them with. */
export type CoordinatorHttp = {
  /** One request, one answer. @throws {UNREACHABLE} {TLS_MISMATCH} {MESSAGE_TOO_LARGE} {CANCELLED} */
  request(request: HttpRequest): Promise<HttpAnswer>;
  close(): void;
};

/** Longest silence on a connection, in milliseconds. */
export const silenceMs = 30_000;

/**
 * The base URL of a coordinator.
 * @throws {INVALID_INPUT} when the address is no URL of http or https.
 */
export function coordinatorUrl(coordinator: string): URL {
  const url = URL.canParse(coordinator) ? new URL(coordinator) : null;
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url;
  throw new SottoError('INVALID_INPUT', `coordinator: expected an http or https address, got ${coordinator}`);
}

/** JSON there and back. @throws the coordinator's error by its code, besides those of `request`. */
export async function postJson(http: CoordinatorHttp, path: string, body: unknown): Promise<unknown> {
  const answer = await http.request({
    method: 'POST',
    path,
    headers: { 'content-type': 'application/json' },
    body: utf8(JSON.stringify(body)),
    maxBytes: controlMessageMaxBytes,
  });
  const value = parseJson(answer.body);
  if (answer.status >= 200 && answer.status < 300) return value;
  throw errorOfAnswer(answer.status, value, path);
}

/** The error that an answer carries, or one made from its status. */
export function errorOfAnswer(status: number, value: unknown, path: string): SottoError {
  if (typeof value === 'object' && value !== null && 'code' in value && 'message' in value) {
    const code = String(value.code);
    if (isErrorCode(code)) return new SottoError(code, String(value.message).slice(0, 1_000));
  }
  if (status === 401) return new SottoError('UNAUTHENTICATED', `${path}: the coordinator asks to sign in`);
  if (status === 404) return new SottoError('NOT_FOUND', `${path}: not found`);
  if (status === 413) return new SottoError('MESSAGE_TOO_LARGE', `${path}: too large for the coordinator`);
  return new SottoError(
    status >= 500 || status === 408 ? 'UNREACHABLE' : 'MESSAGE_INVALID',
    `${path}: the coordinator answered ${status}`,
  );
}

export function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(body));
  } catch {
    return null;
  }
}

/** @throws {MESSAGE_TOO_LARGE} when an answer outgrows what was asked for. */
export function answerTooLarge({ method, path }: HttpRequest, maxBytes: number): SottoError {
  return new SottoError('MESSAGE_TOO_LARGE', `${method} ${path}: the answer is over ${maxBytes} bytes`);
}

/** What a request failed with, as callers know it. */
export function requestFailure(error: unknown, coordinator: string, signal: AbortSignal | undefined): SottoError {
  if (error instanceof SottoError) return error;
  if (signal?.aborted) return new SottoError('CANCELLED', `${coordinator}: the request was stopped`);
  return new SottoError('UNREACHABLE', `${coordinator}: ${error instanceof Error ? error.message : String(error)}`);
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}
