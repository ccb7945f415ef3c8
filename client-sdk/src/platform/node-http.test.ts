import 'reflect-metadata';
import { createHash, webcrypto } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { isSottoError } from '@sotto/shared/errors';
import { X509CertificateGenerator } from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postJson } from './coordinator-http.ts';
import { createNodeHttp } from './node-http.ts';

let server: Server;
let address = '';
let fingerprint = '';
const seen: string[] = [];

beforeAll(async () => {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    { name: 'CN=nobody-checks-this', keys, signingAlgorithm: algorithm, serialNumber: '01' },
    globalThis.crypto,
  );
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  fingerprint = createHash('sha256').update(Buffer.from(certificate.rawData)).digest('hex');
  server = createServer(
    { cert: certificate.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n` },
    (request, response) => {
      seen.push(`${request.method} ${request.url}`);
      if (request.url === '/refuse') {
        response.statusCode = 403;
        response.end(JSON.stringify({ code: 'REVOKED', message: 'client x was revoked', cure: '' }));
      } else response.end(request.url === '/large' ? 'x'.repeat(1_000) : '{"fine":true}');
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const caught = (work: Promise<unknown>) => work.catch((error: unknown) => error);

describe('createNodeHttp', () => {
  it('talks to the server whose certificate was pinned, over one connection', async () => {
    const http = createNodeHttp(address, fingerprint);
    expect(await postJson(http, '/a', {})).toEqual({ fine: true });
    expect((await http.request({ method: 'GET', path: '/b' })).status).toBe(200);
    expect(await new Promise((resolve) => server.getConnections((_, count) => resolve(count)))).toBe(1);
    http.close();
  });

  it('sends nothing to a server with another certificate', async () => {
    const before = seen.length;
    const http = createNodeHttp(address, '00'.repeat(32));
    const failure = await caught(postJson(http, '/secret', { token: 1 }));
    expect(isSottoError(failure, 'TLS_MISMATCH')).toBe(true);
    expect(String(failure)).toContain(fingerprint);
    expect(seen.length).toBe(before);
    http.close();
  });

  it('gives the coordinator’s own error, and its own for what never arrived or is too large', async () => {
    const http = createNodeHttp(address, fingerprint);
    expect(isSottoError(await caught(postJson(http, '/refuse', {})), 'REVOKED')).toBe(true);
    const large = await caught(http.request({ method: 'GET', path: '/large', maxBytes: 100 }));
    expect(isSottoError(large, 'MESSAGE_TOO_LARGE')).toBe(true);
    const stopped = AbortSignal.abort();
    expect(isSottoError(await caught(http.request({ method: 'GET', path: '/c', signal: stopped })), 'CANCELLED')).toBe(
      true,
    );
    http.close();
    const nobody = createNodeHttp('https://127.0.0.1:1', fingerprint);
    expect(isSottoError(await caught(postJson(nobody, '/', {})), 'UNREACHABLE')).toBe(true);
    nobody.close();
  });

  it('takes https only with a fingerprint', () => {
    expect(() => createNodeHttp('https://a.example', null)).toThrow(/fingerprint/);
    expect(() => createNodeHttp('ftp://a.example', null)).toThrow(/http/);
  });
});
