import { examplePlan } from '@sotto/shared/plan/testing';
import { describe, expect, it } from 'vitest';
import type { NodeNotice } from '../node-config.ts';
import { planWords, wordsOf } from './words.ts';

const sessionId = '00'.repeat(32);
const runId = 'cd'.repeat(16);
const opened = (round: number): NodeNotice => ({
  type: 'sessionOpened',
  runId,
  sessionId,
  round,
  rounds: 80,
  attempt: round,
});
const charged = (round: number): NodeNotice => ({
  type: 'charged',
  sessionId,
  round,
  attempt: round,
  epsilonAfter: 1.7412,
  epsilonBudget: 4,
});

/** The lines of a run whose rounds take `roundMs`. */
function linesOf(rounds: number, roundMs: number): string[] {
  let now = 0;
  const words = wordsOf(() => now);
  const lines: (string | null)[] = [];
  for (let round = 1; round <= rounds; round++) {
    lines.push(words(opened(round)));
    for (const stage of ['advertise', 'share', 'confirm', 'upload', 'agree', 'unmask'] as const) {
      lines.push(words({ type: 'stage', sessionId, round, stage }));
    }
    lines.push(words(charged(round)));
    lines.push(words({ type: 'sessionClosed', runId, sessionId, round, outcome: 'released', reason: null }));
    now += roundMs;
  }
  return lines.filter((line) => line !== null);
}

describe('wordsOf', () => {
  it('says at most one line a round, every few seconds, and the last one always', () => {
    expect(linesOf(3, 10_000)).toEqual([
      'Round 1 of 80 (session 1); books: at most ε = 1.74 of 4',
      'Round 2 of 80 (session 2); books: at most ε = 1.74 of 4',
      'Round 3 of 80 (session 3); books: at most ε = 1.74 of 4',
    ]);
    const quick = linesOf(80, 100);
    expect(quick.length).toBeLessThanOrEqual(5);
    expect(quick.at(-1)).toMatch(/^Round 80 of 80 /);
  });

  it('tells refusals, failures and losses at once, and the same trouble not again and again', () => {
    let now = 0;
    const words = wordsOf(() => now);
    words(charged(1));
    expect(
      words({ type: 'refused', runId, planHash: '', code: 'PLAN_REFUSED', reason: 'maxEpsilon: 4, at most 3' }),
    ).toBe('Refused (PLAN_REFUSED): maxEpsilon: 4, at most 3');
    expect(words({ type: 'sessionLeft', sessionId, code: 'DISK_FULL', reason: 'books.db: SQLITE_FULL' })).toContain(
      'DISK_FULL',
    );
    expect(words({ type: 'sessionClosed', runId, sessionId, round: 2, outcome: 'failed', reason: 'too few' })).toBe(
      'Round 2 failed: too few',
    );
    const trouble: NodeNotice = { type: 'retrying', code: 'UNREACHABLE', reason: 'connect ECONNREFUSED' };
    expect(words(trouble)).toBe('UNREACHABLE: connect ECONNREFUSED');
    now += 10_000;
    expect(words(trouble)).toBeNull();
    expect(words({ ...trouble, code: 'CLOCK_SKEW' })).toMatch(/^CLOCK_SKEW/);
    now += 120_000;
    expect(words({ ...trouble, code: 'CLOCK_SKEW' })).toMatch(/^CLOCK_SKEW/);
  });

  it('tells a passed budget word for word: its own, and the federation’s', () => {
    const words = wordsOf(() => 0);
    const sentence = 'This round would raise epsilon to 8.13, budget 8';
    expect(words({ type: 'sessionLeft', sessionId, code: 'BUDGET_EXCEEDED', reason: sentence })).toBe(
      `Left a session (BUDGET_EXCEEDED): ${sentence}`,
    );
    const plan = examplePlan();
    const reason = `BUDGET_EXCEEDED: ${sentence}`;
    expect(words({ type: 'runEnded', runId, outcome: 'stopped', modelHash: 'ab'.repeat(32), reason, plan })).toContain(
      reason,
    );
  });

  it("ends with the outcome and the books, and knows the end of another's run", () => {
    const words = wordsOf(() => 0);
    const plan = examplePlan();
    words(charged(1));
    const end = { type: 'runEnded', runId, outcome: 'finished', modelHash: 'ab'.repeat(32), reason: null } as const;
    expect(words({ ...end, plan })).toBe('The run has finished; model abababababababab; books: at most ε = 1.74 of 4');
    expect(words({ ...end, plan: null })).toBe('A run that this node had no part in has finished');
  });
});

describe('planWords', () => {
  it("states the plan's own ε by part, apart from the books", () => {
    const plan = examplePlan();
    const { epsilon, evaluationEpsilon } = plan.privacy as { epsilon: number; evaluationEpsilon: number };
    const text = planWords(plan, 'ab'.repeat(32));
    expect(text).toContain(
      `This plan costs at most ε = ${epsilon} for a training record and ε = ${evaluationEpsilon} for a validation record (δ = `,
    );
    expect(text).toContain('Nobody sees a single contribution');
    expect(text).not.toContain('books');
  });

  it('says in local mode who sees what, and whom the promise holds against', () => {
    const text = planWords(examplePlan({ trust: 'local' }), 'ab'.repeat(32));
    expect(text).toContain('The coordinator sees each contribution, with all of its noise added here');
  });

  it('says in grouped mode how many groups there are, and against whom of them the promise holds', () => {
    const text = planWords(examplePlan({ trust: 'grouped', clients: 7 }), 'ab'.repeat(32));
    expect(text).toContain('7 clients in 2 groups, at least 3 in every sum');
    expect(text).toContain("1 of the others of this client's group works with the coordinator");
  });

  it('shouts where the coordinator sees contributions, or nothing protects', () => {
    const text = planWords(examplePlan({ trust: 'trusted', privacy: 'none' }), 'ab'.repeat(32));
    expect(text).toContain('THE COORDINATOR SEES EACH CONTRIBUTION');
    expect(text).toContain('WITHOUT DIFFERENTIAL PRIVACY');
  });
});

it('says what computes, and of every other engine why it does not', () => {
  const words = wordsOf(() => 0);
  const choice = { engine: 'tfjs wasm', device: 'cpu', reason: '256 rows took 2.0 ms with tfjs wasm' } as const;
  const trials = [
    { engine: 'tfjs wasm', device: 'cpu', ms: 2, refused: null },
    { engine: 'tfjs webgpu', device: 'gpu', ms: null, refused: 'the adapter is software (llvmpipe)' },
    { engine: 'typed arrays', device: 'cpu', ms: 26.15, refused: 'slower' },
  ] as const;
  const notice: NodeNotice = {
    type: 'engine',
    runId: null,
    memoryBytes: 150e6,
    rowsPerSecond: 128_000,
    trials,
    ...choice,
  };
  expect(words(notice)!.split('\n')).toEqual([
    'Training with tfjs wasm (cpu, 128000 rows a second; the node takes 150 MB): 256 rows took 2.0 ms with tfjs wasm',
    '    not tfjs webgpu: the adapter is software (llvmpipe)',
    '    not typed arrays: slower (26.1 ms)',
  ]);
  expect(words({ ...notice, rowsPerSecond: null, trials: [] })).toMatch(
    /^Training with tfjs wasm \(cpu; the node takes/,
  );
});
