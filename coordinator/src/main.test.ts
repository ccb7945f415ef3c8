import { createHash } from 'node:crypto';
import { mkdtemp, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { createNodeCrypto, createNodeRandom } from '@sotto/shared/crypto/node';
import { exampleAuthority, exampleClients, examplePlan } from '@sotto/shared/plan/testing';
import {
  authorityKeyOf,
  issueCertificate,
  issueInvitation,
  signInBytes,
  signPlan,
  signRevocations,
  verifyRevocations,
  type Certificate,
  type RunStatus,
  type ServerMessage,
} from '@sotto/shared/protocol';
import { fromHex, toHex } from '@sotto/shared/vector';
import { io, type Socket } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './cli/program.ts';
import { startCoordinator, type Coordinator } from './main.ts';
import { createFakeClient, type FakeClient } from './testing/fake-client.ts';

const crypto = createNodeCrypto();
const random = createNodeRandom();
const key = authorityKeyOf(exampleAuthority().seed);
const identities = exampleClients(4);
const plan = examplePlan({ clients: 3, rounds: 3, evaluateEvery: null });
const roster = exampleClients(3);

type Answer = { status: number; headers: IncomingHttpHeaders; body: Buffer; json: () => ReturnType<typeof JSON.parse> };

function ask(
  url: string,
  method: string,
  path: string,
  options: { token?: string; json?: unknown; body?: Uint8Array; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const body = options.json === undefined ? options.body : Buffer.from(JSON.stringify(options.json));
  const headers: Record<string, string> = { ...options.headers };
  if (options.token !== undefined) headers['authorization'] = `Bearer ${options.token}`;
  if (options.json !== undefined) headers['content-type'] = 'application/json';
  if (body !== undefined) headers['content-length'] = String(body.length);
  const request = url.startsWith('https') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = request(`${url}${path}`, { method, headers, rejectUnauthorized: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const whole = Buffer.concat(chunks);
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          body: whole,
          json: () => JSON.parse(whole.toString('utf8')),
        });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

async function certificateOf(identity: (typeof identities)[number], expiresAt = '2040-01-01T00:00:00Z') {
  const terms = {
    coordinator: 'https://127.0.0.1:1',
    tlsFingerprint: null,
    role: 'silo',
    quota: 1,
    expiresAt,
  } as const;
  return issueCertificate(issueInvitation(key, terms, random), identity.identity, identity.name, crypto);
}

async function signIn(url: string, identity: (typeof identities)[number]): Promise<string> {
  const { client } = identity;
  const { nonce } = (await ask(url, 'POST', '/v1/sign-in/challenge', { json: { client } })).json();
  const signature = toHex(await crypto.ed25519Sign(fromHex(identity.seed), signInBytes(nonce, client)));
  return (await ask(url, 'POST', '/v1/sign-in', { json: { client, nonce, signature } })).json().token;
}

/** A fake client on the real wire. */
async function joinOnWire(url: string, index: number): Promise<{ fake: FakeClient; socket: Socket; token: string }> {
  const identity = roster[index]!;
  const token = await signIn(url, identity);
  const socket = io(`${url}/clients`, {
    auth: { token },
    transports: ['websocket'],
    rejectUnauthorized: false,
    forceNew: true,
  });
  const fake = createFakeClient(identity, plan, { crypto, random }, (attempt, j) => index * 100 + attempt + j, {
    received: (_client, envelope) => socket.timeout(10_000).emitWithAck('envelope', envelope),
    uploaded: async (_client, upload, vector) => {
      const path = `/v1/sessions/${upload.sessionId}/vector`;
      const headers = { 'x-sotto-upload': JSON.stringify(upload), 'content-type': 'application/octet-stream' };
      const answer = await ask(url, 'PUT', path, { token, body: vector, headers });
      const again = await ask(url, 'PUT', path, { token, body: vector, headers });
      expect(again.json()).toEqual(answer.json());
      return answer.json();
    },
  });
  socket.on('message', (message: ServerMessage) => void fake.receive(message));
  await new Promise<void>((resolve, reject) => {
    socket.on('connect', () => resolve());
    socket.on('connect_error', reject);
  });
  return { fake, socket, token };
}

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-coordinator-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('coordinator on a real port, with TLS', () => {
  let coordinator: Coordinator;
  let dir = '';
  const sockets: Socket[] = [];

  beforeAll(async () => {
    dir = join(folder, 'tls');
    const dashboard = join(folder, 'dashboard');
    await mkdir(join(dashboard, '_next', 'static'), { recursive: true });
    await writeFile(
      join(dashboard, 'index.html'),
      '<html><script>self.x=1</script><script src="/a.js"></script></html>',
    );
    await writeFile(join(dashboard, '_next', 'static', 'a.js'), '1');
    const policy = "default-src 'none'; script-src 'self' 'sha256-x='";
    await writeFile(join(dashboard, 'csp.json'), JSON.stringify({ 'index.html': policy }));
    await writeFile(join(dashboard, '.secret'), 'no');
    await writeFile(join(folder, 'outside.txt'), 'no');
    coordinator = await startCoordinator({ dir, port: 0, authority: key.publicKey, dashboard, log: 'silent' });
  });
  afterAll(async () => {
    for (const socket of sockets) socket.close();
    await coordinator.close();
  });

  it('says who it is, with security headers', async () => {
    const answer = await ask(coordinator.url, 'GET', '/v1/info');
    expect(answer.json()).toMatchObject({ name: 'sotto', protocol: 1, authority: key.publicKey });
    expect(answer.headers['strict-transport-security']).toMatch(/^max-age=[1-9]\d*/);
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    expect((await ask(coordinator.url, 'GET', '/v1/health')).json()).toEqual({ ok: true });
  });

  it('shows the certificate whose fingerprint it prints, and keeps it and its tokens private', async () => {
    const shown = await new Promise<string>((resolve, reject) => {
      const sent = httpsRequest(
        `${coordinator.url}/v1/health`,
        { rejectUnauthorized: false, agent: false },
        (answer) => {
          const { raw } = (answer.socket as TLSSocket).getPeerCertificate();
          resolve(createHash('sha256').update(raw).digest('hex'));
          answer.resume();
        },
      );
      sent.on('error', reject);
      sent.end();
    });
    expect(shown).toBe(coordinator.fingerprint);
    for (const name of ['tls/key.pem', 'operator-token', 'view-token']) {
      expect((await stat(join(dir, name))).mode & 0o777).toBe(0o600);
    }
  });

  it('enrols with a good certificate only', async () => {
    const { url } = coordinator;
    for (const identity of identities) {
      const certificate = await certificateOf(identity);
      const answer = await ask(url, 'POST', '/v1/enrol', { json: { certificate } });
      expect(answer.json()).toEqual({ client: identity.client });
      expect((await ask(url, 'POST', '/v1/enrol', { json: { certificate } })).status).toBe(200);
    }
    const stranger = exampleClients(6).find(({ client }) => !identities.some((known) => known.client === client))!;
    const refused = async (certificate: Certificate, code: string) => {
      const answer = await ask(url, 'POST', '/v1/enrol', { json: { certificate } });
      expect(answer.status).toBe(403);
      expect(answer.json()).toMatchObject({ code });
      expect(answer.json().cure).not.toBe('');
    };
    const good = await certificateOf(stranger);
    await refused({ ...good, name: 'altered' }, 'CERTIFICATE_INVALID');
    await refused({ ...good, voucher: { ...good.voucher, quota: 5 } }, 'CERTIFICATE_INVALID');
    await refused(await certificateOf(stranger, '2020-01-01T00:00:00Z'), 'INVITATION_INVALID');
    expect((await ask(url, 'POST', '/v1/enrol', { json: { certificate: 1 } })).json().code).toBe('INVALID_INPUT');
  });

  it('A7: a voucher admits no more identities than its quota', async () => {
    const terms = {
      coordinator: 'https://127.0.0.1:1',
      tlsFingerprint: null,
      role: 'silo',
      quota: 1,
      expiresAt: '2040-01-01T00:00:00Z',
    } as const;
    const invitation = issueInvitation(key, terms, random);
    const [first, second] = exampleClients(40).slice(-2);
    const answers = [];
    for (const identity of [first!, second!]) {
      const certificate = await issueCertificate(invitation, identity.identity, identity.name, crypto);
      answers.push(await ask(coordinator.url, 'POST', '/v1/enrol', { json: { certificate } }));
    }
    expect(answers.map(({ status }) => status)).toEqual([200, 403]);
    expect(answers[1]!.json().code).toBe('INVITATION_INVALID');
  });

  it('signs in by the identity key alone, and a nonce once', async () => {
    const { url } = coordinator;
    const [identity, other] = identities;
    const { client } = identity!;
    const { nonce } = (await ask(url, 'POST', '/v1/sign-in/challenge', { json: { client } })).json();
    const forged = toHex(await crypto.ed25519Sign(fromHex(other!.seed), signInBytes(nonce, client)));
    expect((await ask(url, 'POST', '/v1/sign-in', { json: { client, nonce, signature: forged } })).status).toBe(401);
    const signature = toHex(await crypto.ed25519Sign(fromHex(identity!.seed), signInBytes(nonce, client)));
    expect((await ask(url, 'POST', '/v1/sign-in', { json: { client, nonce, signature } })).status).toBe(401);
    expect(await signIn(url, identity!)).toMatch(/^[0-9a-f]{64}$/);
  });

  it('lets nobody do what is not theirs', async () => {
    const { url, viewToken } = coordinator;
    const client = await signIn(url, identities[0]!);
    const status = async (method: string, path: string, token?: string) =>
      (await ask(url, method, path, token === undefined ? {} : { token })).status;
    expect(await status('GET', '/v1/runs')).toBe(401);
    expect(await status('GET', '/v1/runs', 'f'.repeat(64))).toBe(401);
    expect(await status('GET', '/v1/runs', client)).toBe(403);
    expect(await status('POST', '/v1/runs', viewToken)).toBe(403);
    expect(await status('POST', `/v1/runs/${'a'.repeat(32)}/stop`, viewToken)).toBe(403);
    expect(await status('PUT', `/v1/sessions/${'a'.repeat(64)}/vector`, viewToken)).toBe(403);
    expect(await status('GET', '/v1/runs/none', viewToken)).toBe(404);
    expect(await status('GET', `/v1/blobs/${'a'.repeat(64)}`)).toBe(401);
  });

  it('serves the dashboard and nothing beside it', async () => {
    const { url } = coordinator;
    const page = await ask(url, 'GET', '/');
    expect(page.body.toString()).toContain('self.x=1');
    expect(page.headers['content-security-policy']).toBe("default-src 'none'; script-src 'self' 'sha256-x='");
    expect((await ask(url, 'GET', '/_next/static/a.js')).headers['cache-control']).toContain('immutable');
    for (const path of ['/.secret', '/../outside.txt', '/%2e%2e/outside.txt', '/..%2foutside.txt', '/none']) {
      expect((await ask(url, 'GET', path)).status).toBe(404);
    }
  });

  it('leads a run over sockets and HTTP; page, commands, replay and export agree on the model', async () => {
    const { url, operatorToken, viewToken } = coordinator;
    const seen: RunStatus[] = [];
    const live = io(`${url}/live`, {
      auth: { token: viewToken },
      transports: ['websocket'],
      rejectUnauthorized: false,
    });
    sockets.push(live);
    live.on('status', (status: RunStatus) => seen.push(status));
    const clients = await Promise.all([0, 1, 2].map((index) => joinOnWire(url, index)));
    sockets.push(...clients.map(({ socket }) => socket));
    const submitted = await ask(url, 'POST', '/v1/runs', { token: operatorToken, json: signPlan(plan, key) });
    expect(submitted.status).toBe(201);
    const { runId } = submitted.json();
    let status: RunStatus;
    do {
      await new Promise((resolve) => setTimeout(resolve, 50));
      status = (await ask(url, 'GET', `/v1/runs/${runId}`, { token: viewToken })).json();
    } while (status.endedAt === null);
    expect(status).toMatchObject({ state: 'finished', failedAttempts: 0, attempt: 3 });
    expect(status.bytesUp).toBeGreaterThan(3 * 3 * 14 * 4);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(seen.at(-1)).toMatchObject({ runId, state: 'finished' });

    const blob = await ask(url, 'GET', `/v1/blobs/${status.modelHash}`, { token: clients[0]!.token });
    expect(createHash('sha256').update(blob.body).digest('hex')).toBe(status.modelHash);
    const headers = { range: 'bytes=4-7' };
    const part = await ask(url, 'GET', `/v1/blobs/${status.modelHash}`, { token: viewToken, headers });
    expect([part.status, part.body]).toEqual([206, blob.body.subarray(4, 8)]);
    const cached = { 'if-none-match': `"${status.modelHash}"` };
    expect((await ask(url, 'GET', `/v1/blobs/${status.modelHash}`, { token: viewToken, headers: cached })).status).toBe(
      304,
    );
    const { entries } = (await ask(url, 'GET', `/v1/runs/${runId}/transcript`, { token: viewToken })).json();
    expect(entries).toHaveLength(4);
    const card = (await ask(url, 'GET', `/v1/runs/${runId}/card`, { token: viewToken })).json();
    expect(card).toMatchObject({ run: { runId, state: 'finished', roundsRun: 3, modelHash: status.modelHash } });
    expect(card.mechanisms).toMatchObject([{ charged: 3, released: 3 }]);
    expect((await ask(url, 'GET', `/v1/runs/${runId}/card`, { token: clients[0]!.token })).status).toBe(403);

    const command = async (...args: string[]) => {
      let out = '';
      const code = await run([...args, '--dir', dir, '--json'], {
        out: (text) => (out += text),
        error: (text) => (out += text),
        environment: {},
        ended: Promise.resolve(),
      });
      return { code, value: JSON.parse(out) };
    };
    expect((await command('status', runId.slice(0, 6))).value).toMatchObject({ runId, state: 'finished' });
    expect((await command('clients')).value.clients.length).toBeGreaterThanOrEqual(4);
    expect(await command('replay', runId)).toMatchObject({
      code: 0,
      value: { modelHash: status.modelHash, releases: 3 },
    });
    const out = join(folder, 'model.safetensors');
    expect((await command('export', runId, '--out', out)).code).toBe(0);
    expect((await stat(out)).size).toBeGreaterThan(14 * 4);
    const tfjs = join(folder, 'tfjs');
    expect((await command('export', runId, '--format', 'tfjs', '--out', tfjs)).code).toBe(0);
    expect((await stat(join(tfjs, 'weights.bin'))).size).toBe(14 * 4);
    expect((await command('status', 'none')).code).toBe(10);
    expect(await command('pause', runId)).toMatchObject({ code: 11, value: { error: { code: 'CONFLICT' } } });
  });

  it('A14: refuses a vector over the size limit, and a client that the authority revoked', async () => {
    const { url, operatorToken } = coordinator;
    const identity = identities[3]!;
    const token = await signIn(url, identity);
    const none = await ask(url, 'PUT', `/v1/sessions/${'a'.repeat(64)}/vector`, { token, body: new Uint8Array(8) });
    expect(none.json().code).toBe('MESSAGE_INVALID');
    const other = await signIn(url, identities[0]!);
    const given = () => ask(url, 'GET', '/v1/revocation-list', { token: other });
    const before = await given();
    expect([before.status, before.json().code]).toEqual([404, 'NOT_FOUND']);
    const list = signRevocations(key, 1, [identity.client]);
    const forged = { ...list, revoked: [] };
    expect((await ask(url, 'POST', '/v1/revocations', { token: operatorToken, json: forged })).status).toBe(403);
    expect((await ask(url, 'POST', '/v1/revocations', { token: operatorToken, json: list })).status).toBe(200);
    expect((await ask(url, 'POST', '/v1/revocations', { token: operatorToken, json: list })).status).toBe(409);
    expect((await ask(url, 'GET', `/v1/blobs/${'a'.repeat(64)}`, { token })).status).toBe(401);
    // The other clients see whom: the list as the authority signed it, and nobody without a token.
    const after = await given();
    expect([after.status, after.json()]).toEqual([200, list]);
    verifyRevocations(after.json(), key.publicKey);
    expect((await ask(url, 'GET', '/v1/revocation-list')).status).toBe(401);
    const { client } = identity;
    const { nonce } = (await ask(url, 'POST', '/v1/sign-in/challenge', { json: { client } })).json();
    const signature = toHex(await crypto.ed25519Sign(fromHex(identity.seed), signInBytes(nonce, client)));
    const answer = await ask(url, 'POST', '/v1/sign-in', { json: { client, nonce, signature } });
    expect([answer.status, answer.json().code]).toEqual([403, 'REVOKED']);
  });

  it('refuses sockets without a token or for somebody else’s namespace', async () => {
    const refusal = (namespace: string, token: string) =>
      new Promise<string>((resolve, reject) => {
        const options = { auth: { token }, transports: ['websocket'], rejectUnauthorized: false, forceNew: true };
        const socket = io(`${coordinator.url}${namespace}`, options);
        sockets.push(socket);
        socket.on('connect', () => reject(new Error('it was let in')));
        socket.on('connect_error', (error) => resolve(error.message));
      });
    expect(await refusal('/clients', '')).toBe('UNAUTHENTICATED');
    expect(await refusal('/clients', coordinator.operatorToken)).toBe('FORBIDDEN');
    expect(await refusal('/live', await signIn(coordinator.url, identities[0]!))).toBe('FORBIDDEN');
  });

  it('names a port in use, and a folder in use', async () => {
    const port = Number(new URL(coordinator.url).port);
    const other = startCoordinator({ dir: join(folder, 'other'), port, log: 'silent' });
    await expect(other).rejects.toMatchObject({ code: 'PORT_IN_USE' });
    await expect(startCoordinator({ dir, port: 0, log: 'silent' })).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    const stranger = 'b'.repeat(64);
    const free = join(folder, 'pinned');
    await (await startCoordinator({ dir: free, port: 0, authority: key.publicKey, log: 'silent' })).close();
    await expect(startCoordinator({ dir: free, port: 0, authority: stranger, log: 'silent' })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
  });
});
