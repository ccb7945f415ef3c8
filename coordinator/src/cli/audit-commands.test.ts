import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exampleAuthority, examplePlan } from '@sotto/shared/plan/testing';
import { authorityKeyOf, signPlan } from '@sotto/shared/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './program.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-audit-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function sotto(args: readonly string[], input: readonly (string | Uint8Array)[] = []) {
  let out = '';
  let error = '';
  async function* pieces() {
    yield* input;
  }
  const code = await run(args, {
    out: (text) => (out += text),
    error: (text) => (error += text),
    input: pieces(),
    environment: {},
    ended: Promise.resolve(),
  });
  return { code, out, error };
}

async function file(name: string, value: unknown): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, JSON.stringify(value));
  return path;
}

const plan = examplePlan({
  clients: 4,
  minSurvivors: 3,
  rounds: 2,
  spareAttempts: 1,
  evaluateEvery: null,
  noise: { training: 1.5 },
});
const small = ['--canaries', '1000', '--guesses', '100'];

describe('sotto privacy audit', () => {
  it('audits a signed plan by the secure sum, with progress on stderr and figures on stdout', async () => {
    const path = await file('signed.json', signPlan(plan, authorityKeyOf(exampleAuthority().seed)));
    const { code, out, error } = await sotto(['privacy', 'audit', path, ...small]);
    // The platform's randomness: a correct plan is flagged in one of twenty audits, never here in words that say otherwise.
    expect([0, 15]).toContain(code);
    expect(out).toMatch(/Releases {6}3 of at most 3\n/);
    expect(out).toMatch(/Cohort {8}2 honest, 1 colluding whose noise is subtracted, 1 lost before the upload\n/);
    expect(out).toMatch(/Sums {10}by the secure sum, in memory\n/);
    expect(out).toMatch(/the platform's CSPRNG; the canaries' coins from seed [0-9a-f]{32}\n/);
    expect(out).toMatch(
      /Lower bound {3}ε ≥ \d\.\d{4} at significance 0\.05; no audit of this size shows more than 3\.\d{4}\n/,
    );
    expect(error).toMatch(/1 of 3 releases\n2 of 3 releases\n3 of 3 releases\n/);
  });

  it('gives the same object for the same seed', async () => {
    const path = await file('plan.json', plan);
    const args = ['privacy', 'audit', path, ...small, '--seed', 'one', '--json', '--rounds-limit', '1'];
    const first = await sotto(args);
    expect(first.code).toBe(0);
    expect(await sotto(args)).toEqual(first);
    expect(JSON.parse(first.out)).toMatchObject({
      verdict: 'consistent',
      seed: 'one',
      canaries: 1_000,
      guesses: 100,
      releases: { run: 1, most: 3 },
      sums: 'secure',
      secureRandom: false,
      noise: { draws: 1_000_000, failed: [] },
    });
  });

  it('ends with 15 and says why when a plan leaks more than it states', async () => {
    if (plan.privacy.kind === 'none') throw new Error('no privacy');
    const path = await file('boast.json', { ...plan, privacy: { ...plan.privacy, epsilon: 0.1 } });
    const args = ['privacy', 'audit', path, '--canaries', '4000', '--seed', 'two', '--direct'];
    const { code, out, error } = await sotto(args);
    expect(code).toBe(15);
    expect(out).toMatch(/Verdict {7}VIOLATION: the attack proves ε ≥ 0\.\d+, the plan states 0\.1\n/);
    expect(error).toMatch(/The plan's check: plan\.privacy\.epsilon: 0\.1 is stated/);
    expect(error).toMatch(/AUDIT_VIOLATION: the attack proves/);
  });

  it.each([
    [['--canaries', '49'], 2, /canaries 49.*at least 50/],
    [['--canaries', '100', '--guesses', '101'], 2, /guesses 101.*no more guesses than canaries/],
    [['--canaries', 'many'], 2, /expected a whole number/],
    [['--rounds-limit', '0'], 2, /limit 0/],
    [['--significance', 'x'], 2, /significance NaN/],
  ])('refuses %j', async (flags, exit, message) => {
    const path = await file('plan.json', plan);
    const { code, out, error } = await sotto(['privacy', 'audit', path, ...flags]);
    expect({ code, out }).toEqual({ code: exit, out: '' });
    expect(error).toMatch(message);
  });

  it('has nothing to audit in a plan without privacy, and no plan in a missing file', async () => {
    const none = await file('none.json', examplePlan({ privacy: 'none' }));
    expect(await sotto(['privacy', 'audit', none])).toMatchObject({
      code: 8,
      error: expect.stringMatching(/NO_NOISE/),
    });
    const missing = await sotto(['privacy', 'audit', join(folder, 'missing.json')]);
    expect(missing).toMatchObject({ code: 2, error: expect.stringMatching(/FILE_NOT_FOUND/) });
  });
});

describe('sotto privacy audit-bound', () => {
  const good = { canaries: 1_000, guesses: 100, correct: 100, delta: 1e-5, significance: 0.05 };

  it('answers line by line, however the text is cut, and a bad line stops no other', async () => {
    const text = [
      JSON.stringify({ id: 'a', ...good, pValueAtEpsilon: [{ epsilon: 2 }] }),
      '',
      '{nope',
      '[1]',
      JSON.stringify({ id: 'b', ...good, correct: 101 }),
      JSON.stringify({ id: 7, ...good, delta: '1e-5' }),
      JSON.stringify({ id: 'ε', ...good, significance: undefined, correct: 50 }),
    ].join('\n');
    const bytes = new TextEncoder().encode(text);
    const cut = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, i) => bytes.subarray(7 * i, 7 * i + 7));
    const { code, out } = await sotto(['privacy', 'audit-bound'], cut);
    expect(code).toBe(0);
    const answers = out
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(answers).toEqual([
      {
        id: 'a',
        epsilonLowerBound: expect.closeTo(3.465376347811045, 9),
        pValueAtZero: expect.closeTo(0.0003295472275665401, 12),
        ceiling: expect.closeTo(3.465376347811045, 9),
        pValueAtEpsilon: [{ epsilon: 2, p: expect.closeTo(0.0011553663212424303, 12) }],
      },
      { id: null, error: expect.stringMatching(/^INVALID_INPUT: line 3: not JSON/) },
      { id: null, error: 'INVALID_INPUT: line 4: expected a JSON object' },
      { id: 'b', error: expect.stringMatching(/correct 101.*\[0, 100\].*no more right guesses than guesses/) },
      { id: 7, error: 'INVALID_INPUT: delta "1e-5": expected a number' },
      expect.objectContaining({ id: 'ε', epsilonLowerBound: 0 }),
    ]);
  });

  it('says nothing to nothing', async () => {
    expect(await sotto(['privacy', 'audit-bound'])).toEqual({ code: 0, out: '', error: '' });
  });
});
