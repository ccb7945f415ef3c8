import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createNodeRandom } from '@sotto/shared/crypto/node';
import { encodeInvitation, issueInvitation, type RunStatus } from '@sotto/shared/protocol';
import { LocalFederation } from '@sotto/simulation/local';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium } from './testing/browser-crypto.ts';
import { ClientPages, isBuilt } from './testing/client-pages.ts';
import { smallDraft, smallRows, smallSchema } from './testing/small-data.ts';

const policy = { version: 1, maxEpsilon: 100, budget: { epsilon: 10_000, delta: 1e-5 } } as const;

describe.skipIf(!hasChromium || !isBuilt)('clients in a browser', () => {
  let folder: string;
  let federation: LocalFederation;
  let pages: ClientPages;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sotto-browser-'));
    pages = await ClientPages.open();
    federation = await LocalFederation.open({
      dir: folder,
      schema: smallSchema,
      policy,
      nodes: ['north', 'east'].map((name) => ({ name, data: smallRows(name, 40) })),
      tls: false,
    });
    await federation.startCoordinator();
    await federation.startNodes();
  });

  afterAll(async () => {
    await pages.close();
    await federation.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('a tab joins, takes part in a secure run and keeps its books and its model', async () => {
    const tab = await pages.tab();
    await tab.begin({
      store: 'south',
      invitation: invitation(federation),
      name: 'south',
      csv: smallRows('south', 40),
      schema: smallSchema,
      policy,
    });
    await tab.until(`notice.type === 'connected'`);
    const { runId } = await federation.submit(smallDraft('with a browser', { rounds: 3 }));
    const status = await endOf(federation, runId);
    console.log(JSON.stringify(await tab.notices()).slice(0, 3000), tab.complaints);
    expect(status.state, status.reason ?? '').toBe('finished');
  });
});

function invitation(federation: LocalFederation): string {
  const terms = {
    coordinator: federation.url,
    tlsFingerprint: null,
    role: 'silo',
    quota: 1,
    expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
  } as const;
  return encodeInvitation(issueInvitation(federation.authority, terms, createNodeRandom()));
}

async function endOf(federation: LocalFederation, runId: string): Promise<RunStatus> {
  for (;;) {
    const status = await federation.operator().status(runId);
    if (status.endedAt !== null) return status;
    await sleep(50);
  }
}
