import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Server } from 'socket.io';
import type { RunStatus } from '../lib/run-types.ts';

export const viewToken = 'a-view-token-for-tests';

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
  '.json': 'application/json',
};

export type MockCoordinator = {
  url: string;
  setRuns(runs: RunStatus[]): void;
  send(status: RunStatus): void;
  /** Cuts every socket and refuses new ones until told otherwise. */
  setDown(down: boolean): void;
  close(): Promise<void>;
};

/** Serves the built page under its strict policy, with the coordinator's live API before it and chosen statuses behind it. */
export async function startMockCoordinator(
  folder = fileURLToPath(new URL('../out', import.meta.url)),
  port = 0,
): Promise<MockCoordinator> {
  const policies: Record<string, string> = JSON.parse(await readFile(join(folder, 'csp.json'), 'utf8'));
  let runs: RunStatus[] = [];
  let down = false;

  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    if (path === '/v1/runs') {
      if (down) response.writeHead(503).end();
      else if (request.headers.authorization !== `Bearer ${viewToken}`) response.writeHead(401).end();
      else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ runs }));
      return;
    }
    void serveFile(path, response);
  });

  async function serveFile(path: string, response: ServerResponse): Promise<void> {
    const name = path === '/' ? 'index.html' : normalize(path).replace(/^[/\\]+/, '');
    try {
      const bytes = await readFile(join(folder, name));
      response.setHeader('content-type', types[extname(name)] ?? 'application/octet-stream');
      const policy = policies[name];
      if (policy !== undefined) response.setHeader('content-security-policy', policy);
      response.end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  }

  const sockets = new Server(server, { transports: ['websocket'], serveClient: false });
  const live = sockets.of('/live');
  live.use((socket, next) => {
    if (down) next(new Error('the coordinator is restarting'));
    else if (socket.handshake.auth['token'] !== viewToken) next(new Error('UNAUTHORIZED'));
    else next();
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${address.port}`,
    setRuns(next) {
      runs = next;
    },
    send(status) {
      runs = [status, ...runs.filter((run) => run.runId !== status.runId)];
      live.emit('status', status);
    },
    setDown(next) {
      down = next;
      if (down) live.disconnectSockets(true);
    },
    async close() {
      await sockets.close();
    },
  };
}
