import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { examplePlan } from '@sotto/shared/plan/testing';
import type { Plan } from '@sotto/shared/plan';
import { reportSchema } from '@sotto/shared/report';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFileBlobs } from '../store/file-blobs.ts';
import { openSqliteStore } from '../store/open-sqlite.ts';
import { createFederation } from '../testing/federation.ts';
import { run } from './program.ts';

const plan = examplePlan({
  clients: 4,
  rounds: 2,
  evaluateEvery: 1,
  overrides: {
    split: { validation: 0.2, test: 0.3 },
    report: {
      noiseMultiplier: 4,
      measures: [{ kind: 'performance', bins: 6 }],
      thresholds: [{ figure: 'performance.accuracy', atLeast: 0.01 }],
    },
  },
});
let dir = '';
let database = 0;

async function sotto(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  let [out, error] = ['', ''];
  const code = await run([...args, '--dir', dir], {
    out: (text) => (out += text),
    error: (text) => (error += text),
    environment: {},
    ended: Promise.resolve(),
  });
  return { code, out, error };
}

/** Runs a plan in a fresh data folder; `rounds`: stops it after so many. */
async function ran(of: Plan, rounds?: number): Promise<string> {
  dir = await mkdtemp(join(tmpdir(), `sotto-report-${database++}-`));
  folders.push(dir);
  const store = await openSqliteStore(join(dir, 'store.db'), 'write');
  const federation = await createFederation(of, { store, blobs: createFileBlobs(join(dir, 'blobs')) });
  for (const client of federation.clients) federation.connect(client);
  const { runId } = await federation.driver().submit(federation.signedPlan);
  const status = () => federation.driver().status(runId);
  if (rounds !== undefined) {
    expect(await federation.until(() => status().round > rounds)).toBe(true);
    await federation.driver().stop(runId, 'a test');
  }
  expect(await federation.until(() => status().endedAt !== null)).toBe(true);
  await federation.driver().close();
  await store.close();
  return runId;
}

const folders: string[] = [];
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true });
});

describe('sotto report', () => {
  let runId = '';
  beforeAll(async () => {
    runId = await ran(plan);
  });

  it('writes the report of a run as JSON and as a page, and says what it comes to', async () => {
    const out = join(dir, 'report');
    const { code, out: said, error } = await sotto('report', runId.slice(0, 6), '--out', out);
    expect(error).toBe('');
    expect(code).toBe(0);
    expect(said).toMatch(/^Report {7}\S/);
    expect(said).toContain(join(out, 'report.html'));
    const report = reportSchema.parse(JSON.parse(await readFile(join(out, 'report.json'), 'utf8')));
    expect(report.run).toMatchObject({ runId, state: 'finished', roundsRun: 2 });
    expect(report.plan.hash).toBe(report.card.plan.hash);
    const performance = report.measures.find(({ kind }) => kind === 'performance');
    expect(performance).toMatchObject({ slot: 'report', part: 'test', round: 3, budget: 'reportEpsilon' });
    expect(report.curves.map(({ series, round }) => [series, round])).toEqual([
      ['validation', 2],
      ['validation', 3],
      ['test', 3],
    ]);
    expect(report.thresholds).toHaveLength(1);
    expect(await readFile(join(out, 'report.html'), 'utf8')).toMatch(/^<!doctype html>/);
  });

  it('is the same report whenever it is made, and says what changed against another', async () => {
    const [first, second] = [join(dir, 'first'), join(dir, 'second')];
    await sotto('report', runId, '--out', first);
    const { code, out } = await sotto(
      'report',
      runId,
      '--json',
      '--out',
      second,
      '--compare',
      join(first, 'report.json'),
    );
    expect(code).toBe(0);
    const { report } = JSON.parse(out) as { report: unknown };
    const parsed = reportSchema.parse(report);
    expect(parsed.changes).toMatchObject({ plan: [], verdicts: [] });
    expect({ ...parsed, changes: null }).toEqual(JSON.parse(await readFile(join(first, 'report.json'), 'utf8')));
  });

  it('refuses what is no report to compare with, and runs that are not there', async () => {
    const other = join(dir, 'other.json');
    await writeFile(other, '{"kind":"something"}');
    expect(await sotto('report', runId, '--out', dir, '--compare', other)).toMatchObject({ code: 2 });
    expect((await sotto('report', runId, '--out', dir, '--compare', join(dir, 'none.json'))).error).toMatch(
      /^FILE_NOT_FOUND/,
    );
    expect((await sotto('report', '00ff')).error).toMatch(/^NOT_FOUND: there is no run 00ff/);
  });

  it('says which release is gone', async () => {
    const first = join(dir, 'first', 'report.json');
    const report = reportSchema.parse(JSON.parse(await readFile(first, 'utf8')));
    expect(report.run.runId).toBe(runId);
    await rm(join(dir, 'blobs'), { recursive: true });
    const { code, error } = await sotto('report', runId, '--out', dir);
    expect(code).not.toBe(0);
    expect(error).toMatch(/^STORE_FAILED: run .*gone/);
  });
});

describe('sotto report, of a run without one', () => {
  it('says so where the plan asks for none', async () => {
    const runId = await ran(examplePlan({ clients: 4, rounds: 1, evaluateEvery: null }));
    const { code, error } = await sotto('report', runId);
    expect(code).not.toBe(0);
    expect(error).toMatch(/^NOT_FOUND: run .* asks for no report \(plan\.report\)/);
  });

  it('says so where the run was stopped before it', async () => {
    const runId = await ran(
      examplePlan({ clients: 4, rounds: 60, overrides: { split: plan.split, report: plan.report, evaluation: null } }),
      2,
    );
    const { error } = await sotto('report', runId);
    expect(error).toMatch(/^CONFLICT: run .* before its report was released/);
  });
});
