import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server as NetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server } from 'socket.io';
import { io } from 'socket.io-client';
import { afterEach, expect, test } from 'vitest';
import { createDashboardServer } from '../dashboard/serve.mjs';

/** The dashboard's own server: files with their policy, and a pass to the coordinator that its fingerprint guards. */
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function listen(server: NetServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const answer: RequestListener = (request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ path: request.url, authorization: request.headers.authorization }));
};

function certificate(): { key: string; cert: string; fingerprint: string } {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-serve-'));
  closers.push(() => rmSync(folder, { recursive: true }));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=coordinator', '-days', '2', '-nodes'];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-keyout', key, '-out', cert, ...subject],
    { stdio: 'ignore' },
  );
  const pem = readFileSync(cert, 'utf8');
  return { key: readFileSync(key, 'utf8'), cert: pem, fingerprint: new X509Certificate(pem).fingerprint256 };
}

test('serves the page under its strict policy, and nothing outside the folder', async () => {
  const address = await listen(await createDashboardServer({ coordinator: 'http://127.0.0.1:1' }));
  const page = await fetch(`http://${address}/`);
  expect(page.status).toBe(200);
  expect(page.headers.get('content-security-policy')).toMatch(/script-src 'self' 'sha256-/);
  expect(page.headers.get('content-security-policy')).not.toContain('unsafe');
  for (const path of ['/../package.json', '/%2e%2e/package.json', '/csp.json', '/nothing']) {
    expect((await fetch(`http://${address}${path}`)).status, path).toBe(404);
  }
});

test('a coordinator that does not answer is a 502 with a code', async () => {
  const address = await listen(await createDashboardServer({ coordinator: 'http://127.0.0.1:1' }));
  const response = await fetch(`http://${address}/v1/runs`);
  expect(response.status).toBe(502);
  expect(await response.json()).toMatchObject({ code: 'UNREACHABLE' });
});

test('passes requests and sockets on over TLS to the pinned certificate', async () => {
  const { key, cert, fingerprint } = certificate();
  const coordinator = createHttpsServer({ key, cert }, answer);
  const sockets = new Server(coordinator, { transports: ['websocket'] });
  sockets.of('/live').on('connection', (socket) => socket.emit('status', { token: socket.handshake.auth['token'] }));
  const target = await listen(coordinator);
  closers.push(() => sockets.close());
  const address = await listen(await createDashboardServer({ coordinator: `https://${target}`, fingerprint }));

  const response = await fetch(`http://${address}/v1/runs?x=1`, { headers: { authorization: 'Bearer t' } });
  expect(await response.json()).toEqual({ path: '/v1/runs?x=1', authorization: 'Bearer t' });

  const socket = io(`http://${address}/live`, { transports: ['websocket'], auth: { token: 't' }, reconnection: false });
  closers.push(() => socket.disconnect());
  const status = await new Promise((resolve, reject) => {
    socket.on('status', resolve);
    socket.on('connect_error', reject);
  });
  expect(status).toEqual({ token: 't' });
});

test('another certificate gets no request: the token never leaves', async () => {
  const real = certificate();
  const impostor = certificate();
  let asked = 0;
  const target = await listen(
    createHttpsServer({ key: impostor.key, cert: impostor.cert }, (_request, response) => {
      asked += 1;
      response.end();
    }),
  );
  const address = await listen(
    await createDashboardServer({ coordinator: `https://${target}`, fingerprint: real.fingerprint }),
  );
  const response = await fetch(`http://${address}/v1/runs`, { headers: { authorization: 'Bearer secret' } });
  expect(response.status).toBe(502);
  expect(asked).toBe(0);
});

test('a pin without TLS, and a malformed one, are refused at the start', async () => {
  await expect(createDashboardServer({ coordinator: 'http://a', fingerprint: 'ab'.repeat(32) })).rejects.toThrow(
    'https',
  );
  await expect(createDashboardServer({ coordinator: 'https://a', fingerprint: 'xy' })).rejects.toThrow(
    '64 hexadecimal',
  );
});
