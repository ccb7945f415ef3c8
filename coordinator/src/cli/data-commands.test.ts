import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataCard } from '@sotto/shared/card';
import { authorityKeyOf, signPlan } from '@sotto/shared/protocol';
import { exampleAuthority, examplePlan } from '@sotto/shared/plan/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFileBlobs } from '../store/file-blobs.ts';
import { openSqliteStore } from '../store/open-sqlite.ts';
import { createFederation } from '../testing/federation.ts';
import { run } from './program.ts';

const measures = [{ kind: 'labels' as const }, { kind: 'columns' as const, columns: ['age', 'chol'], bins: 5 }];
const plan = examplePlan({
  clients: 4,
  rounds: 1,
  evaluateEvery: null,
  privacy: 'none',
  overrides: {
    split: { validation: 0, test: 0.3 },
    survey: { measures, minimumUnits: 1 },
    report: { measures, minimumUnits: 1 },
  },
});
let dir = '';
let runId = '';
let planFile = '';

async function sotto(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  let [out, error] = ['', ''];
  const code = await run(args, {
    out: (text) => (out += text),
    error: (text) => (error += text),
    environment: { SOTTO_DIR: dir },
    ended: Promise.resolve(),
  });
  return { code, out, error };
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sotto-data-'));
  planFile = join(dir, 'plan.json');
  await writeFile(planFile, JSON.stringify(signPlan(plan, authorityKeyOf(exampleAuthority().seed))));
  const store = await openSqliteStore(join(dir, 'store.db'), 'write');
  const federation = await createFederation(plan, { store, blobs: createFileBlobs(join(dir, 'blobs')) });
  for (const client of federation.clients) federation.connect(client);
  ({ runId } = await federation.driver().submit(federation.signedPlan));
  expect(await federation.until(() => federation.driver().status(runId).endedAt !== null)).toBe(true);
  await federation.driver().close();
  await store.close();
});

afterAll(() => rm(dir, { recursive: true }));

describe('sotto data', () => {
  it('shows what a plan fixes before it runs', async () => {
    const { code, out } = await sotto('data', planFile);
    expect(code).toBe(0);
    expect(out).toContain('# Data card: example hospitals');
    expect(out).toContain('Nothing was asked of the data yet.');
  });

  it('shows a run’s survey, whether it is enough, and what drifted since', async () => {
    const { code, out } = await sotto('data', runId.slice(0, 6));
    expect(code).toBe(0);
    expect(out).toContain('## Is it enough?');
    expect(out).toContain('## Drift: labels of the report in round 2 against the survey');
    expect(out).toContain('| age |');
    const told = JSON.parse((await sotto('data', runId, '--json')).out) as {
      card: DataCard;
      drift: { kind: string }[];
    };
    expect(told.card.units!.figure!.value).toBeGreaterThan(0);
    expect(told.card.clients.length).toBe(4);
    expect(told.drift.map(({ kind }) => kind)).toEqual(['labels', 'columns']);
  });

  it('refuses what is neither', async () => {
    expect(await sotto('data', 'nothing')).toMatchObject({ code: 10 });
  });
});
