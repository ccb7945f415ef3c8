import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { calibrationBins, calibrationFigures } from './calibration.ts';
import { accuracyOf, averagePrecisionOf, brierOf, predictedClass } from './classification.ts';
import { certifiedRadius, smoothedPValue } from './certified-radius.ts';
import { binnedSpread, clientSpread } from './client-spread.ts';
import { confusionFigures, matrixFigures, type ConfusionCounts } from './confusion.ts';
import { driftOf, labelSkew, noisySkew, wasserstein } from './drift.ts';
import { againstPrivileged, groupFairness, reweighing, type GroupCounts, type GroupGap } from './group-fairness.ts';
import { wilsonInterval, z95, type Figure } from './interval.ts';
import { fitLearningCurve } from './learning-curve.ts';
import { momentsOf } from './moments.ts';
import { proportionFigure } from './noisy-ratio.ts';
import {
  calibrationOfHistogram,
  histogramAuroc,
  histogramAveragePrecision,
  scoreHistogram,
  type ScoreHistogram,
} from './score-histogram.ts';
import { fitTemperature, temperatureOfHistogram } from './temperature.ts';

const folder = process.env['SOTTO_SHARED'];
const missing = folder === undefined && process.env['SOTTO_REQUIRE'] !== 'all';

function readGolden<T>(name: string): T {
  if (folder === undefined) throw new Error('SOTTO_REQUIRE=all, but SOTTO_SHARED is not set');
  return JSON.parse(readFileSync(join(folder, 'golden/trust', name), 'utf8'));
}

function near(found: number | null | undefined, expected: number, within = 1e-9): void {
  expect(Math.abs((found ?? NaN) - expected), `${found} for ${expected}`).toBeLessThanOrEqual(within);
}

type Numbers = Record<string, number>;
type Histogrammed = { auroc: number; auroc_errorBound: number; auprc: number };
type MetricsCase = {
  input: { yTrue: number[]; score: number[]; threshold: number; logits: number[][] };
  expected: Numbers & {
    confusion: ConfusionCounts;
    reliabilityBins: { bin: number; n: number; sumConf: number; sumCorrect: number }[];
    hist10: Histogrammed;
    hist100: Histogrammed;
    hist1000: Histogrammed;
    confusionMatrix_rowsTrue: number[][];
    perClass: { precision: number[]; recall: number[]; f1: number[]; support: number[] };
    temperatureScaling: { T: number; ece15After: number };
  };
  kind: string;
};

describe.skipIf(missing)('golden values of scikit-learn (SOTTO_SHARED/golden/trust/metrics.json)', () => {
  const cases = (kind: string): MetricsCase[] => {
    const found = readGolden<{ cases: MetricsCase[] }>('metrics.json').cases.filter((one) => one.kind === kind);
    expect(found.length).toBeGreaterThanOrEqual(2);
    return found;
  };

  it('of binary predictions', () => {
    for (const { input, expected } of cases('binary')) {
      const { yTrue, score, threshold } = input;
      const counts = { tp: 0, fp: 0, fn: 0, tn: 0 };
      score.forEach((one, row) => {
        const predicted = one >= threshold;
        counts[yTrue[row] === 1 ? (predicted ? 'tp' : 'fn') : predicted ? 'fp' : 'tn'] += 1;
      });
      expect(counts).toEqual(expected.confusion);
      const figures = confusionFigures(counts);
      near(figures.accuracy?.value, expected['accuracy']!);
      near(figures.balancedAccuracy?.value, expected['balancedAccuracy']!);
      near(figures.recall?.value, expected['recall']!);
      near(figures.specificity?.value, expected['specificity']!);
      near(figures.f1?.value, expected['f1']!);
      // scikit-learn says 0 where nothing was predicted positive; here there is no figure.
      const undefinedHere = counts.tp + counts.fp === 0;
      expect(figures.precision === null).toBe(undefinedHere);
      expect(figures.mcc === null).toBe(undefinedHere);
      near(figures.precision?.value ?? 0, expected['precision']!);
      near(figures.mcc?.value ?? 0, expected['mcc']!);
      near(averagePrecisionOf(score, yTrue), expected['auprc_averagePrecision']!);
      near(brierOf(score, yTrue, 1), expected['brier']!);
      const bins = calibrationBins(score, yTrue, 15);
      for (const { bin, n, sumConf, sumCorrect } of expected.reliabilityBins) {
        expect(bins[bin]!.count).toBe(n);
        near(bins[bin]!.sumConfidence, sumConf);
        expect(bins[bin]!.sumCorrect).toBe(sumCorrect);
      }
      const calibration = calibrationFigures(bins)!;
      near(calibration.ece.value, expected['ece15_positiveClass']!);
      near(calibration.mce, expected['mce15_positiveClass']!);
      for (const [size, one] of [
        [10, expected.hist10],
        [100, expected.hist100],
        [1000, expected.hist1000],
      ] as const) {
        const histogram = scoreHistogram(score, yTrue, size);
        const auroc = histogramAuroc(histogram)!;
        near(auroc.value, one.auroc);
        near(Math.max(auroc.value - auroc.binned.low, auroc.binned.high - auroc.value), one.auroc_errorBound);
        expect(expected['auroc']!).toBeGreaterThanOrEqual(auroc.binned.low - 1e-12);
        expect(expected['auroc']!).toBeLessThanOrEqual(auroc.binned.high + 1e-12);
        const area = histogramAveragePrecision(histogram)!;
        near(area.value, one.auprc);
        expect(expected['auprc_averagePrecision']!).toBeGreaterThanOrEqual(area.binned.low - 1e-12);
        expect(expected['auprc_averagePrecision']!).toBeLessThanOrEqual(area.binned.high + 1e-12);
      }
      // Of 1,500 bins the calibration error is known to half a bin, but for scores that lie on an edge of the 15.
      const onEdge = score.filter((one) => Number.isInteger(one * 15)).length / score.length;
      const fromHistogram = calibrationFigures(calibrationOfHistogram(scoreHistogram(score, yTrue, 1500), 15))!;
      near(fromHistogram.ece.value, expected['ece15_positiveClass']!, 0.5 / 1500 + onEdge);
    }
  });

  it('of several classes, with temperature scaling', () => {
    for (const { input, expected } of cases('multiclass-logits')) {
      const classes = input.logits[0]!.length;
      const logits = input.logits.flat();
      const matrix = new Float64Array(classes * classes);
      input.yTrue.forEach((truth, row) => (matrix[truth * classes + predictedClass(logits, row, classes)]! += 1));
      expect([...matrix]).toEqual(expected.confusionMatrix_rowsTrue.flat());
      const figures = matrixFigures(matrix, classes);
      near(figures.accuracy?.value, accuracyOf(logits, input.yTrue, classes));
      near(figures.balancedAccuracy?.value, expected['balancedAccuracy']!);
      near(figures.f1Macro?.value, expected['f1Macro']!);
      near(figures.f1Weighted?.value, expected['f1Weighted']!);
      near(figures.mcc?.value, expected['mcc']!);
      near(figures.kappa?.value, expected['cohenKappa']!);
      figures.classes.forEach(({ precision, recall, f1, rows }, i) => {
        near(precision?.value, expected.perClass.precision[i]!);
        near(recall?.value, expected.perClass.recall[i]!);
        near(f1?.value, expected.perClass.f1[i]!);
        expect(rows).toBe(expected.perClass.support[i]);
      });
      near(
        brierOf(softmaxRows(input.logits, 1).flat(), input.yTrue, classes),
        expected['brierMulticlass_sumOverClasses']!,
      );
      near(topLabelEce(input.logits, input.yTrue, 1), expected['ece15_topLabel']!);
      const temperature = fitTemperature(logits, input.yTrue, classes);
      near(temperature, expected.temperatureScaling.T, 1e-4);
      near(topLabelEce(input.logits, input.yTrue, temperature), expected.temperatureScaling.ece15After, 1e-4);
    }
  });

  it('of histograms alone', () => {
    const { histogramCases } = readGolden<{
      histogramCases: { input: ScoreHistogram; expected: Numbers }[];
    }>('metrics.json');
    expect(histogramCases.length).toBe(2);
    for (const { input, expected } of histogramCases) {
      const auroc = histogramAuroc(input)!;
      near(auroc.value, expected['auroc']!);
      near(auroc.binned.high - auroc.value, expected['auroc_errorBound']!);
      expect(Math.abs(expected['auroc_exactFromScores']! - auroc.value)).toBeLessThan(expected['auroc_errorBound']!);
      const area = histogramAveragePrecision(input)!;
      near(area.value, expected['auprc']!);
      expect(expected['auprc_exactFromScores']!).toBeGreaterThan(area.binned.low);
      expect(expected['auprc_exactFromScores']!).toBeLessThan(area.binned.high);
      const temperature = temperatureOfHistogram(input)!;
      expect(temperature.low).toBeLessThan(temperature.value);
      expect(temperature.high).toBeGreaterThan(temperature.value);
    }
  });
});

function softmaxRows(logits: readonly number[][], temperature: number): number[][] {
  return logits.map((row) => {
    const most = Math.max(...row);
    const powers = row.map((logit) => Math.exp((logit - most) / temperature));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
  });
}

function topLabelEce(logits: readonly number[][], truth: readonly number[], temperature: number): number {
  const probabilities = softmaxRows(logits, temperature);
  const confidences = probabilities.map((row) => Math.max(...row));
  const correct = probabilities.map((row, i) => Number(row.indexOf(Math.max(...row)) === truth[i]));
  return calibrationFigures(calibrationBins(confidences, correct, 15))!.ece.value;
}

type RateNames = 'accuracy' | 'selectionRate' | 'tpr' | 'fpr' | 'ppv' | 'baseRate';
type FairnessCase = {
  name: string;
  input: {
    yTrue: number[];
    score: number[];
    group: string[];
    threshold: number;
    bootstrapIndices?: number[][];
  };
  expected: {
    byGroup: Record<
      string,
      ConfusionCounts &
        Record<RateNames, number | null> &
        Record<'accuracyWilson95' | 'selectionRateWilson95' | 'tprWilson95' | 'fprWilson95', [number, number]> & {
          n: number;
          ece15: number;
        }
    >;
    overall: Numbers;
    aif360?: Numbers & { privileged: string; reweighing: Numbers };
    perClientGroupCounts: Record<string, Record<string, ConfusionCounts>>;
    bootstrapPercentile95?: Record<
      'demographicParityDifference' | 'equalizedOddsDifference_worstCase',
      [number, number]
    >;
  };
};

describe.skipIf(missing)('golden values of fairlearn and aif360 (SOTTO_SHARED/golden/trust/fairness.json)', () => {
  const cases = (): FairnessCase[] => readGolden<{ cases: FairnessCase[] }>('fairness.json').cases;

  const countsOf = ({ yTrue, score, group, threshold }: FairnessCase['input'], rows: readonly number[]) => {
    const groups = new Map<string, { group: string; tp: number; fp: number; fn: number; tn: number }>();
    for (const row of rows) {
      const name = group[row]!;
      const counts = groups.get(name) ?? { group: name, tp: 0, fp: 0, fn: 0, tn: 0 };
      const predicted = score[row]! >= threshold;
      counts[yTrue[row] === 1 ? (predicted ? 'tp' : 'fn') : predicted ? 'fp' : 'tn'] += 1;
      groups.set(name, counts);
    }
    return [...groups.values()];
  };
  const allRows = (input: FairnessCase['input']) => countsOf(input, [...input.yTrue.keys()]);

  it('of every group: counts, rates, Wilson intervals, calibration; clients’ counts add up to them', () => {
    expect(cases().length).toBe(6);
    for (const { input, expected } of cases()) {
      const counts = allRows(input);
      for (const rates of groupFairness(counts).groups) {
        const golden = expected.byGroup[rates.group]!;
        expect(counts.find(({ group }) => group === rates.group)).toMatchObject({
          tp: golden.tp,
          fp: golden.fp,
          fn: golden.fn,
          tn: golden.tn,
        });
        expect(rates.rows).toBe(golden.n);
        same(rates.accuracy, golden.accuracy, golden.accuracyWilson95);
        same(rates.selectionRate, golden.selectionRate, golden.selectionRateWilson95);
        same(rates.truePositiveRate, golden.tpr, golden.tprWilson95);
        same(rates.falsePositiveRate, golden.fpr, golden.fprWilson95);
        same(rates.positivePredictiveValue, golden.ppv);
        same(rates.baseRate, golden.baseRate);
        const rows = [...input.group.keys()].filter((row) => input.group[row] === rates.group);
        const bins = calibrationBins(
          rows.map((row) => input.score[row]!),
          rows.map((row) => input.yTrue[row]!),
          15,
        );
        near(calibrationFigures(bins)!.ece.value, golden.ece15);
        const summed = { tp: 0, fp: 0, fn: 0, tn: 0 };
        for (const client of Object.values(expected.perClientGroupCounts)) {
          for (const cell of ['tp', 'fp', 'fn', 'tn'] as const) summed[cell] += client[rates.group]?.[cell] ?? 0;
        }
        expect(counts.find(({ group }) => group === rates.group)).toMatchObject(summed);
      }
    }
  });

  it('of the comparisons, counting a rate of 0 of 0 as fairlearn does', () => {
    for (const { input, expected } of cases()) {
      const found = groupFairness(allRows(input), { undefinedAsZero: true });
      const { overall } = expected;
      const gap = (one: GroupGap | null, name: string): void => {
        near(one?.figure.value, overall[name]!);
        expect(one!.figure.low).toBeLessThanOrEqual(overall[name]!);
        expect(one!.figure.high).toBeGreaterThanOrEqual(overall[name]!);
      };
      gap(found.demographicParity, 'demographicParityDifference');
      gap(found.disparateImpact, 'demographicParityRatio');
      gap(found.equalizedOdds, 'equalizedOddsDifference_worstCase');
      near(found.equalizedOddsMean?.value, overall['equalizedOddsDifference_mean']!);
      gap(found.equalOpportunity, 'equalOpportunityDifference');
      gap(found.predictiveParity, 'predictiveParityDifference');
      gap(found.accuracy, 'accuracyDifference');
      expect(found.accuracy?.lowest).toBe(overall['worstGroup']);
    }
  });

  it('of the comparisons with a privileged group, and of reweighing', () => {
    let checked = 0;
    for (const { input, expected } of cases()) {
      const { aif360 } = expected;
      if (aif360 === undefined) continue;
      checked += 1;
      const counts: GroupCounts[] = allRows(input);
      const found = againstPrivileged(counts, aif360.privileged);
      near(found.statisticalParityDifference?.value, aif360['statisticalParityDifference']!);
      near(found.disparateImpact?.value, aif360['disparateImpact']!);
      near(found.averageOddsDifference?.value, aif360['averageOddsDifference']!);
      near(found.equalOpportunityDifference?.value, aif360['equalOpportunityDifference_signed']!);
      near(found.errorRateDifference?.value, aif360['errorRateDifference']!);
      const rest = counts.filter(({ group }) => group !== aif360.privileged);
      const total = (cell: keyof ConfusionCounts) => rest.reduce((sum, one) => sum + one[cell], 0);
      const [privileged, others] = reweighing([
        counts.find(({ group }) => group === aif360.privileged)!,
        { group: 'others', tp: total('tp'), fp: total('fp'), fn: total('fn'), tn: total('tn') },
      ]);
      near(privileged!.positive, aif360.reweighing['w_priv_fav']!);
      near(privileged!.negative, aif360.reweighing['w_priv_unfav']!);
      near(others!.positive, aif360.reweighing['w_unpriv_fav']!);
      near(others!.negative, aif360.reweighing['w_unpriv_unfav']!);
    }
    expect(checked).toBe(4);
  });

  it('of the bootstrap, whose intervals are about as wide as those from counts', () => {
    const { input, expected } = cases().find((one) => one.input.bootstrapIndices !== undefined)!;
    const resampled = input.bootstrapIndices!.map((rows) =>
      groupFairness(countsOf(input, rows), { undefinedAsZero: true }),
    );
    const found = groupFairness(allRows(input));
    for (const [name, pick] of [
      ['demographicParityDifference', (one: typeof found) => one.demographicParity],
      ['equalizedOddsDifference_worstCase', (one: typeof found) => one.equalizedOdds],
    ] as const) {
      const values = resampled.map((one) => pick(one)!.figure.value).sort((a, b) => a - b);
      const [low, high] = expected.bootstrapPercentile95![name];
      near(quantile(values, 0.025), low);
      near(quantile(values, 0.975), high);
      const { figure } = pick(found)!;
      expect((figure.high - figure.low) / (high - low)).toBeGreaterThan(0.75);
      expect((figure.high - figure.low) / (high - low)).toBeLessThan(1.35);
    }
  });

  function same(figure: Figure | null, value: number | null, interval?: readonly [number, number]): void {
    if (value === null) {
      expect(figure).toBeNull();
      return;
    }
    near(figure?.value, value);
    if (interval === undefined) return;
    near(figure?.low, interval[0]);
    near(figure?.high, interval[1]);
  }
});

/** Quantile with linear interpolation, numpy's type 7. */
function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const next = sorted[below + 1] ?? sorted[below]!;
  return sorted[below]! + (place - below) * (next - sorted[below]!);
}

describe.skipIf(missing)('golden values of generalization_fairness_drift.json', () => {
  type Golden = {
    clientAccuracyDistribution: {
      cases: { input: { accuracy: number[] }; expected: Numbers & { histogram20: number[] } }[];
    };
    drift: {
      cases: {
        input: {
          referenceCounts: number[];
          currentCounts: number[];
          equalWidth: { edges: number[]; reference: number[]; current: number[] };
        };
        expected: Numbers & { label: string; equalWidth: Numbers };
      }[];
    };
    labelSkew: {
      cases: {
        input: { labelCounts: number[][] };
        expected: { jsToGlobal: number[]; totalVariationToGlobal: number[] };
      }[];
    };
    learningCurve: { cases: { input: { n: number[]; error: number[] }; expected: Numbers }[] };
    federatedMoments: {
      cases: {
        input: { clients: (number | null)[][][] };
        expected: Record<
          'count' | 'mean' | 'variancePopulation' | 'varianceSample' | 'skewness' | 'missingRate',
          number[]
        >;
      }[];
    };
    sampleSize: { n: number; correct: number; wilson95: [number, number] }[];
    noisyCounts: { cases: { tp: number; fn: number; sigma: number; stdTpr: number }[] };
  };
  const golden = (): Golden => readGolden('generalization_fairness_drift.json');

  it('of the spread over clients, exact and from twenty bins', () => {
    for (const { input, expected } of golden().clientAccuracyDistribution.cases) {
      const found = clientSpread(input.accuracy);
      near(found.mean, expected['mean']!);
      near(found.variance * 1e4, expected['varianceTimes1e4']!);
      near(found.worstDecile, expected['worst10pctMean']!);
      near(found.bestDecile, expected['best10pctMean']!);
      near(found.jain, expected['jain']!);
      const binned = binnedSpread(expected.histogram20);
      near(binned.variance!.value * 1e4, expected['hist20_varianceTimes1e4']!);
      near(binned.mean?.value, expected['mean']!, binned.binning);
      near(binned.worstDecile?.value, expected['worst10pctMean']!, 2 * binned.binning);
      near(binned.jain?.value, expected['jain']!, 0.02);
    }
  });

  it('of drift', () => {
    for (const { input, expected } of golden().drift.cases) {
      const found = driftOf(input.referenceCounts, input.currentCounts);
      near(found.psi?.value, expected['psi']!);
      near(found.jensenShannon?.value, expected['jsDivergenceNats']!);
      near(found.totalVariation, expected['totalVariation']!);
      expect(found.label).toBe(expected.label);
      const { edges, reference, current } = input.equalWidth;
      near(wasserstein(reference, current, edges)?.value, expected.equalWidth['wasserstein1FromHistogram']!);
    }
  });

  it('of label skew', () => {
    for (const { input, expected } of golden().labelSkew.cases) {
      labelSkew(input.labelCounts).forEach(({ jensenShannon, totalVariation }, client) => {
        near(jensenShannon, expected.jsToGlobal[client]!);
        near(totalVariation, expected.totalVariationToGlobal[client]!);
      });
      // From a client's and the others' counts, as a federation has them.
      input.labelCounts.forEach((own, client) => {
        const others = own.map((_, i) =>
          input.labelCounts.reduce((sum, one, k) => sum + (k === client ? 0 : one[i]!), 0),
        );
        near(noisySkew(own, others, { own: 0, others: 0 })!.jensenShannon.value, expected.jsToGlobal[client]!);
      });
    }
  });

  it('of learning curves', () => {
    for (const { input, expected } of golden().learningCurve.cases) {
      const found = fitLearningCurve(input.n.map((units, i) => ({ units, error: input.error[i]! })))!;
      near(found.asymptote / expected['asymptote']!, 1, 1e-2);
      near(found.scale / expected['scale']!, 1, 1e-2);
      near(found.exponent / expected['exponent']!, 1, 1e-2);
      near(found.at(1_600)?.value, expected['predictedErrorAt1600']!, 1e-4);
      near(found.at(6_400)?.value, expected['predictedErrorAt6400']!, 1e-4);
      near(found.unitsFor(0.02)! / expected['samplesForErrorWithin0_02OfAsymptote']!, 1, 1e-2);
      expect(found.squares).toBeLessThan(expected['sse']! + 1e-12);
    }
  });

  it('of moments from sums that clients add up', () => {
    for (const { input, expected } of golden().federatedMoments.cases) {
      const rows = input.clients.flat();
      expected.count.forEach((count, column) => {
        const sums = { count: 0, sum: 0, squares: 0, cubes: 0 };
        for (const client of input.clients) {
          for (const row of client) {
            const value = row[column]!;
            if (value === null) continue;
            sums.count += 1;
            sums.sum += value;
            sums.squares += value ** 2;
            sums.cubes += value ** 3;
          }
        }
        const found = momentsOf(sums);
        expect(sums.count).toBe(count);
        near(found.mean, expected.mean[column]!);
        near(found.variance, expected.variancePopulation[column]!);
        near(found.sampleVariance, expected.varianceSample[column]!);
        near(found.skewness, expected.skewness[column]!);
        near(
          proportionFigure({ correct: rows.length - count, incorrect: count, noiseStd: 0 })?.value,
          expected.missingRate[column]!,
        );
      });
    }
  });

  it('of intervals by sample size, and of a rate under noise', () => {
    for (const { n, correct, wilson95 } of golden().sampleSize) {
      const { low, high } = wilsonInterval(correct, n);
      near(low, wilson95[0]);
      near(high, wilson95[1]);
    }
    for (const { tp, fn, sigma, stdTpr } of golden().noisyCounts.cases) {
      near(proportionFigure({ correct: tp, incorrect: fn, noiseStd: sigma })!.noiseHalfWidth / z95, stdTpr);
    }
  });
});

describe.skipIf(missing)('golden values of smoothing.json', () => {
  type Golden = {
    certify: {
      n: number;
      count: number;
      alpha: number;
      pALower: number;
      abstain: boolean;
      radius: Record<string, number>;
    }[];
    predict: { nA: number; nB: number; alpha: number; pValue: number; abstain: boolean }[];
  };

  it('of certified radii and of abstaining', () => {
    const golden = readGolden<Golden>('smoothing.json');
    expect(golden.certify.length).toBe(34);
    for (const { n, count, alpha, pALower, abstain, radius } of golden.certify) {
      for (const [sigma, expected] of Object.entries(radius)) {
        const found = certifiedRadius(count, n, alpha, Number(sigma));
        near(found.chance, pALower);
        expect(found.radius === null).toBe(abstain);
        near(found.radius ?? 0, expected, 1e-7);
      }
    }
    for (const { nA, nB, alpha, pValue, abstain } of golden.predict) {
      near(smoothedPValue(nA, nB), pValue);
      expect(smoothedPValue(nA, nB) > alpha).toBe(abstain);
    }
    expect(() => certifiedRadius(3, 2, 0.05, 1)).toThrow('expected 0 to 2 of 1 draw or more, got 3');
    expect(() => certifiedRadius(1, 2, 0, 1)).toThrow('expected alpha in (0, 1), got 0');
  });
});
