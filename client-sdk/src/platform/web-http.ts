import { blobMaxBytes } from '@sotto/shared/protocol';
import {
  answerTooLarge,
  coordinatorUrl,
  requestFailure,
  silenceMs,
  type CoordinatorHttp,
  type HttpAnswer,
  type HttpRequest,
} from './coordinator-http.ts';
import { createPartialBody } from './partial-body.ts';

/** No cookies, nothing kept on the disk, no other address than the one that was asked for. */
const sober = { cache: 'no-store', credentials: 'omit', redirect: 'error', referrerPolicy: 'no-referrer' } as const;

/** Bodies up to here leave at once, in bytes. */
const smallBytes = 65_536;

/**
 * Requests by `fetch`, in a page or a worker. TLS is the browser's own: no certificate can be pinned here.
 *
 * @param coordinator - base URL from the invitation; another origin than the page's must be one that the coordinator allows.
 * @throws {INVALID_INPUT} when the address is no URL of http or https.
 */
export function createWebHttp(coordinator: string): CoordinatorHttp {
  const address = coordinatorUrl(coordinator);
  const closing = new AbortController();

  async function request(wanted: HttpRequest): Promise<HttpAnswer> {
    const { method, path, headers = {}, body, maxBytes = blobMaxBytes, signal, partial } = wanted;
    const silence = new AbortController();
    const signals = [silence.signal, closing.signal, ...(signal ? [signal] : [])];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const heard = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(new Error(`no answer for ${silenceMs} ms`)), silenceMs);
    };
    // A page does not hear how much of a large body has gone, nor that the coordinator lets it wait.
    if (body === undefined || body.length <= smallBytes) heard();
    try {
      const init = {
        ...sober,
        method,
        headers,
        ...(body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> }),
        signal: AbortSignal.any(signals),
      };
      const answer = await fetch(new URL(path, address), init);
      const { status } = answer;
      const into = partial?.begin(status, answer.headers.get('content-range') ?? undefined)
        ? partial
        : createPartialBody();
      const reader = answer.body?.getReader();
      for (;;) {
        heard();
        const read = await reader?.read();
        if (read?.value === undefined) break;
        if (into.length + read.value.length > maxBytes) {
          silence.abort();
          throw answerTooLarge(wanted, maxBytes);
        }
        into.push(read.value);
      }
      return { status, body: into.bytes() };
    } catch (error) {
      throw requestFailure(error, coordinator, signal ?? closing.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  return { request, close: () => closing.abort() };
}
