import { memoryReleaser } from '@sotto/shared/crypto/node';
import { SottoError } from '@sotto/shared/errors';
import {
  blobMaxBytes,
  challengeRequestSchema,
  clientIdOf,
  enrolRequestSchema,
  signInRequestSchema,
  uploadHeader,
  verifyCertificate,
} from '@sotto/shared/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { HttpInput } from './http-app.ts';
import { callerOf, parse, requireClient } from './requests.ts';
import { withUploadBody } from './upload-body.ts';
import { createUploadRoom } from './upload-room.ts';

/**
 * Requests that one address may make in a minute before it has signed in: far more than the nodes behind one address
 * need, far fewer than it takes to fill the store or the processor with signatures to verify.
 */
const strangers = { config: { rateLimit: { max: 300 } } };

/** What clients use: enrolment, sign-in, blobs, uploads. */
export function clientRoutes(app: FastifyInstance, input: HttpInput): void {
  const { access, authority, blobs, clock, crypto, driver, store } = input;

  app.post('/v1/enrol', strangers, async (request) => {
    const { certificate } = parse(enrolRequestSchema, request.body);
    if (authority === null) {
      throw new SottoError('UNSUPPORTED', 'this coordinator has no pinned authority; start it with --authority KEY');
    }
    const client = clientIdOf(certificate.identity);
    access.requireGood(client);
    const known = await store.client(client);
    await verifyCertificate(certificate, authority, known === null ? clock.now() : null, crypto);
    const record = { client, name: certificate.name, certificate, enrolledAt: clock.now() };
    const enrolled = await store.enrol(record, certificate.voucher.quota);
    if (enrolled === 'quotaUsed') {
      throw new SottoError(
        'INVITATION_INVALID',
        `the invitation admits ${certificate.voucher.quota} and has admitted as many already`,
      );
    }
    return { client };
  });

  app.post('/v1/sign-in/challenge', strangers, async (request) => {
    const { client } = parse(challengeRequestSchema, request.body);
    return { nonce: access.challenge(client), now: new Date(clock.now()).toISOString() };
  });

  app.post('/v1/sign-in', strangers, async (request) => {
    const { client, nonce, signature } = parse(signInRequestSchema, request.body);
    return access.signIn(client, nonce, signature);
  });

  app.get<{ Params: { hash: string } }>('/v1/blobs/:hash', async (request, reply) => {
    callerOf(access, request);
    const { hash } = request.params;
    const etag = `"${hash}"`;
    const immutable = 'private, max-age=31536000, immutable';
    if (request.headers['if-none-match'] === etag) return reply.status(304).header('etag', etag).send();
    const bytes = await blobs.get(hash);
    if (bytes === null) throw new SottoError('NOT_FOUND', `there is no blob ${hash.slice(0, 64)}`);
    void reply.headers({
      etag,
      'cache-control': immutable,
      'accept-ranges': 'bytes',
      'content-type': 'application/octet-stream',
    });
    const range = rangeOf(request.headers.range, bytes.length);
    if (range === 'unsatisfiable') {
      return reply.status(416).header('content-range', `bytes */${bytes.length}`).send();
    }
    const part = range === null ? bytes : bytes.subarray(range.from, range.to + 1);
    driver.served(hash, part.length);
    if (range !== null) {
      void reply.status(206).header('content-range', `bytes ${range.from}-${range.to}/${bytes.length}`);
    }
    return reply.send(Buffer.from(part.buffer, part.byteOffset, part.length));
  });

  void app.register(async (scope) => {
    // The vector streams past Fastify's parser into one buffer of the size that the session says, when there is room for it.
    const room = createUploadRoom(clock, input.uploadRoomBytes);
    const release = await memoryReleaser();
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    scope.put<{ Params: { session: string } }>(
      '/v1/sessions/:session/vector',
      { bodyLimit: blobMaxBytes },
      (request, { raw }) => {
        const client = requireClient(access, request);
        const upload = uploadOf(request);
        const { session } = request.params;
        return withUploadBody(
          room,
          release,
          { sender: `${client} of session ${session.slice(0, 8)}`, body: request.raw, response: raw },
          () => driver.vectorBytes(client, session),
          (vector) => driver.uploaded(client, upload, vector),
        );
      },
    );
  });
}

/** @throws {MESSAGE_INVALID} */
function uploadOf(request: FastifyRequest): unknown {
  const text = request.headers[uploadHeader];
  if (typeof text !== 'string') throw new SottoError('MESSAGE_INVALID', `the header ${uploadHeader} is missing`);
  try {
    return JSON.parse(text);
  } catch {
    throw new SottoError('MESSAGE_INVALID', `the header ${uploadHeader} is not JSON`);
  }
}

/** First and last byte of a single range; null for the whole. */
function rangeOf(header: string | undefined, length: number): { from: number; to: number } | 'unsatisfiable' | null {
  const match = header === undefined ? null : /^bytes=(\d+)-(\d*)$/.exec(header);
  if (match === null) return null;
  const from = Number(match[1]);
  const to = match[2] ? Math.min(Number(match[2]), length - 1) : length - 1;
  return from >= length || to < from ? 'unsatisfiable' : { from, to };
}
