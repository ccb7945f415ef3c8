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
  type UploadOffset,
} from '@sotto/shared/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { HttpInput } from './http-app.ts';
import { callerOf, parse, requireClient } from './requests.ts';
import { createUploadIntake } from './upload-body.ts';
import { createUploadRoom } from './upload-room.ts';

/**
 * Requests that one address may make in a minute before it has signed in: far more than the nodes behind one address
 * need, far fewer than it takes to fill the store or the processor with signatures to verify.
 */
const strangers = { config: { rateLimit: { max: 300 } } };

/** What clients use: enrolment, sign-in, blobs, the revocation list, uploads. */
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

  app.get('/v1/revocation-list', async (request) => {
    callerOf(access, request);
    const list = await store.revocations();
    if (list === null) throw new SottoError('NOT_FOUND', 'there is no revocation list: nobody was revoked');
    return list;
  });

  void app.register(async (scope) => {
    // The vector streams past Fastify's parser into one buffer of the size that the session says, when there is room for it.
    const room = createUploadRoom(clock, input.uploadRoomBytes);
    const intake = createUploadIntake(clock, room, await memoryReleaser());
    const senderOf = (client: string, session: string) => `${client} of session ${session.slice(0, 8)}`;
    scope.addHook('onClose', async () => intake.close());
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    scope.put<{ Params: { session: string } }>(
      '/v1/sessions/:session/vector',
      { bodyLimit: blobMaxBytes },
      async (request, reply) => {
        const client = requireClient(access, request);
        const { upload, hash } = uploadOf(request);
        const { session } = request.params;
        const taken = await intake.take(
          {
            sender: senderOf(client, session),
            body: request.raw,
            response: reply.raw,
            from: firstByteOf(request.headers['content-range']),
            hash,
          },
          () => driver.vectorBytes(client, session),
          (vector) => driver.uploaded(client, upload, vector),
        );
        if ('result' in taken) return taken.result;
        const offset: UploadOffset = { offset: taken.goOnAt };
        return reply.status(409).send(offset);
      },
    );
    scope.get<{ Params: { session: string } }>(
      '/v1/sessions/:session/vector',
      async (request): Promise<UploadOffset> => {
        const client = requireClient(access, request);
        const { session } = request.params;
        return { offset: await intake.offset(senderOf(client, session), () => driver.vectorBytes(client, session)) };
      },
    );
  });
}

/** The signed message, not checked yet, and the vector's hash in it. @throws {MESSAGE_INVALID} */
function uploadOf(request: FastifyRequest): { upload: unknown; hash: string } {
  const text = request.headers[uploadHeader];
  if (typeof text !== 'string') throw new SottoError('MESSAGE_INVALID', `the header ${uploadHeader} is missing`);
  try {
    const upload: unknown = JSON.parse(text);
    const named = typeof upload === 'object' && upload !== null && 'vectorHash' in upload ? upload.vectorHash : null;
    return { upload, hash: typeof named === 'string' ? named : '' };
  } catch {
    throw new SottoError('MESSAGE_INVALID', `the header ${uploadHeader} is not JSON`);
  }
}

/** Where in the vector a body begins, by its `content-range`; at the end where it has a star for the range. @throws {MESSAGE_INVALID} */
function firstByteOf(contentRange: string | undefined): number {
  if (contentRange === undefined) return 0;
  const match = /^bytes (?:(\d{1,10})-\d{1,10}|\*)\/(\d{1,10})$/.exec(contentRange);
  if (match === null) throw new SottoError('MESSAGE_INVALID', 'the header content-range is malformed');
  return Number(match[1] ?? match[2]);
}

/** First and last byte of a single range; null for the whole. */
function rangeOf(header: string | undefined, length: number): { from: number; to: number } | 'unsatisfiable' | null {
  const match = header === undefined ? null : /^bytes=(\d+)-(\d*)$/.exec(header);
  if (match === null) return null;
  const from = Number(match[1]);
  const to = match[2] ? Math.min(Number(match[2]), length - 1) : length - 1;
  return from >= length || to < from ? 'unsatisfiable' : { from, to };
}
