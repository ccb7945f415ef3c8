import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exampleAuthority } from '@sotto/shared/plan/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dashboardFolder } from '../dashboard-folder.ts';
import { startCoordinator, type Coordinator } from '../main.ts';

let folder = '';
let coordinator: Coordinator;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-limits-'));
  coordinator = await startCoordinator({
    dir: join(folder, 'data'),
    port: 0,
    tls: false,
    dashboard: false,
    authority: exampleAuthority().publicKey,
    log: 'silent',
  });
});
afterAll(async () => {
  await coordinator.close();
  await rm(folder, { recursive: true });
});

const post = (path: string, body: string, headers: Record<string, string> = {}) =>
  fetch(`${coordinator.url}${path}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
const challenge = () => post('/v1/sign-in/challenge', JSON.stringify({ client: 'ab'.repeat(20) }));

describe('what strangers may send', () => {
  it('a body over the limit is refused with a code, and the next request is answered', async () => {
    for (const path of ['/v1/enrol', '/v1/sign-in', '/v1/sign-in/challenge']) {
      const answer = await post(path, JSON.stringify({ client: 'a'.repeat(70_000) }));
      expect(answer.status).toBe(413);
      expect(await answer.json()).toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    }
    expect((await challenge()).status).toBe(200);
  });

  it('a plan over its own limit is refused before anything of it is read', async () => {
    const answer = await post('/v1/runs', `"${'a'.repeat(4_200_000)}"`, {
      authorization: `Bearer ${coordinator.operatorToken}`,
    });
    expect(answer.status).toBe(413);
  });

  it('headers over the limit end with 431', async () => {
    const answer = await post('/v1/sign-in', '{}', { 'x-sotto-upload': 'a'.repeat(20_000) });
    expect(answer.status).toBe(431);
  });

  it('what is not JSON is named so', async () => {
    const answer = await post('/v1/enrol', '{');
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('one address gets no more than its share of a minute, and others of its requests go on', async () => {
    let allowed = 0;
    let refused: Response | null = null;
    while (refused === null && allowed < 1_000) {
      const answer = await challenge();
      if (answer.status === 200) allowed += 1;
      else refused = answer;
    }
    expect(allowed).toBeGreaterThan(200);
    expect(allowed).toBeLessThanOrEqual(300);
    expect(refused?.status).toBe(429);
    expect(await refused?.json()).toMatchObject({ code: 'RATE_LIMITED', cure: expect.stringContaining('Wait') });
    expect((await fetch(`${coordinator.url}/v1/health`)).status).toBe(200);
  });
});

describe('the dashboard', () => {
  it('is not there when it was turned off', async () => {
    expect(coordinator.dashboard).toBeNull();
    expect((await fetch(coordinator.url)).status).toBe(404);
  });

  it('is the built one unless another is set', async () => {
    const built = join(folder, 'out');
    expect(dashboardFolder(undefined, built)).toBeNull();
    await mkdir(built);
    await writeFile(join(built, 'csp.json'), '{}');
    expect(dashboardFolder(undefined, built)).toBe(built);
    expect(dashboardFolder('elsewhere', built)).toBe('elsewhere');
    expect(dashboardFolder(false, built)).toBeNull();
  });
});
