import { SottoError } from '@sotto/shared/errors';
import { revocationListMaxBytes, revocationListSchema, verifyRevocations } from '@sotto/shared/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { createRunCards } from '../runs/run-cards.ts';
import type { HttpInput } from './http-app.ts';
import { parse, requireOperator, requireViewer } from './requests.ts';

type RunParams = { Params: { run: string } };

/** What the operator's commands and the dashboard use. */
export function operatorRoutes(app: FastifyInstance, input: HttpInput): void {
  const { access, authority, driver, store } = input;
  const cards = createRunCards(store, input.blobs);

  app.get('/v1/runs', async (request) => {
    requireViewer(access, request);
    return { runs: driver.statuses().toReversed() };
  });

  app.post('/v1/runs', { bodyLimit: 4_194_304 }, async (request, reply) => {
    requireOperator(access, request);
    return reply.status(201).send(await driver.submit(request.body));
  });

  app.get<RunParams>('/v1/runs/:run', async (request) => {
    requireViewer(access, request);
    return driver.status(request.params.run);
  });

  app.get<RunParams>('/v1/runs/:run/card', async (request) => {
    requireViewer(access, request);
    return cards.cardOf(request.params.run);
  });

  app.post<RunParams>('/v1/runs/:run/pause', async (request) => {
    requireOperator(access, request);
    await driver.pause(request.params.run);
    return driver.status(request.params.run);
  });
  app.post<RunParams>('/v1/runs/:run/resume', async (request) => {
    requireOperator(access, request);
    await driver.resume(request.params.run);
    return driver.status(request.params.run);
  });
  app.post<RunParams>('/v1/runs/:run/stop', async (request) => {
    requireOperator(access, request);
    const { reason } = parse(z.strictObject({ reason: z.string().max(1_000).optional() }), request.body ?? {});
    await driver.stop(request.params.run, reason);
    return driver.status(request.params.run);
  });

  app.get<RunParams>('/v1/runs/:run/transcript', async (request) => {
    requireViewer(access, request);
    driver.status(request.params.run);
    const entries = await store.transcript(request.params.run);
    return { entries: entries.map(({ hash, entry }) => ({ hash, entry: JSON.parse(entry) })) };
  });

  app.get<RunParams>('/v1/runs/:run/releases', async (request) => {
    requireViewer(access, request);
    driver.status(request.params.run);
    return { releases: await store.releases(request.params.run) };
  });

  app.get<{ Params: { run: string; round: string } }>('/v1/runs/:run/releases/:round', async (request) => {
    requireViewer(access, request);
    driver.status(request.params.run);
    const releases = await store.releases(request.params.run);
    const release = releases.find((candidate) => String(candidate.round) === request.params.round);
    if (release === undefined) {
      throw new SottoError('NOT_FOUND', `run ${request.params.run} has no release of round ${request.params.round}`);
    }
    return release;
  });

  app.get('/v1/clients', async (request) => {
    requireViewer(access, request);
    const revoked = new Set((await store.revocations())?.revoked);
    const clients = await store.clients();
    return {
      clients: clients.map(({ client, name, enrolledAt, certificate }) => ({
        client,
        name,
        identity: certificate.identity,
        role: certificate.voucher.role,
        enrolledAt: new Date(enrolledAt).toISOString(),
        revoked: revoked.has(client),
      })),
    };
  });

  app.post('/v1/revocations', { bodyLimit: revocationListMaxBytes }, async (request) => {
    requireOperator(access, request);
    if (authority === null) throw new SottoError('UNSUPPORTED', 'this coordinator has no pinned authority');
    const list = parse(revocationListSchema, request.body);
    verifyRevocations(list, authority);
    if (!(await store.setRevocations(list))) {
      const kept = await store.revocations();
      throw new SottoError('CONFLICT', `list ${list.number} is not newer than the kept list ${kept?.number}`);
    }
    access.setRevocations(list);
    driver.revoke(list.revoked);
    input.onRevoked(list.revoked);
    return { number: list.number, revoked: list.revoked.length };
  });
}
