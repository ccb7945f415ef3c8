import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ReportNamedFigure } from './report-schema.ts';
import { judge, reportSentence } from './verdict.ts';

function named(value: number, half: number, more: Partial<ReportNamedFigure> = {}): ReportNamedFigure {
  const figure = { value, low: value - half, high: value + half, noiseHalfWidth: half / 2 };
  return { name: 'performance.accuracy', figure, withheld: null, floor: null, ...more };
}

describe('a verdict', () => {
  it('is met or not met where the whole interval lies on one side, and else cannot be told', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0.001, max: 0.5, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (value, half, asked) => {
          const figure = named(value, half);
          const [low, high] = [value - half, value + half];
          const atLeast = judge({ figure: 'x', atLeast: asked }, figure, 100).verdict;
          expect(atLeast).toBe(low >= asked ? 'met' : high < asked ? 'notMet' : 'cannotTell');
          const atMost = judge({ figure: 'x', atMost: asked }, figure, 100).verdict;
          expect(atMost).toBe(high <= asked ? 'met' : low > asked ? 'notMet' : 'cannotTell');
        },
      ),
    );
  });

  it('of both sides is not met where one is missed', () => {
    expect(judge({ figure: 'x', atLeast: 0.5, atMost: 0.6 }, named(0.8, 0.1), 100).verdict).toBe('notMet');
    expect(judge({ figure: 'x', atLeast: 0.5, atMost: 0.9 }, named(0.7, 0.1), 100).verdict).toBe('met');
    expect(judge({ figure: 'x', atLeast: 0.5, atMost: 0.75 }, named(0.7, 0.1), 100).verdict).toBe('cannotTell');
  });

  it('holds nothing against a model that noise alone shows: of a gap, and of a ratio', () => {
    const gap = named(0.2, 0.05, { name: 'fairness.sex.equalizedOdds', floor: 0.25 });
    expect(judge({ figure: 'x', atMost: 0.1 }, gap, 100)).toEqual({
      verdict: 'cannotTell',
      reason: '0.200 lies inside the noise floor 0.250: privacy noise alone can show this.',
    });
    expect(judge({ figure: 'x', atMost: 0.1 }, { ...gap, floor: 0.15 }, 100).verdict).toBe('notMet');
    const ratio = named(0.7, 0.05, { name: 'fairness.sex.disparateImpact', floor: 0.65 });
    expect(judge({ figure: 'x', atLeast: 0.8 }, ratio, 100).verdict).toBe('cannotTell');
    expect(judge({ figure: 'x', atLeast: 0.8 }, { ...ratio, floor: 0.9 }, 100).verdict).toBe('notMet');
  });

  it('cannot be told of what is withheld, and is none of what was not measured', () => {
    const silent = { name: 'x', figure: null, withheld: 'too few units', floor: null };
    expect(judge({ figure: 'x', atLeast: 0.5 }, silent, 10)).toMatchObject({
      verdict: 'cannotTell',
      reason: 'The figure is withheld: too few units.',
    });
    expect(judge({ figure: 'x', atLeast: 0.5 }, null, 0).verdict).toBe('notMeasured');
  });

  it('says how many units would settle it: with that many the interval ends at the threshold', () => {
    const figure = named(0.8, 0.1);
    const { reason } = judge({ figure: 'x', atLeast: 0.75 }, figure, 100);
    const needed = Number(/About ([\d,]+) units/.exec(reason)?.[1]?.replace(',', ''));
    // Half of the half width is noise, which falls with n; the rest is sampling, which falls with √n.
    const at = (units: number): number =>
      Math.hypot(Math.sqrt(0.01 - 0.0025) * Math.sqrt(100 / units), 0.05 * (100 / units));
    expect(at(needed)).toBeLessThanOrEqual(0.05);
    expect(at(needed * 0.9)).toBeGreaterThan(0.05);
  });
});

describe('the sentence', () => {
  it('names what is missed, counts what cannot be told, and claims nothing without thresholds', () => {
    expect(reportSentence([])).toBe('The plan sets no thresholds.');
    expect(reportSentence([{ figure: 'a', verdict: 'met' }])).toBe('Every threshold of the plan is met.');
    expect(
      reportSentence([
        { figure: 'a', verdict: 'met' },
        { figure: 'b', verdict: 'cannotTell' },
      ]),
    ).toBe('Nothing is missed; 1 of 2 cannot be told at this size.');
    expect(
      reportSentence([
        { figure: 'performance.auroc', verdict: 'notMet' },
        { figure: 'robustness.linf.0.1.worst', verdict: 'notMet' },
        { figure: 'b', verdict: 'notMeasured' },
      ]),
    ).toBe('Not met: AUC (ROC), right at attack size 0.1 (L∞, worst); 1 was not measured; 0 met.');
  });
});
