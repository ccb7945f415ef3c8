import { describe, expect, it } from 'vitest';
import { fourierTransform } from './fourier.ts';
import { deltaOfLosses, lossesOf } from './pld-of-events.ts';

/**
 * What training releases is discrete Gaussian noise; what is stated is the PLD of a continuous Gaussian of z_eff = √(σ²−4)/D.
 * Here the δ of the discrete noise itself is computed, in one and in two dimensions, sampled and not, by nothing that the
 * accountants use but the transform; it never exceeds what is stated (soundness.md §2.3.5–6).
 */

type Atoms = { readonly losses: number[]; readonly masses: number[] };

/** Both directions of q-sampled discrete Gaussian noise with a shift: the loss depends on the noise along the shift alone. */
function discreteGaussian(sigma: number, shift: readonly number[], q: number): { remove: Atoms; add: Atoms } {
  const reach = Math.ceil(12 * sigma);
  const line = Array.from({ length: 2 * reach + 1 }, (_, index) =>
    Math.exp(-((index - reach) ** 2) / (2 * sigma * sigma)),
  );
  const total = line.reduce((sum, one) => sum + one, 0);
  // P(m) of m = Σ shift·x under noise around 0.
  let along = new Map<number, number>([[0, 1]]);
  for (const step of shift) {
    const next = new Map<number, number>();
    for (const [m, mass] of along) {
      line.forEach((weight, index) => {
        const place = m + step * (index - reach);
        next.set(place, (next.get(place) ?? 0) + (mass * weight) / total);
      });
    }
    along = next;
  }
  const square = shift.reduce((sum, one) => sum + one * one, 0);
  const remove: Atoms = { losses: [], masses: [] };
  const add: Atoms = { losses: [], masses: [] };
  for (const [m, mass] of along) {
    const ratio = Math.exp((2 * m - square) / (2 * sigma * sigma));
    const loss = Math.log1p(q * (ratio - 1));
    remove.losses.push(loss);
    remove.masses.push(mass * (1 + q * (ratio - 1)));
    add.losses.push(-loss);
    add.masses.push(mass);
  }
  return { remove, add };
}

/** δ of `count` releases at each ε. Each loss is split over two points of a fine grid, which keeps its mean. */
function deltasOf({ losses, masses }: Atoms, count: number, epsilons: readonly number[], width: number): number[] {
  const length = 2 ** 16;
  const real = new Float64Array(length);
  const imaginary = new Float64Array(length);
  losses.forEach((loss, index) => {
    const low = Math.floor(loss / width);
    const share = loss / width - low;
    for (const [place, part] of [
      [low, 1 - share],
      [low + 1, share],
    ] as const) {
      const wrapped = ((place % length) + length) % length;
      real[wrapped] = (real[wrapped] ?? 0) + (masses[index] ?? 0) * part;
    }
  });
  fourierTransform(real, imaginary, -1);
  for (let index = 0; index < length; index += 1) {
    const size = Math.hypot(real[index] ?? 0, imaginary[index] ?? 0) ** count;
    const angle = Math.atan2(imaginary[index] ?? 0, real[index] ?? 0) * count;
    real[index] = size * Math.cos(angle);
    imaginary[index] = size * Math.sin(angle);
  }
  fourierTransform(real, imaginary, 1);
  return epsilons.map((epsilon) => {
    let delta = 0;
    for (let place = Math.floor(epsilon / width) + 1; place < length / 2; place += 1) {
      delta += ((real[place] ?? 0) / length) * -Math.expm1(epsilon - place * width);
    }
    return delta;
  });
}

describe('discrete noise loses at most what is stated', () => {
  const cases = [5, 7, 10].flatMap((sigma) =>
    [[3], [9], [6], [4, 4], [5, 2]].flatMap((shift) =>
      (
        [
          [0.1, 50],
          [0.25, 20],
          [0.5, 10],
          [1, 5],
        ] as const
      ).map(([q, count]) => ({ sigma, shift, q, count })),
    ),
  );

  it.each(cases)('σ $sigma, shift $shift, q $q, $count times', ({ sigma, shift, q, count }) => {
    const norm = Math.hypot(...shift);
    const inner = { type: 'gaussian', noiseMultiplier: Math.sqrt(sigma * sigma - 4) / norm, count: 1 } as const;
    const stated = lossesOf(
      [{ type: 'poisson', samplingProbability: q, inner, samplingDone: 'poisson', count }],
      'add-or-remove-one',
    );
    const unit = (q * Math.sqrt(count) * norm) / sigma;
    const epsilons = [0.5, 1, 1.8, 2.6, 3.4].map((times) => times * unit + (unit * unit) / 2);
    // Splitting adds at most count·width²/4 to the variance, far below 1e-4 of it.
    const width = Math.min(2e-3, (unit / Math.sqrt(count)) * 1e-2);
    const { remove, add } = discreteGaussian(sigma, shift, q);
    const bounds = epsilons.map((epsilon) => deltaOfLosses(stated, epsilon));
    for (const direction of [remove, add]) {
      deltasOf(direction, count, epsilons, width).forEach((delta, index) => {
        const bound = bounds[index] ?? Number.NaN;
        // The transform of plain doubles is good to some 1e-13.
        if (delta > 1e-10) expect(delta / bound).toBeLessThan(1);
        else expect(delta).toBeLessThan(bound + 1e-12);
        // Near the middle of the loss it is not far above.
        if (direction === remove && index === 0) expect(delta / bound).toBeGreaterThan(0.6);
      });
    }
  });

  it('would lose more than a Gaussian of its own σ, so that the 4 is needed', () => {
    const stated = lossesOf([{ type: 'gaussian', noiseMultiplier: 3 / 3, count: 1 }], 'add-or-remove-one');
    const { remove } = discreteGaussian(3, [3], 1);
    const epsilons = Array.from({ length: 40 }, (_, index) => 0.5 + index / 10);
    const ratios = deltasOf(remove, 1, epsilons, 1e-3).map(
      (delta, index) => delta / deltaOfLosses(stated, epsilons[index] ?? 0),
    );
    expect(Math.max(...ratios)).toBeGreaterThan(1.05);
  });
});
