import { describe, expect, it } from 'vitest';
import { createSeededRandom } from '../random/index.ts';
import { calibrationFigures } from './calibration.ts';
import { averagePrecisionOf } from './classification.ts';
import { binnedSpread, clientSpread } from './client-spread.ts';
import { differenceOfFigures, ratioOfFigures } from './combine-figures.ts';
import { confusionFigures, matrixFigures } from './confusion.ts';
import { driftOf, labelSkew } from './drift.ts';
import { againstPrivileged, groupFairness, reweighing } from './group-fairness.ts';
import { normalQuantile, wilsonInterval, type Figure } from './interval.ts';
import { histogramAuroc, histogramAveragePrecision, scoreBin, scoreHistogram } from './score-histogram.ts';
import { fitTemperature, temperatureOfHistogram } from './temperature.ts';

/** Reproducible draws. */
function draws(seed: string) {
  const random = createSeededRandom(seed);
  const word = new Uint32Array(1);
  const uniform = (): number => {
    random.words(word);
    return (word[0]! + 0.5) / 2 ** 32;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  const binomial = (n: number, p: number): number => {
    let count = 0;
    for (let i = 0; i < n; i++) if (uniform() < p) count += 1;
    return count;
  };
  return { uniform, normal, binomial };
}

/** Share of 400 draws in which something holds. */
function share(holds: (draw: ReturnType<typeof draws>) => boolean, seed: string, times = 400): number {
  const draw = draws(seed);
  let count = 0;
  for (let i = 0; i < times; i++) if (holds(draw)) count += 1;
  return count / times;
}

const covers = (figure: Figure | null, truth: number): boolean =>
  figure !== null && figure.low <= truth && truth <= figure.high;

describe('figures of a confusion', () => {
  /** 300 positives of which 0.8 are found, 500 negatives of which 0.1 are. */
  const truth = { recall: 0.8, specificity: 0.9, precision: 240 / 290, f1: 480 / 590, balancedAccuracy: 0.85 };
  const mcc = (240 * 450 - 50 * 60) / Math.sqrt(290 * 300 * 500 * 510);

  it.each([0, 8])('have intervals that cover the truth, at noise %d', (noiseStd) => {
    const drawn = ({ binomial, normal }: ReturnType<typeof draws>) => {
      const [tp, fp] = [binomial(300, 0.8), binomial(500, 0.1)];
      const noisy = (count: number) => count + noiseStd * normal();
      const counts = { tp: noisy(tp), fp: noisy(fp), fn: noisy(300 - tp), tn: noisy(500 - fp) };
      return confusionFigures(counts, noiseStd);
    };
    for (const [name, value] of [...Object.entries(truth), ['mcc', mcc]] as [keyof typeof truth | 'mcc', number][]) {
      const covered = share((draw) => covers(drawn(draw)[name], value), `${name} ${noiseStd}`, 300);
      expect(covered, name).toBeGreaterThan(0.91);
      expect(covered, name).toBeLessThanOrEqual(0.99);
    }
  });

  it('are null where the noise hides the counts, and those of two classes are the binary ones', () => {
    const counts = { tp: 3, fp: 1, fn: 2, tn: 4 };
    expect(confusionFigures(counts, 10)).toMatchObject({ accuracy: null, recall: null, f1: null });
    const [binary, matrix] = [confusionFigures(counts, 0.1), matrixFigures([4, 1, 2, 3], 2, 0.1)];
    expect(matrix.mcc!.value).toBeCloseTo(binary.mcc!.value, 12);
    expect(matrix.mcc!.high).toBeCloseTo(binary.mcc!.high, 6);
    expect(matrix.classes[1]).toMatchObject({ recall: binary.recall, rows: 5 });
    expect(matrix.classes[1]!.f1!.value).toBeCloseTo(binary.f1!.value, 12);
    // Ten rows that are all right do not prove that all are.
    const perfect = confusionFigures({ tp: 5, fp: 0, fn: 0, tn: 5 });
    for (const figure of [perfect.mcc, perfect.f1, perfect.balancedAccuracy]) {
      expect(figure).toMatchObject({ value: 1, high: 1 });
      expect(figure!.low).toBeLessThan(0.9);
    }
    expect(() => matrixFigures([1, 2, 3], 2)).toThrow('expected 2² cells');
    expect(() => confusionFigures({ ...counts, tp: NaN })).toThrow('expected a finite correct, got NaN');
  });
});

describe('figures of a score histogram', () => {
  const bins = 20;
  /** Scores of positives are √u, of negatives 1 - √u: the AUROC is 5/6. */
  const sample = ({ uniform, normal }: ReturnType<typeof draws>, rows: number, noiseStd: number) => {
    const scores = Float64Array.from({ length: 2 * rows }, (_, i) =>
      i < rows ? Math.sqrt(uniform()) : 1 - Math.sqrt(uniform()),
    );
    const labels = scores.map((_, i) => Number(i < rows));
    const { positives, negatives } = scoreHistogram(scores, labels, bins);
    const noisy = (counts: Float64Array) => counts.map((count) => count + noiseStd * normal());
    return { scores, labels, histogram: { positives: noisy(positives), negatives: noisy(negatives) } };
  };

  it.each([0, 4])('have intervals that cover the truth, at noise %d', (noiseStd) => {
    const covered = share(
      (draw) => covers(histogramAuroc(sample(draw, 250, noiseStd).histogram, noiseStd), 5 / 6),
      `auroc ${noiseStd}`,
    );
    // The bound of the binning makes it wider than sampling and noise alone.
    expect(covered).toBeGreaterThan(0.94);
  });

  it.each([0, 3])('of the average precision too, at noise %d', (noiseStd) => {
    // Expected counts of √u and 1 - √u, without end.
    const edge = (bin: number) => (bin / bins) ** 2;
    const expected = {
      positives: Array.from({ length: bins }, (_, bin) => edge(bin + 1) - edge(bin)),
      negatives: Array.from({ length: bins }, (_, bin) => edge(bins - bin) - edge(bins - bin - 1)),
    };
    const truth = histogramAveragePrecision(expected)!.value;
    const covered = share(
      (draw) => covers(histogramAveragePrecision(sample(draw, 250, noiseStd).histogram, noiseStd), truth),
      `precision ${noiseStd}`,
      200,
    );
    expect(covered).toBeGreaterThan(0.93);
  });

  it('know what noise alone does, its second order included', () => {
    const draw = draws('second order');
    const exact = sample(draw, 60, 0).histogram;
    const truth = histogramAuroc(exact)!.value;
    const errors: number[] = [];
    let predicted = 0;
    for (let i = 0; i < 600; i++) {
      const noisy = (counts: Float64Array) => counts.map((count) => count + 3 * draw.normal());
      const histogram = { positives: noisy(exact.positives), negatives: noisy(exact.negatives) };
      const figure = histogramAuroc(histogram, 3);
      if (figure === null) continue;
      errors.push(figure.value - truth);
      predicted += figure.noiseHalfWidth / 1.96;
    }
    const deviation = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length);
    expect(predicted / errors.length / deviation).toBeGreaterThan(0.85);
    expect(predicted / errors.length / deviation).toBeLessThan(1.25);
  });

  it('bound the average precision of the scores themselves, ties or not', () => {
    for (let seed = 0; seed < 60; seed++) {
      const draw = draws(`precision ${seed}`);
      const { scores, labels } = sample(draw, 5 + seed, 0);
      const rounded = seed % 2 === 0 ? scores : scores.map((score) => Math.round(score * 30) / 30);
      const { binned } = histogramAveragePrecision(scoreHistogram(rounded, labels, 12))!;
      const exact = averagePrecisionOf(rounded, labels)!;
      expect(exact).toBeGreaterThanOrEqual(binned.low - 1e-12);
      expect(exact).toBeLessThanOrEqual(binned.high + 1e-12);
    }
  });

  it('are null with one class only, and refused of scores that are none', () => {
    const one = { positives: [5, 5], negatives: [0, 0] };
    expect(histogramAuroc(one)).toBeNull();
    expect(histogramAveragePrecision(one)).toBeNull();
    expect(histogramAuroc({ positives: [5, 5], negatives: [4, 3] }, 10)).toBeNull();
    expect(histogramAuroc({ positives: [9, 0], negatives: [7, 0] })).toMatchObject({ value: 0.5, low: 0, high: 1 });
    expect(() => histogramAuroc({ positives: [1], negatives: [] })).toThrow('1 bins of positives, got 0');
    expect(() => scoreBin(NaN, 10)).toThrow('got NaN');
    expect(scoreBin(1, 10)).toBe(9);
    expect(() => averagePrecisionOf([0.5, NaN], [0, 1])).toThrow('expected scores that are numbers, got NaN');
  });
});

describe('calibration', () => {
  it.each([0, 5])('of a calibrated model stays below the floor, at noise %d', (noiseStd) => {
    const noise = { count: noiseStd, sumConfidence: noiseStd, sumCorrect: noiseStd };
    const below = share(({ binomial, normal }) => {
      const bins = Array.from({ length: 10 }, (_, bin) => ({
        count: 60 + noiseStd * normal(),
        sumConfidence: 60 * (bin + 0.5) * 0.1 + noiseStd * normal(),
        sumCorrect: binomial(60, (bin + 0.5) * 0.1) + noiseStd * normal(),
      }));
      const { ece, floor } = calibrationFigures(bins, noise)!;
      return ece.value <= floor;
    }, `calibrated ${noiseStd}`);
    expect(below).toBeGreaterThan(0.92);
    expect(below).toBeLessThan(0.985);
  });

  it('of an overconfident one is above it, and its interval covers the truth', () => {
    const found = share(({ binomial }) => {
      const bins = Array.from({ length: 10 }, (_, bin) => ({
        count: 200,
        sumConfidence: 200 * (bin + 0.5) * 0.1,
        sumCorrect: binomial(200, 0.5 + 0.6 * ((bin + 0.5) * 0.1 - 0.5)),
      }));
      const { ece, floor } = calibrationFigures(bins)!;
      return ece.value > floor && covers(ece, 0.1);
    }, 'overconfident');
    expect(found).toBeGreaterThan(0.94);
  });

  it('is null without rows', () => {
    expect(calibrationFigures([{ count: 0, sumConfidence: 0, sumCorrect: 0 }])).toBeNull();
  });
});

describe('temperature', () => {
  /** Labels drawn at the logits' own chances; the model says its logits are twice as large. */
  const logitsOf = ({ normal }: ReturnType<typeof draws>, rows: number) => Array.from({ length: rows }, () => normal());

  it('is found of rows and of their histogram, and the interval covers it', () => {
    const covered = share(
      (draw) => {
        const logits = logitsOf(draw, 500);
        const labels = logits.map((logit) => Number(draw.uniform() < 1 / (1 + Math.exp(-logit))));
        const scores = logits.map((logit) => 1 / (1 + Math.exp(-2 * logit)));
        const figure = temperatureOfHistogram(scoreHistogram(scores, labels, 200));
        const exact = fitTemperature(
          logits.map((logit) => 2 * logit),
          labels,
          1,
        );
        expect(Math.abs(figure!.value / exact - 1)).toBeLessThan(0.02);
        return covers(figure, 2);
      },
      'temperature',
      60,
    );
    expect(covered).toBeGreaterThan(0.88);
  });

  it('is null, or refused, where none is best', () => {
    expect(temperatureOfHistogram({ positives: [0, 9], negatives: [9, 0] })).toBeNull();
    expect(temperatureOfHistogram({ positives: [9, 0], negatives: [0, 9] })).toBeNull();
    expect(temperatureOfHistogram({ positives: [4, 9], negatives: [9, 4] }, 50)).toBeNull();
    expect(() => fitTemperature([3, -3], [1, 0], 1)).toThrow('no temperature is best');
    expect(() => fitTemperature([3, -3], [1], 1)).toThrow('1 rows of 1 logits, got 2 values');
  });
});

describe('group fairness', () => {
  /** A fair model: both groups have the same rates. */
  const group = ({ binomial, normal }: ReturnType<typeof draws>, name: string, rows: number, noiseStd: number) => {
    const positives = Math.round(0.3 * rows);
    const [tp, fp] =
      noiseStd > 0
        ? [0.8 * positives, 0.1 * (rows - positives)]
        : [binomial(positives, 0.8), binomial(rows - positives, 0.1)];
    const noisy = (count: number) => count + noiseStd * normal();
    return { group: name, tp: noisy(tp), fp: noisy(fp), fn: noisy(positives - tp), tn: noisy(rows - positives - fp) };
  };

  it.each([200, 1_000])('of a fair model stays below the noise floor with %d rows a group at ε = 1', (rows) => {
    let floors = 0;
    const below = share((draw) => {
      const found = groupFairness([group(draw, 'a', rows, 3.73), group(draw, 'b', rows, 3.73)], { noiseStd: 3.73 });
      floors += found.equalizedOdds!.floor / 400;
      return found.equalizedOdds!.figure.value <= found.equalizedOdds!.floor;
    }, `fair ${rows}`);
    expect(below).toBeGreaterThan(0.93);
    // About what simulation says: 0.15 of 200 rows, 0.028 of 1,000.
    expect(floors).toBeGreaterThan(rows === 200 ? 0.12 : 0.02);
    expect(floors).toBeLessThan(rows === 200 ? 0.2 : 0.04);
  });

  it('of four fair groups stays below it, and the ratio above it', () => {
    const names = ['a', 'b', 'c', 'd'];
    const below = share((draw) => {
      const found = groupFairness(
        names.map((name) => group(draw, name, 800, 4)),
        { noiseStd: 4 },
      );
      return (
        found.demographicParity!.figure.value <= found.demographicParity!.floor &&
        found.disparateImpact!.figure.value >= found.disparateImpact!.floor
      );
    }, 'four');
    expect(below).toBeGreaterThan(0.93);
  });

  it('covers a true gap', () => {
    const covered = share(({ binomial, normal }) => {
      const noisy = (count: number) => count + 3 * normal();
      const one = (name: string, selected: number) => {
        const tp = binomial(200, selected);
        const fp = binomial(200, selected);
        return { group: name, tp: noisy(tp), fp: noisy(fp), fn: noisy(200 - tp), tn: noisy(200 - fp) };
      };
      const found = groupFairness([one('a', 0.5), one('b', 0.3)], { noiseStd: 3 });
      return covers(found.demographicParity!.figure, 0.2) && covers(found.disparateImpact!.figure, 0.6);
    }, 'gap');
    expect(covered).toBeGreaterThan(0.92);
  });

  it('withholds small groups and leaves those out of a rate that have none', () => {
    const large = { tp: 40, fp: 10, fn: 10, tn: 40 };
    const found = groupFairness(
      [
        { group: 'a', ...large },
        { group: 'b', ...large, tp: 20 },
        { group: 'none positive', tp: 0, fp: 9, fn: 0, tn: 90 },
        { group: 'small', tp: 0, fp: 3, fn: 0, tn: 0 },
      ],
      { minimumRows: 20 },
    );
    expect(found.withheld).toEqual(['small']);
    expect(found.equalOpportunity).toMatchObject({ highest: 'a', lowest: 'b', floor: 0 });
    expect(found.demographicParity).toMatchObject({ highest: 'a', lowest: 'none positive' });
    expect(found.disparateImpact!.floor).toBe(1);
    expect(groupFairness([{ group: 'a', ...large }]).equalizedOdds).toBeNull();
    expect(
      groupFairness([
        { group: 'a', ...large },
        { group: 'b', tp: 0, fp: 0, fn: 0, tn: 0 },
      ]).accuracy,
    ).toBeNull();
  });

  it('is refused without groups, with one twice, without the privileged one', () => {
    const one = { group: 'a', tp: 1, fp: 1, fn: 1, tn: 1 };
    expect(() => groupFairness([])).toThrow('expected groups with different names, got 0');
    expect(() => groupFairness([one, one])).toThrow('expected groups with different names, got 2');
    expect(() => againstPrivileged([one], 'b')).toThrow('expected the group b and another');
    expect(reweighing([one, { ...one, group: 'b', tp: 0, fn: 0 }])[1]).toMatchObject({
      positive: null,
      negative: expect.closeTo(2 / 3, 12),
    });
  });
});

describe('drift', () => {
  it.each([
    [0, 0],
    [6, 3],
  ])('without any stays below the floor, at noise %d and %d', (reference, current) => {
    const shares = [0.05, 0.15, 0.3, 0.3, 0.15, 0.05];
    const below = share(({ binomial, normal }) => {
      const of = (rows: number, std: number) => shares.map((p) => binomial(rows, p) + std * normal());
      const found = driftOf(of(1_000, reference), of(300, current), { reference, current });
      return found.psi!.value <= found.psiFloor && found.jensenShannon!.value <= found.jensenShannonFloor;
    }, `drift ${reference}`);
    expect(below).toBeGreaterThan(0.9);
    expect(below).toBeLessThan(0.985);
  });

  it('without any stays below the floor also where noise is larger than the counts of some bins', () => {
    const shares = [0.01, 0.04, 0.45, 0.45, 0.04, 0.01];
    const below = share(({ binomial, normal }) => {
      const of = (rows: number) => shares.map((p) => binomial(rows, p) + 5 * normal());
      const found = driftOf(of(300), of(300), { reference: 5, current: 5 });
      return found.psi!.value <= found.psiFloor && found.jensenShannon!.value <= found.jensenShannonFloor;
    }, 'noisy bins');
    expect(below).toBeGreaterThan(0.9);
  });

  it('is seen, and the interval covers it', () => {
    const [p, q] = [
      [0.1, 0.2, 0.4, 0.3],
      [0.3, 0.3, 0.2, 0.2],
    ];
    const psi = p!.reduce((sum, one, i) => sum + (one - q![i]!) * Math.log(one / q![i]!), 0);
    const covered = share(({ binomial, normal }) => {
      const of = (shares: readonly number[]) => shares.map((one) => binomial(600, one) + 4 * normal());
      const found = driftOf(of(p!), of(q!), { reference: 4, current: 4 });
      return found.psi!.value > found.psiFloor && covers(found.psi, psi);
    }, 'drifted');
    expect(covered).toBeGreaterThan(0.91);
  });

  it('is refused of other bins and of clients without rows', () => {
    expect(() => driftOf([1, 2], [1, 2, 3])).toThrow('expected two histograms of 2 bins, got 3');
    expect(() =>
      labelSkew([
        [1, 2],
        [0, 0],
      ]),
    ).toThrow('expected rows, got 0');
  });
});

describe('spread over clients', () => {
  it('covers mean and Jain’s index under noise', () => {
    const counts = [0, 0, 0, 2, 4, 8, 30, 60, 40, 16];
    const truth = binnedSpread(counts);
    const covered = share(({ normal }) => {
      const found = binnedSpread(
        counts.map((count) => count + 2 * normal()),
        2,
      );
      return covers(found.mean, truth.mean!.value) && covers(found.jain, truth.jain!.value);
    }, 'spread');
    expect(covered).toBeGreaterThan(0.95);
  });

  it('of equal clients has Jain’s index 1, of one that has all 1 / n', () => {
    expect(clientSpread([0.7, 0.7, 0.7])).toMatchObject({
      jain: expect.closeTo(1, 12),
      variance: expect.closeTo(0, 12),
    });
    expect(clientSpread([1, 0, 0, 0]).jain).toBe(0.25);
    expect(clientSpread([0, 0]).jain).toBeNull();
    expect(binnedSpread([0, 0, 0])).toMatchObject({ mean: null, jain: null, worstDecile: null });
    expect(() => clientSpread([])).toThrow('got none');
    expect(() => clientSpread([0.5, -1])).toThrow('got -1');
  });
});

describe('combined figures', () => {
  it('a ratio by a rate that may be 0 has no upper bound, and one by 0 is none', () => {
    const [half, none] = [wilsonInterval(50, 100), wilsonInterval(0, 10)];
    expect(ratioOfFigures(half, none)).toBeNull();
    expect(ratioOfFigures(half, { ...half, low: 0 })).toMatchObject({ value: 1, high: Infinity });
    expect(ratioOfFigures(none, half)).toMatchObject({ value: 0, low: 0 });
    // Newcombe 1998, method 10, table II: 56/70 - 48/80 is 0.0524 to 0.3339.
    const difference = differenceOfFigures(wilsonInterval(56, 70), wilsonInterval(48, 80));
    expect(difference.low).toBeCloseTo(0.0524, 4);
    expect(difference.high).toBeCloseTo(0.3339, 4);
  });

  it('quantiles of the normal distribution are known ones', () => {
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 12);
    expect(normalQuantile(0.0005)).toBeCloseTo(-3.2905267314919255, 10);
    expect(normalQuantile(0.5)).toBeCloseTo(0, 12);
    expect(() => normalQuantile(1)).toThrow('expected a probability in (0, 1), got 1');
  });
});
