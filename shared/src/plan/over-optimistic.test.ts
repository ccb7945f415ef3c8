import fc from 'fast-check';
import { expect, it } from 'vitest';
import { checkPlan } from './check-plan.ts';
import { planSlots } from './plan-slots.ts';
import type { Plan } from './plan-schema.ts';
import { examplePlan, type ExamplePlanOptions } from './testing/index.ts';

/**
 * An accountant of the test's own, which shares nothing with ours: the privacy loss of one release by a midpoint rule, moved to
 * the nearest point of a coarse grid, and composed by plain convolution. Good to a percent, neither above nor below.
 */
type Releases = { readonly rate: number; readonly z: number; readonly count: number };

function epsilonOf(releases: readonly Releases[], delta: number): number {
  // A small share of what all losses together scatter by.
  const step = Math.sqrt(releases.reduce((sum, one) => sum + one.count * lossVariance(one), 0)) / 100;
  return Math.max(
    ...(['remove', 'add'] as const).map((direction) => {
      let whole: Masses = { first: 0, values: new Float64Array([1]) };
      for (const one of releases) whole = convolved(whole, power(lossesOf(one, step, direction), one.count));
      return epsilonAt(whole, step, delta);
    }),
  );
}

type Masses = { readonly first: number; readonly values: Float64Array };

function lossVariance({ rate, z }: Releases): number {
  let [total, mean, square] = [0, 0, 0];
  for (let x = -8 * z; x < 8 * z; x += z / 50) {
    const weight = Math.exp((-x * x) / (2 * z * z));
    const loss = Math.log(1 - rate + rate * Math.exp((2 * x - 1) / (2 * z * z)));
    total += weight;
    mean += weight * loss;
    square += weight * loss * loss;
  }
  return square / total - (mean / total) ** 2;
}

/** Masses of log(P/Q) under P on the grid: P = (1−q)N(0,z²) + qN(1,z²) and Q = N(0,z²), or the two swapped. */
function lossesOf({ rate, z }: Releases, step: number, direction: 'remove' | 'add'): Masses {
  const masses = new Map<number, number>();
  const width = z / 200;
  const density = (x: number, mean: number) => Math.exp(-((x - mean) ** 2) / (2 * z * z));
  let total = 0;
  for (let x = -9 * z; x < 1 + 9 * z; x += width) {
    const [without, mixture] = [density(x, 0), (1 - rate) * density(x, 0) + rate * density(x, 1)];
    const loss = Math.log(mixture / without);
    const [point, mass] = direction === 'remove' ? [loss / step, mixture] : [-loss / step, without];
    masses.set(Math.round(point), (masses.get(Math.round(point)) ?? 0) + mass);
    total += mass;
  }
  const first = Math.min(...masses.keys());
  const values = new Float64Array(Math.max(...masses.keys()) - first + 1);
  for (const [point, mass] of masses) values[point - first] = mass / total;
  return { first, values };
}

function convolved(a: Masses, b: Masses): Masses {
  const values = new Float64Array(a.values.length + b.values.length - 1);
  a.values.forEach((left, index) => {
    for (let other = 0; other < b.values.length; other++) values[index + other]! += left * b.values[other]!;
  });
  // Points that carry nothing at either end only cost time.
  let [low, high] = [0, values.length];
  while (low < high && values[low]! < 1e-18) low += 1;
  while (high > low && values[high - 1]! < 1e-18) high -= 1;
  return { first: a.first + b.first + low, values: values.slice(low, high) };
}

function power(base: Masses, count: number): Masses {
  let result: Masses = { first: 0, values: new Float64Array([1]) };
  let square = base;
  for (let left = count; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = convolved(result, square);
    if (left > 1) square = convolved(square, square);
  }
  return result;
}

function epsilonAt({ first, values }: Masses, step: number, delta: number): number {
  const deltaOf = (epsilon: number) =>
    values.reduce((sum, mass, index) => sum + mass * Math.max(0, 1 - Math.exp(epsilon - (first + index) * step)), 0);
  let [low, high] = [0, 1_000];
  for (let halving = 0; halving < 40; halving++) {
    const middle = (low + high) / 2;
    if (deltaOf(middle) > delta) low = middle;
    else high = middle;
  }
  return high;
}

/** ε of each stated figure's releases, counted from the plan's own numbers. */
function trueEpsilons(plan: Plan): { readonly epsilon: number; readonly evaluationEpsilon: number | null } {
  if (plan.privacy.kind === 'none') throw new Error('no privacy');
  const { delta } = plan.privacy;
  const { query, rounds } = plan.training;
  const rate = query.kind === 'gradient' ? query.samplingNumerator / 2 ** 32 : 1;
  const training = { rate, z: plan.training.noiseMultiplier!, count: rounds + plan.spareAttempts };
  if (plan.evaluation === null) return { epsilon: epsilonOf([training], delta), evaluationEpsilon: null };
  // Before rounds 1 + every, 1 + 2·every, … and after the last one; each spare attempt may be one more.
  let evaluations = 1 + plan.spareAttempts;
  for (let round = 2; round <= rounds; round++) if ((round - 1) % plan.evaluation.every === 0) evaluations += 1;
  const evaluation = { rate: 1, z: plan.evaluation.noiseMultiplier!, count: evaluations };
  return plan.unit === 'client'
    ? { epsilon: epsilonOf([training, evaluation], delta), evaluationEpsilon: null }
    : { epsilon: epsilonOf([training], delta), evaluationEpsilon: epsilonOf([evaluation], delta) };
}

const options: fc.Arbitrary<ExamplePlanOptions> = fc.record({
  unit: fc.constantFrom('record', 'client'),
  trust: fc.constantFrom('secure', 'secure', 'trusted'),
  clients: fc.integer({ min: 3, max: 8 }),
  rounds: fc.integer({ min: 1, max: 60 }),
  spareAttempts: fc.integer({ min: 0, max: 6 }),
  evaluateEvery: fc.constantFrom(null, 1, 2, 7),
  noise: fc.record({
    training: fc.double({ min: 1, max: 30, noNaN: true }),
    evaluation: fc.double({ min: 1, max: 30, noNaN: true }),
  }),
});

/** What the plan states of an ε that it comes to; null: nothing. */
const statement = fc.constantFrom(null, 0.3, 0.8, 0.95, 0.98, 1, 1.05);

it('no random plan is accepted with a missing or over-optimistic ε', { timeout: 300_000 }, () => {
  let accepted = 0;
  let refused = 0;
  fc.assert(
    fc.property(
      options,
      fc.constantFrom(2 ** 32, 2 ** 31, 2 ** 29, 2 ** 26),
      fc.constantFrom(1e-5, 1e-6, 1e-9),
      statement,
      statement,
      (chosen, samplingNumerator, delta, first, second) => {
        const whole = examplePlan({ ...chosen, privacy: 'dp' });
        const { query } = whole.training;
        const base: Plan = {
          ...whole,
          training: { ...whole.training, query: query.kind === 'gradient' ? { ...query, samplingNumerator } : query },
        };
        const real = trueEpsilons({ ...base, privacy: { kind: 'dp', delta, epsilon: 1 } });
        const privacy: Plan['privacy'] = {
          kind: 'dp',
          delta,
          epsilon: real.epsilon * (first ?? 0.5),
          ...(real.evaluationEpsilon === null || second === null
            ? {}
            : { evaluationEpsilon: real.evaluationEpsilon * second }),
        };
        const plan: Plan = { ...base, privacy };
        const { problems, summary } = checkPlan(plan);
        const factors = [first ?? 0.5, ...(real.evaluationEpsilon === null ? [] : [second])];
        // A percent is what the test's own accountant is good for: nearer than that it does not judge.
        if (factors.some((factor) => factor === null || factor < 0.99)) {
          refused += 1;
          expect(problems.map(({ path }) => path).join()).toMatch(/plan\.privacy\.(epsilon|evaluationEpsilon)/);
        } else if (factors.every((factor) => factor !== null && factor > 1.01)) {
          accepted += 1;
          expect(problems).toEqual([]);
        }
        for (const { field, recomputed } of summary?.epsilons ?? []) {
          const truth = field === 'epsilon' ? real.epsilon : real.evaluationEpsilon!;
          expect(recomputed).toBeGreaterThan(truth * 0.99);
          expect(recomputed).toBeLessThan(truth * 1.02 + 1e-3);
        }
        // What is charged is what was counted.
        expect(planSlots(plan).map(({ count }) => count)[0]).toBe(plan.training.rounds + plan.spareAttempts);
      },
    ),
    { seed: 20260704, numRuns: 60 },
  );
  expect(Math.min(accepted, refused)).toBeGreaterThan(1);
});
