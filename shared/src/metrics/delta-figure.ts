import { z95, type Figure } from './interval.ts';

/**
 * A figure that is a smooth function of counts, with a 95 % interval by the delta method: sampling and noise in quadrature. The
 * function must not change when all counts of a sample are multiplied alike; then counts may be taken as Poisson ones, and their
 * multinomial total makes no difference. Null when the value is no finite number.
 *
 * @param counts - exact or noisy; a count below 0 adds no sampling.
 * @param noiseStd - standard deviation of the noise in each count, one for all or one each.
 * @param range - what the figure cannot leave.
 * @param unseen - rows that each count is taken to have more for its sampling, so that a cell without rows is not taken for
 * certain.
 * @see Oehlert 1992, "A Note on the Delta Method"; Euler's theorem on homogeneous functions for the total.
 */
export function deltaFigure(
  counts: ArrayLike<number>,
  noiseStd: number | ArrayLike<number>,
  valueOf: (counts: Float64Array) => number,
  range: { readonly low: number; readonly high: number },
  unseen = 0,
): Figure | null {
  const at = Float64Array.from(counts);
  const value = valueOf(at);
  if (!Number.isFinite(value)) return null;
  let [sampling, noise] = [0, 0];
  for (let i = 0; i < at.length; i++) {
    const count = at[i]!;
    const step = 1e-4 * Math.max(1, Math.abs(count));
    at[i] = count + step;
    const above = valueOf(at);
    at[i] = count - step;
    const below = valueOf(at);
    at[i] = count;
    const slope = (above - below) / (2 * step);
    if (!Number.isFinite(slope)) return null;
    sampling += (Math.max(0, count) + unseen) * slope * slope;
    noise += ((typeof noiseStd === 'number' ? noiseStd : noiseStd[i]!) * slope) ** 2;
  }
  const half = z95 * Math.sqrt(sampling + noise);
  const clipped = Math.min(range.high, Math.max(range.low, value));
  return {
    value: clipped,
    low: Math.max(range.low, Math.min(clipped, value - half)),
    high: Math.min(range.high, Math.max(clipped, value + half)),
    noiseHalfWidth: z95 * Math.sqrt(noise),
  };
}
