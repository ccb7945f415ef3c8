import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { privacyCardSchema } from '@sotto/shared/card';
import { decodeSafetensors } from '@sotto/shared/model';
import { descriptionOfMetadata, groupsOf } from '@sotto/shared/plan';
import { signPlan, authorityKeyOf } from '@sotto/shared/protocol';
import { exampleAuthority, examplePlan } from '@sotto/shared/plan/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFileBlobs } from '../store/file-blobs.ts';
import { openSqliteStore } from '../store/open-sqlite.ts';
import { createFederation } from '../testing/federation.ts';
import { run } from './program.ts';

const plan = examplePlan({ clients: 4, rounds: 2, evaluateEvery: 1, spareAttempts: 1 });
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

/** The command's one object. */
async function json(...args: string[]) {
  const { code, out, error } = await sotto(...args, '--json');
  expect(error).toBe('');
  expect(code).toBe(0);
  return JSON.parse(out) as Record<string, never>;
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sotto-privacy-'));
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

describe('sotto privacy card', () => {
  it('shows a plan’s card before it runs, and a run’s with what was done', async () => {
    const before = privacyCardSchema.parse(await json('privacy', 'card', planFile));
    expect(before.run).toBeNull();
    const after = privacyCardSchema.parse(await json('privacy', 'card', runId.slice(0, 6)));
    expect(after.run).toMatchObject({ runId, state: 'finished', roundsRun: 2 });
    expect(after.guarantees.map(({ epsilon }) => epsilon)).toEqual(before.guarantees.map(({ epsilon }) => epsilon));
    const { out } = await sotto('privacy', 'card', runId, '--markdown');
    expect(out).toMatch(/^# Privacy card: example hospitals\n/);
  });

  it('refuses what is neither a plan nor a run, a draft, and an unsound plan', async () => {
    expect(await sotto('privacy', 'card', 'nothing')).toMatchObject({ code: 10 });
    const draft = join(dir, 'draft.json');
    await writeFile(draft, JSON.stringify({ version: 1, name: 'x' }));
    expect(await sotto('privacy', 'card', draft)).toMatchObject({ code: 8 });
    const bold = join(dir, 'bold.json');
    await writeFile(bold, JSON.stringify({ ...plan, privacy: { ...plan.privacy, epsilon: 0.001 } }));
    const { code, error } = await sotto('privacy', 'card', bold);
    expect(code).toBe(8);
    expect(error).toContain('plan.privacy.epsilon: 0.001 is stated');
  });
});

describe('sotto plan check', () => {
  it('shows what each part costs, and what colluding and minSurvivors do to it', async () => {
    const { out, code } = await sotto('plan', 'check', planFile);
    expect(code).toBe(0);
    expect(out).toMatch(
      /Cost {9}training: ε = \d\.\d{3} for 3 releases \(\d\.\d{3} if no attempt fails\), counted in epsilon/,
    );
    expect(out).toMatch(/Cost {9}evaluation: ε = \d\.\d{3} for 3 releases/);
    expect(out).toMatch(/clients +epsilon +if all contribute +evaluationEpsilon/);
    // Whoever drops out costs that round, and the tolerance nothing: √(4 ⁄ 3) for either number.
    expect(out).toMatch(/3 +1 +× 1\.15 {2}\(this plan\)/);
    const { costs } = (await json('plan', 'check', planFile)) as never as { costs: { noise: object[] } };
    expect(costs.noise).toContainEqual({ minSurvivors: 4, colluding: 1, factor: Math.sqrt(4 / 3), planned: false });
  });
});

describe('sotto plan check of a plan with groups', () => {
  it('shows their numbers, and who is in which as soon as the plan is signed', async () => {
    const grouped = examplePlan({ trust: 'grouped', clients: 7 });
    const signed = signPlan(grouped, authorityKeyOf(exampleAuthority().seed));
    const file = join(dir, 'grouped.json');
    await writeFile(file, JSON.stringify(grouped));
    const { out } = await sotto('plan', 'check', file);
    expect(out).toContain('Groups       2 of 3 to 4 clients, a round needs 2\n');
    expect(out).not.toContain('Group 0');
    await writeFile(file, JSON.stringify(signed));
    const names = (members: readonly string[] = []) =>
      members.map((id) => grouped.roster.clients.find(({ client }) => client === id)?.name).join(', ');
    const [first, second] = groupsOf(signed);
    expect((await sotto('plan', 'check', file)).out).toContain(
      `\nGroup 0      ${names(first)}\nGroup 1      ${names(second)}\n`,
    );
    expect((await json('plan', 'check', file))['groups']).toEqual([first, second]);
  });
});

describe('sotto export', () => {
  it('writes the card beside the model, for each model its own', async () => {
    const out = join(dir, 'model.safetensors');
    expect(await json('export', runId, '--out', out)).toMatchObject({
      cards: [join(dir, 'card.json'), join(dir, 'card.md')],
    });
    const card = privacyCardSchema.parse(JSON.parse(await readFile(join(dir, 'card.json'), 'utf8')));
    expect(card.run?.runId).toBe(runId);
    expect(await readFile(join(dir, 'card.md'), 'utf8')).toContain(card.run!.modelHash);
    // The file says what its numbers mean.
    const { metadata } = decodeSafetensors(await readFile(out));
    const { schema, topology, loss } = plan;
    expect(descriptionOfMetadata(metadata)).toEqual({ schema, topology, loss });
    expect(metadata['runId']).toBe(runId);
    await json('export', runId, '--out', join(dir, 'heart.safetensors'));
    await stat(join(dir, 'heart.card.json'));
    await json('export', runId, '--format', 'tfjs', '--out', join(dir, 'tfjs'));
    await stat(join(dir, 'tfjs', 'card.md'));
  });
});

describe('sotto privacy ledger and budget', () => {
  it('shows what each run was charged, without a budget and with one', async () => {
    const free = await json('privacy', 'ledger');
    expect(free).toMatchObject({
      budget: null,
      units: [{ unit: 'record', runs: 1, added: { delta: 1e-5 }, spent: null, left: null }],
      runs: [{ runId, unit: 'record', charged: { training: 2, evaluation: 2 }, stated: { delta: 1e-5 } }],
    });
    expect((await sotto('privacy', 'budget')).out).toContain('none: only the clients’ own books limit');
    expect(await json('privacy', 'budget', '--epsilon', '8')).toMatchObject({ budget: { epsilon: 8, delta: 1e-5 } });
    const { budget, units } = (await json('privacy', 'ledger')) as never as {
      budget: { order: number };
      units: { spent: number; left: number }[];
    };
    const { order } = budget;
    expect(units[0]!.spent + units[0]!.left).toBeCloseTo(8, 12);
    // ε may change, the order is for good; so is δ.
    expect(await json('privacy', 'budget', '--epsilon', '2')).toMatchObject({ budget: { epsilon: 2, order } });
    expect(await sotto('privacy', 'budget', '--epsilon', '2', '--delta', '1e-6')).toMatchObject({ code: 11 });
    expect(await sotto('privacy', 'budget', '--epsilon', 'much')).toMatchObject({ code: 2 });
    const { out } = await sotto('privacy', 'ledger');
    expect(out).toMatch(/All plans {5}1 promises to a record add up to ε = \d\.\d{3} at δ = 0\.00001/);
    expect(out).toMatch(/Spent {9}at most ε = \d\.\d{3} for a record, \d\.\d{3} left/);
  });

  it('is opened by sotto init', async () => {
    const fresh = await mkdtemp(join(tmpdir(), 'sotto-init-'));
    expect(await json('init', fresh, '--budget-epsilon', '4')).toMatchObject({ budget: { epsilon: 4, delta: 1e-5 } });
    expect(await sotto('init', fresh, '--budget-delta', '1e-5')).toMatchObject({ code: 2 });
    await rm(fresh, { recursive: true });
  });
});
