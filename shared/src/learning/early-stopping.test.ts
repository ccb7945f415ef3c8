import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { earlyStoppingSchema } from './early-stopping-schema.ts';
import { nothingSeen, watchEvaluation, type StoppingFigures, type StoppingState } from './early-stopping.ts';

const folder = process.env['SOTTO_SHARED'];
const missing = folder === undefined && process.env['SOTTO_REQUIRE'] !== 'all';

type Case = {
  input: { validationLoss: number[]; trainLoss: number[]; patience: number; minDelta: number };
  expected: {
    stopRound: number | null;
    bestRound: number;
    bestValue: number;
    GL5_stop: number | null;
    PQ0_5_stop: number | null;
  };
};

function watched(rule: object, figures: readonly StoppingFigures[]): StoppingState {
  const config = earlyStoppingSchema.parse(rule);
  return figures.reduce((state, one) => watchEvaluation(config, state, one), nothingSeen);
}

const losses = (values: readonly (number | null)[]) => values.map((validation) => ({ validation, train: null }));

describe.skipIf(missing)('golden decisions (SOTTO_SHARED/golden/trust/generalization_fairness_drift.json)', () => {
  it('patience, generalization loss and progress quotient stop where they should', () => {
    if (folder === undefined) throw new Error('SOTTO_REQUIRE=all, but SOTTO_SHARED is not set');
    const file = join(folder, 'golden/trust/generalization_fairness_drift.json');
    const { cases } = JSON.parse(readFileSync(file, 'utf8')).earlyStopping as { cases: Case[] };
    expect(cases.length).toBeGreaterThanOrEqual(4);
    for (const { input, expected } of cases) {
      const { validationLoss, trainLoss, patience, minDelta } = input;
      const figures = validationLoss.map((validation, round) => ({ validation, train: trainLoss[round] ?? null }));
      const byPatience = watched({ rule: 'patience', patience, minDelta }, figures);
      expect(byPatience.stop).toBe(expected.stopRound);
      expect(byPatience.best).toEqual({ evaluation: expected.bestRound, value: expected.bestValue });
      expect(watched({ rule: 'generalizationLoss', threshold: 5 }, figures).stop).toBe(expected.GL5_stop);
      expect(watched({ rule: 'progressQuotient', threshold: 0.5 }, figures).stop).toBe(expected.PQ0_5_stop);
    }
  });
});

describe('early stopping', () => {
  it('counts no withheld figure, neither as a failure nor as a best', () => {
    const state = watched({ rule: 'patience', patience: 2 }, losses([1, null, null, 2, null, 0.5]));
    expect(state).toMatchObject({ stop: null, best: { evaluation: 2, value: 0.5 } });
    expect(watched({ rule: 'patience', patience: 1 }, losses([null, null]))).toEqual(nothingSeen);
  });

  it('looks at nothing after it has stopped', () => {
    const stopped = watched({ rule: 'patience', patience: 2 }, losses([1, 2, 3, 0.1]));
    expect(stopped).toMatchObject({ stop: 2, best: { evaluation: 0, value: 1 } });
  });

  it('a smoothed figure outlives a spike that alone would have ended it', () => {
    const spiky = losses([1, 0.9, 1.4, 0.7, 0.6, 0.5]);
    expect(watched({ rule: 'generalizationLoss', threshold: 20 }, spiky).stop).toBe(2);
    expect(watched({ rule: 'generalizationLoss', threshold: 20, smoothing: 3 }, spiky).stop).toBeNull();
  });

  it('decides no quotient without the training figures of a whole strip', () => {
    const rising = [1, 2, 3, 4].map((validation) => ({ validation, train: null }));
    expect(watched({ rule: 'progressQuotient', strip: 2 }, rising).stop).toBeNull();
    const trained = rising.map((one) => ({ ...one, train: 1 }));
    // Training stands still, so any loss of generalization is infinitely more.
    expect(watched({ rule: 'progressQuotient', strip: 2 }, trained).stop).toBe(1);
  });

  it('stops at anything above a best of 0, and not at 0 again', () => {
    expect(watched({ rule: 'generalizationLoss' }, losses([0, 0])).stop).toBeNull();
    expect(watched({ rule: 'generalizationLoss' }, losses([0, 0.1])).stop).toBe(1);
  });
});
