import type { AccountingEvent, Neighboring } from './accounting-event.ts';
import { binomialUpperTail } from '../binomial.ts';
import { type LossPair, mixLosses } from './loss-distribution.ts';
import { lossRange, lossStd, replacedGaussianLosses, sampledGaussianLosses } from './sampled-gaussian.ts';

type TruncatedPoisson = Extract<AccountingEvent, { type: 'truncatedPoisson' }>;

/**
 * How often the others alone fill a batch of at most `maxBatch`, and with which probability a unit is then taken, in the
 * place of another: t = P(Bin(n−1, q) ≥ B), c = P(Bin(n, q) > B)·B/(n·t). Rounded up.
 */
export function truncation({ datasetSize, samplingProbability, maxBatch }: TruncatedPoisson): {
  full: number;
  takenWhenFull: number;
} {
  const odds = { win: samplingProbability, lose: 1 - samplingProbability };
  const full = binomialUpperTail(maxBatch, datasetSize - 1, odds);
  if (!(full > 1e-300)) return { full: 0, takenWhenFull: 0 };
  const over = binomialUpperTail(maxBatch + 1, datasetSize, odds);
  return { full, takenWhenFull: Math.min(1, ((over * maxBatch) / full / datasetSize) * (1 + 1e-11)) };
}

/**
 * Losses of a Gaussian on a Poisson sample of which a uniform subset is kept where it is too large. Whether the others fill
 * the batch is told to the adversary: where not, it is the sampled Gaussian; where they do, a unit that is taken pushes
 * another out, which is at most a replacement, of rate c.
 *
 * @param event - with 0 < q, maxBatch, datasetSize and noise
 * @see Ganesh et al. 2025, "Scalable DP-SGD: shuffling vs. Poisson subsampling" on truncated batches; dp-accounting 0.6.0
 */
export function truncatedPoissonLosses(event: TruncatedPoisson, neighboring: Neighboring, gridWidth: number): LossPair {
  const { samplingProbability: q, noiseMultiplier: z } = event;
  const { full, takenWhenFull } = truncation(event);
  const plain =
    neighboring === 'replace-one' ? replacedGaussianLosses(q, z, gridWidth) : sampledGaussianLosses(q, z, gridWidth);
  if (full === 0) return plain;
  // Centres of one clip either way with this noise are a replacement: two clips apart.
  const crowded = replacedGaussianLosses(takenWhenFull, z / 2, gridWidth).remove;
  return {
    remove: mixLosses(crowded, plain.remove, full),
    add: plain.add === null ? null : mixLosses(crowded, plain.add, full),
  };
}

/** Standard deviation and range of the loss, for the choice of a grid; null where it leaves the range of doubles. */
export function truncatedPoissonScale(
  event: TruncatedPoisson,
  neighboring: Neighboring,
): { std: number; width: number } | null {
  const { samplingProbability: q, noiseMultiplier: z } = event;
  const { full, takenWhenFull } = truncation(event);
  const replaceOne = neighboring === 'replace-one';
  const range = lossRange(q, z, replaceOne);
  if (range === null) return null;
  const std = lossStd(q, z, replaceOne);
  if (full === 0) return { std, width: range.highest - range.lowest };
  const crowded = lossRange(takenWhenFull, z / 2, true);
  if (crowded === null) return null;
  return {
    std: Math.sqrt((1 - full) * std ** 2 + full * lossStd(takenWhenFull, z / 2, true) ** 2),
    width: Math.max(range.highest - range.lowest, crowded.highest - crowded.lowest),
  };
}
