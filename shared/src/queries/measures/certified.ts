import { z } from 'zod';
import { amountInputs, certifyRow, perturbationFault } from '../../judging/index.ts';
import { normalQuantile, proportionFigure, shown, type Shown } from '../../metrics/index.ts';
import { toHex } from '../../vector/index.ts';
import type { Conclude, Measure, MeasureProblem, MeasureReport } from './measure.ts';
import { rowBlocks } from './row-blocks.ts';

export const certifiedSettings = z.strictObject({
  kind: z.literal('certified'),
  share: z.number().positive().max(1_000).default(1),
  /** Standard deviation of the noise around a row, in encoded inputs. */
  sigma: z.number().positive().max(1e3),
  /** Draws around each row, besides 100 that choose the class. */
  draws: z.int().min(10).max(5_000).default(200),
  /** Chance that a row's radius is too large. */
  alpha: z.number().gt(0).max(0.1).default(0.001),
  /** L2 distances, in encoded inputs, at which accuracy is told. */
  radii: z.array(z.number().positive().max(1e6)).min(1).max(16),
  /** Chance of each row to be read, by a coin of its own. */
  sample: z.number().gt(0).max(1).default(1),
});
type Settings = z.infer<typeof certifiedSettings>;

/** Accuracy of the smoothed model that no change within a distance can take away. */
export type CertifiedFigures = MeasureReport & {
  readonly sigma: number;
  /** Rising, from 0. */
  readonly points: readonly { readonly radius: number; readonly accuracy: Shown }[];
  readonly abstained: Shown;
  readonly wrong: Shown;
};

/**
 * What no attack can do, known or not: randomized smoothing. The model is asked about a row with noise on its numbers and pixels, many
 * times; the answer that is given most often is certified within an L2 distance in these inputs, categories being as they are.
 *
 * What the vector of a row is, for R radii in rising order: one 1 among R + 3 cells: abstained (no class has more than half of the draws
 * for sure); certified, of a wrong class; certified, of the right class, with a radius below r₁, from r₁ on … from r_R on.
 *
 * Sensitivity: L2 1, exactly. Each row has draws of its own, independent of the others': with draws that several rows share, one row
 * more would hand on others to those behind it. A row of which the model says no number makes the unit's vector none, and the
 * door counts it as zero; copies with noise of which it says none speak for no class. A session that failed by either would tell that such a row is
 * there.
 *
 * @see Cohen, Rosenfeld, Kolter 2019, "Certified Adversarial Robustness via Randomized Smoothing", §3.2.2.
 */
export const certified: Measure<Settings> = {
  kind: 'certified',
  problems: ({ target, topology, columns }, { sigma, draws, alpha, radii }) => {
    if (target === 'number') {
      return [{ path: 'kind', problem: 'a number target has no class to certify', cure: 'Take the measure out.' }];
    }
    const fault = perturbationFault(topology, columns);
    if (fault !== null) return [{ path: 'kind', ...fault }];
    // All draws agree: no row can have more.
    const most = sigma * normalQuantile(alpha ** (1 / draws));
    return radii.flatMap((radius, index): MeasureProblem[] => {
      const path = `radii[${index}]`;
      if (radii.indexOf(radius) < index) return [{ path, problem: `${radius} is listed twice`, cure: 'List it once.' }];
      if (radius <= most) return [];
      const problem = `${draws} draws with sigma ${sigma} certify ${Number(most.toPrecision(3))} at most, never ${radius}`;
      return [{ path, problem, cure: 'Lower it, or raise draws or sigma.' }];
    });
  },
  layout: (_, { radii }) => [{ name: 'cells', length: radii.length + 3 }],
  normL2: () => 1,
  contribute: async (input, own, emit) => {
    const { context, batch, seed } = input;
    const model = await input.differentiable();
    const radii = rising(own);
    const { sigma, draws, alpha } = own;
    const places = amountInputs(context.columns);
    const vector = new Float64Array(radii.length + 3);
    const width = model.inputs;
    for (const { rows, inputs, targets } of rowBlocks(batch, own.sample, seed)) {
      rows.forEach((row, index) => {
        const features = inputs.subarray(index * width, (index + 1) * width);
        vector.fill(0);
        const seedOfRow = `certified/${toHex(seed)}/${row}`;
        const found = model.logits(features, 1).every(Number.isFinite)
          ? certifyRow(model, features, { sigma, draws, alpha, seed: seedOfRow, places })
          : null;
        if (found === null) vector[0] = NaN;
        else if (found.radius === null) vector[0] = 1;
        else if (found.output !== targets[index]) vector[1] = 1;
        else {
          const { radius } = found;
          vector[2 + radii.filter((one) => radius >= one).length] = 1;
        }
        emit(row, vector);
      });
    }
  },
};

export const concludeCertified: Conclude<Settings, CertifiedFigures> = (_, own, sums) => {
  const cells = [...sums.segment('cells')];
  const share = (correct: readonly number[], incorrect: readonly number[]): Shown =>
    shown(
      proportionFigure({
        correct: total(correct),
        incorrect: total(incorrect),
        noiseStd: sums.noiseStd * Math.sqrt(correct.length),
        incorrectNoiseStd: sums.noiseStd * Math.sqrt(incorrect.length),
      }),
    );
  const points = [0, ...rising(own)].map((radius, index) => ({
    radius,
    accuracy: share(cells.slice(2 + index), cells.slice(0, 2 + index)),
  }));
  const abstained = share(cells.slice(0, 1), cells.slice(1));
  const wrong = share(cells.slice(1, 2), [...cells.slice(0, 1), ...cells.slice(2)]);
  return {
    units: total(cells),
    figures: [
      ...points.map(({ radius, accuracy }) => ({ name: `radius.${radius}`, ...accuracy })),
      { name: 'abstained', ...abstained },
      { name: 'wrong', ...wrong },
    ],
    sigma: own.sigma,
    points,
    abstained,
    wrong,
  };
};

function rising({ radii }: Settings): readonly number[] {
  return [...radii].sort((a, b) => a - b);
}

function total(cells: readonly number[]): number {
  return cells.reduce((sum, count) => sum + count, 0);
}
