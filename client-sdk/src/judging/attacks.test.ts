import {
  amountInputs,
  attackSlopes,
  fastGradient,
  projectedGradient,
  type AttackNorm,
  withBlur,
  withGivenNoise,
  withMissingColumns,
  withNoise,
  withShiftedScale,
  certifyRow,
  predictSmoothed,
  smoothedCounts,
} from '@sotto/shared/judging';
import { accuracyOf } from '@sotto/shared/metrics';
import { lossValues, type Loss } from '@sotto/shared/model';
import { inputColumns } from '@sotto/shared/plan';
import { beforeAll, describe, expect, it } from 'vitest';
import { exampleSchema, linearModel } from '../testing/example-model.ts';
import { flat, goldenMissing, goldenModels, readGolden, type GoldenModel } from '../testing/golden-models.ts';
import { encodeRecords } from './encode-records.ts';

const unit = { low: 0, high: 1 };

type Expected = { robustAccuracy: number; meanLoss: number; predictions: number[]; meanLinf: number; meanL2: number };
type Golden = {
  cleanAccuracy: number;
  fgsmLinf: { epsilon: number; expected: Expected }[];
  fgmL2: { epsilon: number; expected: Expected }[];
  pgd: { epsilon: number; norm: AttackNorm; steps: number; stepSize: number; expected: Expected }[];
  examples: {
    fgsm: { epsilon: number; inputGradientOfCrossEntropy: number[][]; adversarial: number[][] };
    pgdLinf: { epsilon: number; steps: number; stepSize: number; adversarial: number[][] };
  };
  modelA_fgsm: { epsilon: number; robustAccuracy: number; meanLoss: number }[];
  corruption: { noise: number[][]; cases: { sigma: number; accuracy: number; predictions: number[] }[] };
};

describe.skipIf(goldenMissing)('golden attacks (SOTTO_SHARED/golden/trust/adversarial.json)', () => {
  let golden: Golden;
  let given: Awaited<ReturnType<typeof goldenModels>>;
  let rows: Float64Array;
  const crossEntropy: Loss = 'categoricalCrossEntropy';

  beforeAll(async () => {
    golden = readGolden<Golden>('adversarial.json');
    given = await goldenModels();
    rows = flat(given.dataB.xTest);
  });

  const judge = ({ model }: GoldenModel, loss: Loss, features: Float64Array, targets: readonly number[]) => {
    const logits = model.logits(features, targets.length);
    const scores = model.outputs === 1 ? logits.map((logit) => 1 / (1 + Math.exp(-logit))) : logits;
    const losses = lossValues(loss, logits, Float32Array.from(targets), model.outputs);
    return {
      accuracy: accuracyOf(scores, targets, model.outputs),
      meanLoss: losses.reduce((a, b) => a + b, 0) / targets.length,
    };
  };

  it('by one step, in both norms; at ε = 0.3 nothing is left', () => {
    expect(judge(given.b, crossEntropy, rows, given.dataB.yTest).accuracy).toBe(golden.cleanAccuracy);
    for (const [norm, cases] of [
      ['linf', golden.fgsmLinf],
      ['l2', golden.fgmL2],
    ] as const) {
      expect(cases.length).toBe(8);
      for (const { epsilon, expected } of cases) {
        const changed = fastGradient(given.b.model, crossEntropy, rows, given.dataB.yTest, {
          norm,
          epsilon,
          range: unit,
        });
        const { accuracy, meanLoss } = judge(given.b, crossEntropy, changed, given.dataB.yTest);
        // The file allows 0.02; with a gradient that does not vanish it is exact.
        expect(accuracy, `${norm} ${epsilon}`).toBeCloseTo(expected.robustAccuracy, 9);
        expect(Math.abs(meanLoss / expected.meanLoss - 1)).toBeLessThan(1e-3);
        if (norm === 'linf' && epsilon === 0.3) expect(accuracy).toBe(0);
      }
    }
  });

  it('by projected steps, in both norms', () => {
    expect(golden.pgd.length).toBe(8);
    for (const { expected, ...options } of golden.pgd) {
      const changed = projectedGradient(given.b.model, crossEntropy, rows, given.dataB.yTest, {
        ...options,
        range: unit,
      });
      const { accuracy, meanLoss } = judge(given.b, crossEntropy, changed, given.dataB.yTest);
      expect(Math.abs(accuracy - expected.robustAccuracy), JSON.stringify(options)).toBeLessThanOrEqual(0.02 + 1e-9);
      expect(Math.abs(meanLoss / expected.meanLoss - 1)).toBeLessThan(2e-2);
    }
  });

  it('row by row', () => {
    const three = flat(given.dataB.xTest.slice(0, 3));
    const targets = given.dataB.yTest.slice(0, 3);
    const { fgsm, pgdLinf } = golden.examples;
    const step = fastGradient(given.b.model, crossEntropy, three, targets, {
      norm: 'linf',
      epsilon: fgsm.epsilon,
      range: unit,
    });
    flat(fgsm.adversarial).forEach((value, i) => expect(Math.abs(step[i]! - value)).toBeLessThanOrEqual(1e-5));
    const steps = projectedGradient(given.b.model, crossEntropy, three, targets, {
      norm: 'linf',
      ...pgdLinf,
      range: unit,
    });
    const near = flat(pgdLinf.adversarial).filter((value, i) => Math.abs(steps[i]! - value) <= 1e-3).length;
    expect(near / three.length).toBeGreaterThanOrEqual(0.95);
    // The loss's own gradient has the direction that the attack takes.
    const own = flat(fgsm.inputGradientOfCrossEntropy);
    const taken = given.b.model.inputGradients(three, 3, (logits) => attackSlopes(crossEntropy, logits, targets, 10));
    for (let row = 0; row < 3; row++) {
      const [a, b] = [own.subarray(row * 64, row * 64 + 64), taken.subarray(row * 64, row * 64 + 64)];
      const dot = (x: Float64Array, y: Float64Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
      expect(dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))).toBeCloseTo(1, 6);
    }
  });

  it('of a binary model', () => {
    const wine = flat(given.dataA.xTest);
    for (const { epsilon, robustAccuracy, meanLoss } of golden.modelA_fgsm) {
      const limits = { norm: 'linf', epsilon, range: null } as const;
      const changed = fastGradient(given.a.model, 'binaryCrossEntropy', wine, given.dataA.yTest, limits);
      const found = judge(given.a, 'binaryCrossEntropy', changed, given.dataA.yTest);
      expect(found.accuracy).toBeCloseTo(robustAccuracy, 9);
      expect(Math.abs(found.meanLoss / meanLoss - 1)).toBeLessThan(1e-3);
    }
  });

  it('noise that was drawn', () => {
    const twenty = flat(given.dataB.xTest.slice(0, 20));
    for (const { sigma, accuracy } of golden.corruption.cases) {
      const changed = withGivenNoise(twenty, flat(golden.corruption.noise), sigma, unit);
      expect(judge(given.b, crossEntropy, changed, given.dataB.yTest.slice(0, 20)).accuracy).toBeCloseTo(accuracy, 9);
    }
  });

  it('from a drawn start stay within the ball and the range, and are reproducible', () => {
    for (const norm of ['linf', 'l2'] as const) {
      const options = { norm, epsilon: 0.4, range: unit, steps: 3, stepSize: 0.2 };
      const run = (seed: string) =>
        projectedGradient(given.b.model, crossEntropy, rows, given.dataB.yTest, { ...options, seed });
      const changed = run('a');
      expect(run('a')).toEqual(changed);
      expect(run('b')).not.toEqual(changed);
      for (let row = 0; row < 100; row++) {
        const away = Array.from({ length: 64 }, (_, i) => Math.abs(changed[row * 64 + i]! - rows[row * 64 + i]!));
        expect(norm === 'linf' ? Math.max(...away) : Math.hypot(...away)).toBeLessThanOrEqual(0.4 + 1e-12);
      }
      expect(Math.min(...changed)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...changed)).toBeLessThanOrEqual(1);
    }
  });
});

describe('attack slopes', () => {
  it('do not vanish however confident the model is', () => {
    const slopes = attackSlopes('categoricalCrossEntropy', Float64Array.of(2_000, 0, -1), [0], 3);
    expect(slopes[0]).toBe(-1);
    expect(slopes[1]! + slopes[2]!).toBeCloseTo(1, 12);
    expect(slopes[1]! / slopes[2]!).toBeCloseTo(Math.E, 9);
    expect([...attackSlopes('binaryCrossEntropy', Float64Array.of(900, -900), [1, 0], 1)]).toEqual([-1, 1]);
    expect([...attackSlopes('meanSquaredError', Float64Array.of(3, 1), [1, 3], 1)]).toEqual([1, -1]);
  });

  it('take a confident linear model across its boundary; what does not fit is refused', async () => {
    const { model, loss, schema } = await linearModel('binary', [[50], [0], [0], [0], [0]], [-40]);
    const inputs = encodeRecords(schema, [{ age: 60, income: 20_000, pain: 'some' }]);
    expect(model.logits(inputs, 1)[0]).toBe(10);
    const limits = { norm: 'l2', epsilon: 0.3, range: null } as const;
    expect(model.logits(fastGradient(model, loss, inputs, [1], limits), 1)[0]).toBeCloseTo(-5, 9);
    expect(() => fastGradient(model, loss, inputs, [1, 0], limits)).toThrow('1 rows, got 2 targets');
    expect(() => fastGradient(model, loss, inputs, [1], { ...limits, epsilon: -1 })).toThrow('got -1');
    expect(() => fastGradient(model, loss, inputs, [1], { ...limits, range: [unit] })).toThrow(
      'expected 5 ranges, got 1',
    );
    const pgd = { ...limits, steps: 0, stepSize: 0.1 };
    expect(() => projectedGradient(model, loss, inputs, [1], pgd)).toThrow('got 0 of 0.1');
  });
});

describe('corruptions', () => {
  const schema = exampleSchema();
  const columns = inputColumns(schema);
  const inputs = encodeRecords(schema, [
    { age: 60, income: 100, pain: 'some' },
    { age: 30, income: 0, pain: 'none' },
  ]);

  it('noise and shifted scales change numbers alone', () => {
    expect(amountInputs(columns)).toEqual([0, 1]);
    const noisy = withNoise(inputs, 5, 0.5, amountInputs(columns), 'a');
    expect(noisy).toEqual(withNoise(inputs, 5, 0.5, amountInputs(columns), 'a'));
    expect(noisy).not.toEqual(withNoise(inputs, 5, 0.5, amountInputs(columns), 'b'));
    expect([2, 3, 4, 7, 8, 9].map((i) => noisy[i])).toEqual([0, 1, 0, 1, 0, 0]);
    expect([0, 1, 5, 6].every((i) => noisy[i] !== inputs[i])).toBe(true);
    const many = withNoise(new Float64Array(20_000), 1, 2, [0], 'c');
    expect(Math.sqrt(many.reduce((sum, value) => sum + value * value, 0) / many.length)).toBeCloseTo(2, 1);
    expect([
      ...withShiftedScale(Float64Array.of(1, 2, -2), 3, { factor: 2, shift: 1 }, [0, 2], { low: -2, high: 9 }),
    ]).toEqual([3, 2, -2]);
  });

  it('missing columns are the schema’s fill values, centres and no category', () => {
    const income = Math.fround((Math.log1p(20_000) - 10) / 2);
    expect([...withMissingColumns(columns, inputs, 1, 'a')]).toEqual([0, income, 0, 0, 0, 0, income, 0, 0, 0]);
    expect(withMissingColumns(columns, inputs, 0, 'a')).toEqual(inputs);
    expect(() => withMissingColumns(columns, inputs, 2, 'a')).toThrow('expected a share in [0, 1], got 2');
  });

  it('a blur is the mean of what lies around, within the image', () => {
    const image = Float64Array.of(9, 0, 0, 0, 0, 0, 0, 0, 0);
    const shape = { height: 3, width: 3, channels: 1 };
    expect([...withBlur(image, shape, 1)]).toEqual([2.25, 1.5, 0, 1.5, 1, 0, 0, 0, 0]);
    expect(withBlur(image, shape, 0)).toEqual(image);
    expect(() => withBlur(image, shape, 0.5)).toThrow('got 0.5');
  });
});

describe('randomized smoothing', () => {
  it('certifies of a linear model a little less than the distance to its boundary, and abstains at it', async () => {
    const { model, schema } = await linearModel('binary', [[2], [0], [0], [0], [0]], [-1]);
    // Encoded ages of 2 and of 0.5: the boundary is at 0.5.
    const [far, near] = [70, 55].map((age) => encodeRecords(schema, [{ age, income: 0, pain: 'none' }]));
    const options = { sigma: 1, draws: 4_000, seed: 'a' };
    const { output, radius } = certifyRow(model, far!, options);
    expect(output).toBe(1);
    expect(radius).toBeLessThan(1.5);
    expect(radius).toBeGreaterThan(1.3);
    expect(certifyRow(model, near!, options).radius).toBeNull();
    expect([predictSmoothed(model, far!, options), predictSmoothed(model, near!, options)]).toEqual([1, null]);
    const counts = smoothedCounts(model, far!, 1, 2_000, 'a');
    expect(counts[0]! + counts[1]!).toBe(2_000);
    expect(smoothedCounts(model, far!, 1, 2_000, 'a')).toEqual(counts);
    expect(() => smoothedCounts(model, far!, 1, 0, 'a')).toThrow('expected 1 draw or more, got 0');
  });
});
