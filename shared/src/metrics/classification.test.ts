import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accuracyOf, aucOf } from './classification.ts';

describe('AUC', () => {
  it('is the share of pairs in the right order, ties counting half', () => {
    const row = fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 1 }));
    fc.assert(
      fc.property(fc.array(row, { maxLength: 30 }), (rows) => {
        let pairs = 0;
        let right = 0;
        for (const [positive] of rows.filter(([, label]) => label === 1)) {
          for (const [negative] of rows.filter(([, label]) => label === 0)) {
            pairs += 1;
            right += positive > negative ? 1 : positive === negative ? 0.5 : 0;
          }
        }
        const auc = aucOf(
          rows.map(([score]) => score),
          rows.map(([, label]) => label),
        );
        if (pairs === 0) expect(auc).toBeNull();
        else expect(auc).toBeCloseTo(right / pairs, 12);
      }),
    );
  });

  it('refuses scores that are no numbers and lists of different lengths', () => {
    expect(() => aucOf([0.1, NaN, 0.3], [0, 1, 1])).toThrowError(/NaN/);
    expect(() => aucOf([0.1], [0, 1])).toThrowError(/2 labels, got 1/);
  });
});

describe('accuracy', () => {
  it('counts what is right', () => {
    expect(accuracyOf([0.2, 0.7, 0.5, 0.9], [0, 1, 1, 0], 1)).toBe(0.5);
    expect(accuracyOf([0.2, 0.7, 0.1, 0.4, 0.4, 0.2], [1, 0], 3)).toBe(1);
    expect(() => accuracyOf([0.2, 0.7], [0], 3)).toThrowError(/1 rows of 3 outputs, got 2/);
  });
});

type GoldenCase = {
  readonly name: string;
  readonly kind: 'binary' | 'multiclass-logits';
  readonly input: { readonly yTrue: number[]; readonly score?: number[]; readonly logits?: number[][] };
  readonly expected: { readonly accuracy: number; readonly auroc?: number };
};

const folder = process.env['SOTTO_SHARED'];
describe.skipIf(folder === undefined && process.env['SOTTO_REQUIRE'] !== 'all')(
  'golden values of scikit-learn (SOTTO_SHARED/golden/trust/metrics.json)',
  () => {
    it('agree on accuracy and AUC', () => {
      if (folder === undefined) throw new Error('SOTTO_REQUIRE=all, but SOTTO_SHARED is not set');
      const golden: { cases: GoldenCase[] } = JSON.parse(
        readFileSync(join(folder, 'golden/trust/metrics.json'), 'utf8'),
      );
      expect(golden.cases.length).toBeGreaterThan(0);
      let checked = 0;
      for (const { kind, input, expected } of golden.cases) {
        if (kind === 'binary' && input.score !== undefined) {
          expect(accuracyOf(input.score, input.yTrue, 1)).toBeCloseTo(expected.accuracy, 9);
          expect(aucOf(input.score, input.yTrue)).toBeCloseTo(expected.auroc ?? NaN, 9);
          checked += 1;
        } else if (input.logits !== undefined) {
          const outputs = input.logits[0]!.length;
          expect(accuracyOf(input.logits.flat(), input.yTrue, outputs)).toBeCloseTo(expected.accuracy, 9);
          checked += 1;
        }
      }
      expect(checked).toBeGreaterThanOrEqual(5);
    });
  },
);
