import { examplePlan } from '@sotto/shared/plan/testing';
import type { Plan } from '@sotto/shared/plan';
import { describe, expect, it } from 'vitest';
import { bestFor, nothingWatched, roundAfter, watchRelease, type WatchedRelease } from './best-model.ts';

const base = examplePlan({ rounds: 9, evaluateEvery: 2 });
const planWith = (earlyStopping: Plan['training']['earlyStopping']): Plan => ({
  ...base,
  training: { ...base.training, earlyStopping },
});
const patience = { rule: 'patience', patience: 2, minDelta: 0, figure: 'loss', smoothing: 1 } as const;

const figure = (value: number) => ({ value, low: value, high: value, noiseHalfWidth: 0 });

function release(round: number, loss: number | null, accuracy: number | null = null): WatchedRelease {
  const told = loss === null && accuracy === null ? 'too few' : null;
  return {
    round,
    modelBefore: `model before ${round}`,
    evaluation: {
      round,
      part: 'validation',
      units: 9,
      loss: loss === null ? null : figure(loss),
      accuracy: accuracy === null ? null : figure(accuracy),
      withheld: told,
    },
  };
}

const watch = (plan: Plan, releases: readonly WatchedRelease[]) =>
  releases.reduce((watched, one) => watchRelease(plan, watched, one), nothingWatched);

describe('the best model of a run', () => {
  it('is the one that the best evaluation looked at, and the last session takes it', () => {
    const plan = planWith(patience);
    const watched = watch(plan, [release(3, 0.5), release(5, 0.4), release(7, 0.6), release(9, 0.5)]);
    expect(watched).toMatchObject({ best: { round: 5, modelHash: 'model before 5' }, stoppedIn: 9 });
    expect(bestFor(plan, watched, 10)).toBe('model before 5');
    expect(bestFor(plan, watched, 9)).toBeNull();
  });

  it('ends training with the release that says so, and goes on one by one before', () => {
    const plan = planWith(patience);
    const before = watch(plan, [release(3, 0.5), release(5, 0.6)]);
    expect([before.stoppedIn, roundAfter(plan, before, 5)]).toEqual([null, 6]);
    const after = watchRelease(plan, before, release(7, 0.7));
    expect([after.stoppedIn, roundAfter(plan, after, 7), roundAfter(plan, after, 10)]).toEqual([7, 10, 11]);
  });

  it('is not looked for where the plan does not ask, nor in the last session', () => {
    expect(watch(base, [release(3, 0.5), release(5, 0.6)])).toBe(nothingWatched);
    expect(bestFor(base, nothingWatched, 10)).toBeNull();
    const plan = planWith(patience);
    const watched = watch(plan, [release(3, 0.5)]);
    expect(watchRelease(plan, watched, release(10, 0.1))).toBe(watched);
    expect(watchRelease(plan, watched, { ...release(5, 0.1), evaluation: null })).toBe(watched);
  });

  it('goes by accuracy where the plan says so, and by nothing that was withheld', () => {
    const plan = planWith({ ...patience, figure: 'accuracy' });
    const watched = watch(plan, [release(3, 0.1, 0.7), release(5, null), release(7, 0.9, 0.8)]);
    expect(watched).toMatchObject({ best: { round: 7 }, stoppedIn: null });
  });
});
