import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../vector/index.ts';
import { parsePlan, planHashOf } from './parse-plan.ts';
import { examplePlan } from './testing/index.ts';

describe('parsePlan', () => {
  it('a plan survives JSON and keeps its hash', () => {
    const plan = examplePlan({ data: 'digits', clients: 4 });
    const again = parsePlan(JSON.parse(JSON.stringify(plan)));
    expect(again).toEqual(plan);
    expect(planHashOf(again)).toBe(planHashOf(plan));
  });

  it('fields left at their defaults and fields that say the same have the same hash', () => {
    const plan = examplePlan();
    const { suite: _suite, deadlines: _deadlines, ...rest } = plan;
    expect(planHashOf(parsePlan(rest))).toBe(planHashOf(plan));
  });

  it('the hash is SHA-256 of the canonical JSON', () => {
    const plan = examplePlan();
    expect(planHashOf(plan)).toBe(createHash('sha256').update(canonicalJson(plan)).digest('hex'));
  });

  it('any changed number changes the hash', () => {
    const plan = examplePlan();
    expect(planHashOf({ ...plan, spareAttempts: 3 })).not.toBe(planHashOf(plan));
  });

  it.each([
    [{ version: 2 }, /plan\.version: .*1, got 2/],
    [{ training: { ...examplePlan().training, rounds: 0.5 } }, /plan\.training\.rounds: expected int, got 0\.5/],
    [{ trust: 'nobody' }, /plan\.trust: .*"secure"\|"grouped"\|"local"\|"trusted", got "nobody"/],
    [{ extra: 1 }, /plan: there is no field extra/],
    [{ purpose: undefined }, /plan\.purpose: expected string, got nothing/],
    [{ authority: 'zz' }, /plan\.authority: expected 64 hexadecimal digits, got "zz"/],
    [{ topology: { layers: [{ kind: 'eval' }] } }, /plan\.topology\.layers\[0\]/],
  ])('names the path, what is expected and what is there: %j', (change, message) => {
    const faulty = { ...examplePlan(), ...change };
    expect(() => parsePlan(faulty)).toThrow(message);
    expect(() => parsePlan(faulty)).toThrow(expect.objectContaining({ code: 'PLAN_INVALID' }));
  });

  it.each([[null], [undefined], ['{}'], [[]], [7]])('refuses what is no object: %j', (value) => {
    expect(() => parsePlan(value)).toThrow(expect.objectContaining({ code: 'PLAN_INVALID' }));
  });
});
