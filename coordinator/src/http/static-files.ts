import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { SottoError } from '@sotto/shared/errors';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
};

type StaticFile = {
  readonly type: string;
  readonly bytes: Buffer;
  readonly policy: string | null;
  readonly hashed: boolean;
};

/**
 * Serves an exported dashboard under `/`. The files are listed once at start and a request picks from that list, so no request
 * can name a path outside; dot files and unknown types are not listed.
 */
export async function staticFiles(app: FastifyInstance, folder: string): Promise<void> {
  const files = await readFolder(folder);
  app.get('/*', async (request, reply) => {
    const path = decodeURIComponent(request.url.split('?')[0] ?? '/');
    const file = files.get(path) ?? files.get(`${path.replace(/\/$/, '')}/index.html`) ?? files.get(`${path}.html`);
    if (file === undefined) throw new SottoError('NOT_FOUND', `there is no page ${path.slice(0, 200)}`);
    if (file.policy !== null) void reply.header('content-security-policy', file.policy);
    void reply.header('cache-control', file.hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
    return reply.header('content-type', file.type).send(file.bytes);
  });
}

async function readFolder(folder: string): Promise<ReadonlyMap<string, StaticFile>> {
  const policies = await readPolicies(folder);
  const files = new Map<string, StaticFile>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.startsWith('.')) continue;
    const type = contentTypes[extname(entry.name)];
    if (type === undefined) continue;
    const full = join(entry.parentPath, entry.name);
    const path = `/${relative(folder, full).split(sep).join('/')}`;
    const bytes = await readFile(full);
    const policy = policies.get(path.slice(1)) ?? null;
    files.set(path, { type, bytes, policy, hashed: path.startsWith('/_next/static/') });
  }
  return files;
}

/** The build knows its pages' inline scripts and writes each page's policy into `csp.json` (dashboard/build). */
async function readPolicies(folder: string): Promise<ReadonlyMap<string, string>> {
  const path = join(folder, 'csp.json');
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) {
    throw new SottoError(
      'FILE_NOT_FOUND',
      `setting dashboard: ${path} is missing; build it with: npm run build -w @sotto/dashboard`,
    );
  }
  return new Map(Object.entries(z.record(z.string(), z.string()).parse(JSON.parse(text))));
}
