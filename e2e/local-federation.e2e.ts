import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { examplePlan } from '@sotto/shared/plan/testing';
import { LocalFederation } from '@sotto/simulation/local';
import { expect, test } from 'vitest';

test('a federation that is opened again is found where its invitations say', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'sotto-again-'));
  const config = { dir, schema: examplePlan().schema, policy: { version: 1 as const }, nodes: [] };
  const urls: string[] = [];
  try {
    for (let time = 0; time < 2; time++) {
      const federation = await LocalFederation.open(config);
      try {
        await federation.startCoordinator();
        urls.push(federation.url);
      } finally {
        await federation.stop();
      }
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  expect(urls[1]).toBe(urls[0]);
});
