import { composedEpsilon, longestTransform } from './compose-losses.ts';
import { lossRange, lossStd, sampledGaussianLosses } from './sampled-gaussian.ts';

/** Releases of a Gaussian with noise multiplier z on a Poisson sample of rate q. */
type Releases = { readonly samplingRate: number; readonly noiseMultiplier: number; readonly count: number };

/** Grid width as a share of one release's loss: rounding then adds 7e-5 of the loss's variance. */
const gridShare = 0.02;
/** Widest grid, for single releases with a large loss. */
const widestGrid = 0.005;
/** What a grid may cost before one of twice its width is tried. */
const longestTransforms = [2 ** 18, 2 ** 18, 2 ** 19, longestTransform, longestTransform];
/** Most points of one release's distribution. */
const mostPoints = 2 ** 19;

/**
 * ε by the privacy loss distribution: both directions composed on their own, the worse one stated. Discretised upward,
 * with cut tails, wrap-around and the transform's round-off added to δ, so it is an upper bound whatever the grid.
 *
 * @param releases - of sampled and unsampled Gaussians, counts > 0
 * @param delta - in (0, 1)
 * @returns ε, or null where the numbers leave the range of this method; RDP has no such limits
 */
export function epsilonByPld(releases: readonly Releases[], delta: number): number | null {
  let variance = 0;
  let count = 0;
  let widest = 0;
  for (const release of releases) {
    const range = lossRange(release.samplingRate, release.noiseMultiplier);
    if (range === null) return null;
    variance += release.count * lossStd(release.samplingRate, release.noiseMultiplier) ** 2;
    count += release.count;
    widest = Math.max(widest, range.highest - range.lowest);
  }
  if (!(variance > 0)) return null;
  const fine = Math.min(widestGrid, gridShare * Math.sqrt(variance / count));
  let gridWidth = Math.max(fine, widest / mostPoints);
  for (const longest of longestTransforms) {
    const losses = releases.map((release) => ({
      count: release.count,
      ...sampledGaussianLosses(release.samplingRate, release.noiseMultiplier, gridWidth),
    }));
    const epsilon = composedEpsilon(
      [
        losses.map(({ remove: loss, count: times }) => ({ loss, count: times })),
        losses.map(({ add: loss, count: times }) => ({ loss, count: times })),
      ],
      gridWidth,
      delta,
      longest,
    );
    if (epsilon !== null) return epsilon;
    gridWidth *= 2;
  }
  return null;
}
