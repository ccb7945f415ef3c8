import type { IncomingHttpHeaders } from 'node:http';
import { SottoError } from '@sotto/shared/errors';
import { clientPaths, uploadHeader } from '@sotto/shared/protocol';
import type { FastifyInstance } from 'fastify';

/** Where a request comes from, by what a browser says of it; programs that are no browsers say nothing. */
export type RequestOrigin = 'none' | 'own' | 'allowed' | 'foreign';

/** @param allowed - origins other than the coordinator's own whose pages may be clients. */
export function originOf(headers: IncomingHttpHeaders, allowed: ReadonlySet<string>): RequestOrigin {
  const { origin, host } = headers;
  if (origin === undefined) return 'none';
  if (URL.canParse(origin) && new URL(origin).host === host) return 'own';
  return allowed.has(origin) ? 'allowed' : 'foreign';
}

/** How long a browser may go by an answer about what is allowed, in seconds. */
const preflightMaxAgeS = 600;

/**
 * Lets pages of the allowed origins use the routes of a scope: answers their browsers' question beforehand and marks every answer,
 * failures too. Other origins get no mark, so that a browser shows their pages nothing and sends none of their tokens.
 */
export function allowOrigins(scope: FastifyInstance, allowed: ReadonlySet<string>): void {
  if (allowed.size === 0) return;
  scope.addHook('onRequest', async ({ headers }, reply) => {
    void reply.header('vary', 'origin');
    if (originOf(headers, allowed) !== 'allowed') return;
    void reply.headers({
      'access-control-allow-origin': headers.origin,
      'access-control-expose-headers': 'content-range, etag',
    });
  });
  const paths = [
    clientPaths.enrol,
    clientPaths.challenge,
    clientPaths.signIn,
    clientPaths.blob(':hash'),
    clientPaths.revocationList,
    clientPaths.vector(':session'),
  ];
  for (const path of paths) {
    scope.options(path, async ({ headers }, reply) => {
      if (originOf(headers, allowed) !== 'allowed') {
        throw new SottoError('FORBIDDEN', 'pages of this origin may not be clients here: sotto serve --allow-origin');
      }
      return reply
        .status(204)
        .headers({
          'access-control-allow-methods': 'GET, HEAD, POST, PUT',
          'access-control-allow-headers': `authorization, content-type, content-range, if-none-match, range, ${uploadHeader}`,
          'access-control-max-age': String(preflightMaxAgeS),
        })
        .send();
    });
  }
}
