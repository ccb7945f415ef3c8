import { describe, expect, it } from 'vitest';
import { checkPlan, findingText } from './check-plan.ts';
import { completePlan } from './complete-plan.ts';
import { parsePlan } from './parse-plan.ts';
import { examplePlan } from './testing/index.ts';

const plan = examplePlan();

/** The plan as JSON with one field replaced, or taken out by undefined. */
function altered(path: string, value: unknown): unknown {
  const copy = JSON.parse(JSON.stringify(plan)) as Record<string, unknown>;
  const names = path.split('.');
  const last = names.pop() ?? '';
  const parent = names.reduce((object, name) => object[name] as Record<string, unknown>, copy);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
}

describe('bad input gives the error that names it', () => {
  const noNoise = /No noise: epsilon is infinite\. Set noiseMultiplier > 0 or turn differential privacy off explicitly/;
  it.each<[string, unknown, RegExp]>([
    ['training.noiseMultiplier', 0, noNoise],
    ['training.noiseMultiplier', -1, /plan\.training\.noiseMultiplier: .*, got -1/],
    ['evaluation.noiseMultiplier', 0, noNoise],
    ['training.noiseMultiplier', Number.NaN, /plan\.training\.noiseMultiplier: .*got NaN/],
    ['training.noiseMultiplier', Infinity, /plan\.training\.noiseMultiplier: .*got Infinity/],
    ['training.query.clipNormL2', Infinity, /plan\.training\.query\.clipNormL2: .*got Infinity/],
    ['training.query.clipNormL2', -0.5, /plan\.training\.query\.clipNormL2: .*got -0\.5/],
    ['privacy.delta', 0, /plan\.privacy\.delta: delta must be in \(0,1\), got 0/],
    ['privacy.delta', 1, /plan\.privacy\.delta: delta must be in \(0,1\), got 1/],
    ['privacy.epsilon', Number.NaN, /plan\.privacy\.epsilon: .*got NaN/],
    ['training.query.samplingNumerator', 2 ** 32 + 1, /plan\.training\.query\.samplingNumerator: .*got 4294967297/],
    ['training.query.samplingNumerator', -1, /plan\.training\.query\.samplingNumerator: .*got -1/],
    ['training.rounds', 2.5, /plan\.training\.rounds: .*got 2\.5/],
    ['training.rounds', -1, /plan\.training\.rounds: .*got -1/],
    ['spareAttempts', 0.5, /plan\.spareAttempts: .*got 0\.5/],
    ['adjacency', undefined, /State addOrRemove, zeroOut or replaceOne; epsilon differs about 2x in noise/],
    ['adjacency', 'replaceOne', /plans are accounted under addOrRemove; .*got "replaceOne"/],
    ['training.query.cohortSize', 50, /cohortSize: Sampling done would be .* but accounting assumes Poisson/],
    [
      'topology.layers',
      [{ kind: 'batchNormalization' }],
      /layers\[0\]\.kind: the units of a batch are mixed, .*; use layerNorm, .*, got "batchNormalization"/,
    ],
    ['topology.layers', [{ kind: 'lstm' }], /layers\[0\]\.kind: .*dense.*, got "lstm"/],
    ['training.strategy.weighting', 'examples', /Weights depend on private counts; DP needs equal weights/],
  ])('%s = %s', (path, value, message) => {
    expect(() => parsePlan(altered(path, value))).toThrow(message);
  });

  it('a δ that is not below 1/units', () => {
    const bold = parsePlan(altered('privacy.delta', 0.01));
    expect(checkPlan(bold).problems.map(findingText).join()).toMatch(
      /plan\.privacy\.delta: delta 0\.01 is not below 1\/units \(1\/400\): the guarantee would allow exposing a unit/,
    );
  });

  it('a target that no noise reaches says what is reached and what to change', () => {
    const asked = (unit: 'record' | 'client') => {
      const whole = examplePlan({ unit, rounds: 100_000 });
      const { noiseMultiplier: _, ...training } = whole.training;
      return { ...whole, training, privacy: { ...whole.privacy, epsilon: 1e-9 } };
    };
    expect(() => completePlan({ ...asked('record'), privacy: { ...asked('record').privacy, delta: 1e-12 } })).toThrow(
      /^plan\.privacy\.epsilon: epsilon 1e-9 is out of reach: noiseMultiplier 1e6 gives \S+; lower the count 100002 or the sampling rate, or raise delta/,
    );
    expect(() => completePlan({ ...asked('client'), privacy: { ...asked('client').privacy, delta: 1e-12 } })).toThrow(
      /^plan\.privacy\.epsilon: epsilon 1e-9 is out of reach: noiseMultiplier 1000000 gives \S+; lower plan\.training\.rounds/,
    );
  });
});
