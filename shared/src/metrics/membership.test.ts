import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  attackBound,
  empiricalEpsilon,
  liraOffline,
  liraOnline,
  logitScaled,
  lossAttack,
  populationStd,
  type ShadowLogits,
} from './membership.ts';

const folder = process.env['SOTTO_SHARED'];
const missing = folder === undefined && process.env['SOTTO_REQUIRE'] !== 'all';

type Golden = {
  thresholdAttack: {
    input: { memberLosses: number[]; nonMemberLosses: number[] };
    expected: {
      auc: number;
      advantage_maxTprMinusFpr: number;
      bestThreshold_lossLessOrEqual: number;
      balancedAccuracy: number;
      tprAtFpr0_1: number;
      tprAtFpr0_01: number;
      tprAtFpr0_001: number;
      yeom: { threshold_meanMemberLoss: number; tpr: number; fpr: number; advantage: number };
      empiricalEpsilonLowerBound: { delta: number; alphaTwoSided: number; value: number };
    };
  }[];
  dpBoundTable: { epsilon: number; delta: number; maxAdvantage: number; maxTprAtFpr0_01: number }[];
  lira: {
    targets: (ShadowLogits & {
      observed: number;
      expected: {
        onlineLogLikelihoodRatio: number;
        offlineScore: number;
        offlineLogSf: number;
        onlineFixedVariance: number;
      };
    })[];
    globalStdIn: number;
    globalStdOut: number;
  };
  logitScaling: { p: number; logitScaled: number }[];
};

function golden(): Golden {
  if (folder === undefined) throw new Error('SOTTO_REQUIRE=all, but SOTTO_SHARED is not set');
  return JSON.parse(readFileSync(join(folder, 'golden/trust/membership_inference.json'), 'utf8'));
}

function near(found: number, expected: number, within = 1e-9): void {
  expect(Math.abs(found - expected), `${found} for ${expected}`).toBeLessThanOrEqual(within);
}

describe.skipIf(missing)('golden values (SOTTO_SHARED/golden/trust/membership_inference.json)', () => {
  it('of attacks by a threshold on the loss, and the ε that they show', () => {
    for (const { input, expected } of golden().thresholdAttack) {
      const { memberLosses, nonMemberLosses } = input;
      const attack = lossAttack(memberLosses, nonMemberLosses);
      near(attack.auc, expected.auc);
      near(attack.best.advantage, expected.advantage_maxTprMinusFpr);
      near(attack.best.threshold, expected.bestThreshold_lossLessOrEqual);
      near(attack.balancedAccuracy, expected.balancedAccuracy);
      near(attack.tprAt(0.1), expected.tprAtFpr0_1);
      near(attack.tprAt(0.01), expected.tprAtFpr0_01);
      near(attack.tprAt(0.001), expected.tprAtFpr0_001);
      near(attack.yeom.threshold, expected.yeom.threshold_meanMemberLoss);
      near(attack.yeom.tpr, expected.yeom.tpr);
      near(attack.yeom.fpr, expected.yeom.fpr);
      near(attack.yeom.advantage, expected.yeom.advantage);
      const { delta, alphaTwoSided, value } = expected.empiricalEpsilonLowerBound;
      const [members, others] = [memberLosses.length, nonMemberLosses.length];
      const counts = {
        found: Math.round(attack.yeom.tpr * members),
        members,
        accused: Math.round(attack.yeom.fpr * others),
        others,
      };
      near(empiricalEpsilon(counts, delta, alphaTwoSided), value);
    }
  });

  it('of what differential privacy leaves an attack', () => {
    for (const { epsilon, delta, maxAdvantage, maxTprAtFpr0_01 } of golden().dpBoundTable) {
      const bound = attackBound(epsilon, delta);
      near(bound.advantage, maxAdvantage);
      near(bound.tprAt(0.01), maxTprAtFpr0_01);
    }
  });

  it('of likelihood ratios by shadow models', () => {
    const { lira, logitScaling } = golden();
    const all = (key: 'inLogits' | 'outLogits') => populationStd(lira.targets.flatMap((target) => target[key]));
    const fixed = { inStd: all('inLogits'), outStd: all('outLogits') };
    near(fixed.inStd, lira.globalStdIn);
    near(fixed.outStd, lira.globalStdOut);
    for (const target of lira.targets) {
      near(liraOnline(target, target.observed), target.expected.onlineLogLikelihoodRatio, 1e-7);
      near(liraOnline(target, target.observed, fixed), target.expected.onlineFixedVariance, 1e-7);
      const { score, surprise } = liraOffline(target.outLogits, target.observed);
      near(score, target.expected.offlineScore, 1e-7);
      near(surprise, target.expected.offlineLogSf, 1e-7);
    }
    for (const { p, logitScaled: expected } of logitScaling) near(logitScaled(p), expected);
  });
});

describe('membership inference', () => {
  it('finds nothing where both losses are alike, and everything where they are apart', () => {
    const alike = lossAttack([1, 2, 3], [1, 2, 3]);
    expect(alike).toMatchObject({ auc: 0.5, best: { advantage: 0 } });
    const apart = lossAttack([0.1, 0.2], [3, 4, 5]);
    expect(apart).toMatchObject({ auc: 1, best: { threshold: 0.2, tpr: 1, fpr: 0, advantage: 1 } });
    expect(apart.tprAt(0)).toBe(1);
  });

  it('refuses an empty side and counts that are none', () => {
    expect(() => lossAttack([], [1])).toThrowError(/0 members and 1 others/);
    expect(() => empiricalEpsilon({ found: 3, members: 2, accused: 0, others: 2 }, 0)).toThrowError(/3 of 2 members/);
    expect(() => attackBound(-1, 0)).toThrowError(/epsilon >= 0/);
    expect(() => liraOffline([], 1)).toThrowError(/at least one logit/);
  });

  it('shows no ε in an attack that fails, and never more than Clopper and Pearson allow', () => {
    expect(empiricalEpsilon({ found: 10, members: 100, accused: 30, others: 100 }, 1e-5)).toBe(0);
    // All found and nobody accused, of 100: TPR ≥ .9638 and FPR ≤ .0362, so ε ≥ log(.9638 / .0362).
    const all = empiricalEpsilon({ found: 100, members: 100, accused: 0, others: 100 }, 0);
    near(all, Math.log(0.025 ** 0.01 / (1 - 0.025 ** 0.01)), 1e-9);
  });

  it('an infinite ε bounds nothing', () => {
    const bound = attackBound(Infinity, 0);
    expect(bound.advantage).toBe(1);
    expect(bound.tprAt(0)).toBe(1);
    expect(attackBound(0, 0).advantage).toBe(0);
    expect(attackBound(1_000, 0).tprAt(0.01)).toBe(1);
  });
});
