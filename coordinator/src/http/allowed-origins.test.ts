import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exampleAuthority } from '@sotto/shared/plan/testing';
import { io } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../config.ts';
import { startCoordinator, type Coordinator } from '../main.ts';
import { originOf } from './allowed-origins.ts';

const app = 'https://app.example';
let folder = '';
let coordinator: Coordinator;
let closed: Coordinator;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-origins-'));
  const start = (name: string, allowOrigins: string[]) =>
    startCoordinator({
      dir: join(folder, name),
      port: 0,
      tls: false,
      dashboard: false,
      authority: exampleAuthority().publicKey,
      log: 'silent',
      allowOrigins,
    });
  coordinator = await start('open', [app]);
  closed = await start('closed', []);
});
afterAll(async () => {
  await coordinator.close();
  await closed.close();
  await rm(folder, { recursive: true });
});

const clientPaths = [
  '/v1/enrol',
  '/v1/sign-in/challenge',
  '/v1/sign-in',
  '/v1/blobs/ab',
  '/v1/revocation-list',
  '/v1/sessions/ab/vector',
];
const operatorPaths = ['/v1/runs', '/v1/clients', '/v1/revocations', '/v1/info', '/v1/health'];

function preflight({ url }: Coordinator, path: string, origin: string): Promise<Response> {
  return fetch(`${url}${path}`, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } });
}

/** What became of a socket of a page: `open`, or why not. */
function socketFrom(at: Coordinator, namespace: string, origin: string | null, token: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = io(`${at.url}${namespace}`, {
      transports: ['websocket'],
      reconnection: false,
      forceNew: true,
      auth: { token },
      ...(origin === null ? {} : { extraHeaders: { origin } }),
    });
    const end = (what: string): void => {
      socket.disconnect();
      resolve(what);
    };
    socket.on('connect', () => end('open'));
    socket.on('connect_error', ({ message }) => end(message));
  });
}

describe('pages of an allowed origin', () => {
  it('may use what clients use, and are told so beforehand', async () => {
    for (const path of clientPaths) {
      const answer = await preflight(coordinator, path, app);
      expect(answer.status, path).toBe(204);
      expect(answer.headers.get('access-control-allow-origin')).toBe(app);
      expect(answer.headers.get('access-control-allow-headers')).toContain('x-sotto-upload');
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    }
    const failed = await fetch(`${coordinator.url}/v1/blobs/ab`, { headers: { origin: app } });
    expect(failed.status).toBe(401);
    expect(failed.headers.get('access-control-allow-origin')).toBe(app);
    expect(failed.headers.get('access-control-expose-headers')).toContain('content-range');
    expect(failed.headers.get('vary')).toBe('origin');
  });

  it('may not use what the operator uses, by HTTP or by socket', async () => {
    for (const path of operatorPaths) {
      expect((await preflight(coordinator, path, app)).status, path).toBe(404);
      const headers = { origin: app, authorization: `Bearer ${coordinator.operatorToken}` };
      const answer = await fetch(`${coordinator.url}${path}`, { headers });
      expect(answer.headers.get('access-control-allow-origin'), path).toBeNull();
    }
    expect(await socketFrom(coordinator, '/live', app, coordinator.viewToken)).toBe('FORBIDDEN');
  });
});

describe('pages of other origins', () => {
  it('get no mark and no socket, and where nothing is allowed nobody does', async () => {
    const others: [Coordinator, string][] = [
      [coordinator, 'https://other.example'],
      [coordinator, 'http://app.example'],
      [coordinator, 'https://app.example.evil.example'],
      [coordinator, 'null'],
      [closed, app],
    ];
    for (const [at, origin] of others) {
      const answer = await preflight(at, '/v1/sign-in', origin);
      expect([403, 404], origin).toContain(answer.status);
      expect(answer.headers.get('access-control-allow-origin'), origin).toBeNull();
      expect(await socketFrom(at, '/clients', origin, 'none'), origin).toBe('websocket error');
      expect(await socketFrom(at, '/live', origin, at.viewToken), origin).toBe('websocket error');
    }
  });

  it('are told apart from the own ones, which need no leave, and from programs, which name none', async () => {
    for (const at of [coordinator, closed]) {
      expect(await socketFrom(at, '/live', at.url, at.viewToken)).toBe('open');
      expect(await socketFrom(at, '/live', null, at.viewToken)).toBe('open');
      expect(await socketFrom(at, '/clients', at.url, 'none')).toBe('UNAUTHENTICATED');
    }
    expect(await socketFrom(coordinator, '/clients', app, 'none')).toBe('UNAUTHENTICATED');
    expect(originOf({ host: 'a.example:8443', origin: 'https://a.example' }, new Set())).toBe('foreign');
  });
});

describe('the setting', () => {
  it('takes exact origins, and no star, path or pattern', () => {
    const origins = ['https://app.example', 'http://localhost:3000'];
    expect(readConfig({ allowOrigins: origins }).allowOrigins).toEqual(origins);
    expect(readConfig({}).allowOrigins).toEqual([]);
    for (const text of [
      '*',
      'null',
      'https://*',
      'https://app.example/',
      'app.example',
      'https://A.example',
      'file://',
    ]) {
      expect(() => readConfig({ allowOrigins: [text] }), text).toThrow(/allowOrigins/);
    }
  });
});
