#!/usr/bin/env node
/**
 * Serves the built dashboard on a port of its own and passes `/v1` and `/socket.io` on to a coordinator, for a container of its
 * own; a coordinator can serve the same files itself (`sotto serve --dashboard dashboard/out`). Node's built-ins only.
 *
 * SOTTO_COORDINATOR   address of the coordinator, http:// or https:// (needed)
 * SOTTO_FINGERPRINT   SHA-256 of its certificate, hex; without it the certificate must be one that Node trusts
 * SOTTO_HOST, SOTTO_PORT   where to listen (127.0.0.1, 8080); 0 takes a free port
 */
import { readFile, readdir } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { extname, join } from 'node:path';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
};
const passedOn = ['/v1/', '/socket.io/'];
/** Headers that speak of one connection and must not be passed on (RFC 9110 §7.6.1); an upgrade keeps its own two. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * @param {{ coordinator: string, fingerprint?: string, folder?: string }} options
 * @returns {Promise<import('node:http').Server>} not listening yet
 */
export async function createDashboardServer({ coordinator, fingerprint, folder = defaultFolder() }) {
  const target = new URL(coordinator);
  if (target.protocol !== 'http:' && target.protocol !== 'https:') {
    throw new TypeError(`SOTTO_COORDINATOR: expected http:// or https://, got ${target.protocol}//`);
  }
  const pin = fingerprint?.replaceAll(':', '').toLowerCase();
  if (pin !== undefined && !/^[0-9a-f]{64}$/.test(pin))
    throw new TypeError('SOTTO_FINGERPRINT: expected 64 hexadecimal digits');
  if (pin !== undefined && target.protocol !== 'https:')
    throw new TypeError('SOTTO_FINGERPRINT needs an https:// coordinator');
  const agent = pin === undefined ? new HttpsAgent({ keepAlive: true, minVersion: 'TLSv1.3' }) : new PinnedAgent(pin);
  const files = await readFiles(folder);

  const server = createServer((request, response) => {
    const path = pathOf(request.url);
    if (path === '/healthz') return void response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n');
    if (passedOn.some((prefix) => path.startsWith(prefix))) return void passOn(request, response);
    const file = request.method === 'GET' || request.method === 'HEAD' ? files.get(path) : undefined;
    if (file === undefined) {
      const missing = files.get('/404.html');
      response.writeHead(404, { ...common, ...missing?.headers });
      return void response.end(missing?.bytes);
    }
    response.writeHead(200, { ...common, ...file.headers, 'content-length': file.bytes.length });
    response.end(request.method === 'HEAD' ? undefined : file.bytes);
  });

  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    if (!pathOf(request.url).startsWith('/socket.io/')) return void socket.end('HTTP/1.1 404 Not Found\r\n\r\n');
    const onward = open(request, { connection: 'Upgrade', upgrade: 'websocket' });
    onward.on('upgrade', (answer, far, farHead) => {
      far.on('error', () => socket.destroy());
      far.on('close', () => socket.destroy());
      socket.on('close', () => far.destroy());
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${rawHeaders(answer)}\r\n`);
      if (farHead.length > 0) socket.write(farHead);
      if (head.length > 0) far.write(head);
      far.pipe(socket).pipe(far);
    });
    onward.on('response', (answer) => {
      answer.resume();
      socket.end(`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\nconnection: close\r\n\r\n`);
    });
    onward.on('error', () => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
    onward.end();
  });
  return server;

  function passOn(request, response) {
    const onward = open(request, {});
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, withoutHops(answer.headers));
      answer.pipe(response);
    });
    onward.on('error', (error) => {
      if (response.headersSent) return void response.destroy();
      response.writeHead(502, { ...common, 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ code: 'UNREACHABLE', message: `the coordinator does not answer: ${error.message}` }),
      );
    });
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  }

  function open(request, extraHeaders) {
    const headers = { ...withoutHops(request.headers), ...extraHeaders, host: target.host };
    // The coordinator takes sockets of its own pages alone, and this server's pages are its own.
    const { origin = '' } = headers;
    if (URL.canParse(origin) && new URL(origin).host === request.headers.host) headers.origin = target.origin;
    const url = new URL(request.url ?? '/', target);
    if (target.protocol === 'http:') return httpRequest(url, { method: request.method, headers });
    return httpsRequest(url, { method: request.method, headers, agent });
  }
}

/** Connections whose certificate is the pinned one: nobody gets such a socket, to write a token to, before it was compared. */
class PinnedAgent extends HttpsAgent {
  constructor(pin) {
    super({ keepAlive: true });
    this.pin = pin;
  }

  createConnection(options, callback) {
    // The fingerprint takes the place of the chain and of the name.
    const socket = connect({
      ...options,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.3',
      ALPNProtocols: ['http/1.1'],
    });
    socket.once('error', callback);
    socket.once('secureConnect', () => {
      socket.removeListener('error', callback);
      const seen = socket.getPeerCertificate().fingerprint256?.replaceAll(':', '').toLowerCase();
      if (seen === this.pin) return void callback(null, socket);
      socket.destroy();
      callback(new Error(`certificate fingerprint: expected ${this.pin}, got ${seen}`));
    });
    return undefined;
  }
}

const common = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

function defaultFolder() {
  return fileURLToPath(new URL('out', import.meta.url));
}

/** The path alone; an address that cannot be parsed is no file of ours. */
function pathOf(url = '/') {
  return url.split(/[?#]/, 1)[0] ?? '/';
}

function withoutHops(headers) {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.has(name)));
}

function rawHeaders(answer) {
  let text = '';
  for (let index = 0; index < answer.rawHeaders.length; index += 2) {
    text += `${answer.rawHeaders[index]}: ${answer.rawHeaders[index + 1]}\r\n`;
  }
  return text;
}

/** Lists the export once: a request picks from the list, so none can name a path outside it. */
async function readFiles(folder) {
  const policies = JSON.parse(await readFile(join(folder, 'csp.json'), 'utf8'));
  const files = new Map();
  for (const name of await readdir(folder, { recursive: true })) {
    const type = types[extname(name)];
    if (type === undefined) continue;
    const path = name.replaceAll('\\', '/');
    const headers = {
      'content-type': type,
      'cache-control': path.startsWith('_next/static/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      ...(policies[path] === undefined ? {} : { 'content-security-policy': policies[path] }),
    };
    files.set(`/${path}`, { bytes: await readFile(join(folder, name)), headers });
  }
  files.set('/', files.get('/index.html'));
  return files;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const coordinator = process.env.SOTTO_COORDINATOR;
  if (!coordinator) {
    console.error('SOTTO_COORDINATOR is not set: give the coordinator’s address, e.g. https://127.0.0.1:8443');
    process.exit(2);
  }
  const server = await createDashboardServer({ coordinator, fingerprint: process.env.SOTTO_FINGERPRINT || undefined });
  const host = process.env.SOTTO_HOST || '127.0.0.1';
  server.on('error', (error) => {
    console.error(error.code === 'EADDRINUSE' ? `${host}: the port is in use; set SOTTO_PORT` : error.message);
    process.exit(1);
  });
  server.listen(Number(process.env.SOTTO_PORT || 8080), host, () => {
    const { port } = server.address();
    console.log(`dashboard: http://${host}:${port}/  coordinator: ${coordinator}`);
  });
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      server.closeAllConnections();
      server.close(() => process.exit(0));
      setTimeout(() => process.exit(0), 1_000).unref();
    });
  }
}
