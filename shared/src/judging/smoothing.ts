import { SottoError } from '../errors/index.ts';
import { certifiedRadius, predictedClass, smoothedPValue, type Certificate } from '../metrics/index.ts';
import type { DifferentiableModel } from '../model/index.ts';
import { createSeededRandom } from '../random/index.ts';
import { normalDraws } from './normal-draws.ts';
import { requireWidth } from './scalar-output.ts';

/** Rows that are judged at a time. */
const blockRows = 1_024;

export type SmoothingOptions = {
  /** Standard deviation of the noise, in encoded inputs. */
  readonly sigma: number;
  /** Draws for the bound; 1,000 where not given. */
  readonly draws?: number;
  /** Chance that a radius is too large; 0.001 where not given. */
  readonly alpha?: number;
  readonly seed: string;
};

/**
 * How often each class is predicted of a row with normal noise on all inputs, [classes]; two classes of a single logit.
 * @param input - one encoded row, [inputs].
 */
export function smoothedCounts(
  model: DifferentiableModel,
  input: Float64Array,
  sigma: number,
  draws: number,
  seed: string,
): Float64Array {
  requireWidth('row', input, model.inputs);
  if (!Number.isInteger(draws) || draws < 1) {
    throw new SottoError('INVALID_INPUT', `smoothing: expected 1 draw or more, got ${draws}`);
  }
  const normal = normalDraws(createSeededRandom(seed));
  const counts = new Float64Array(Math.max(2, model.outputs));
  for (let first = 0; first < draws; first += blockRows) {
    const rows = Math.min(blockRows, draws - first);
    const noisy = Float64Array.from(
      { length: rows * model.inputs },
      (_, i) => input[i % model.inputs]! + sigma * normal(),
    );
    const logits = model.logits(noisy, rows);
    for (let row = 0; row < rows; row++) {
      counts[model.outputs === 1 ? Number(logits[row]! > 0) : predictedClass(logits, row, model.outputs)]! += 1;
    }
  }
  return counts;
}

/**
 * Certifies a row: 100 draws choose the class, others bound its chance.
 * @returns the class with its certificate.
 * @see Cohen, Rosenfeld, Kolter 2019, §3.2.2 (CERTIFY).
 */
export function certifyRow(
  model: DifferentiableModel,
  input: Float64Array,
  { sigma, draws = 1_000, alpha = 0.001, seed }: SmoothingOptions,
): Certificate & { readonly output: number } {
  const output = largest(smoothedCounts(model, input, sigma, 100, `${seed}/choose`));
  const counts = smoothedCounts(model, input, sigma, draws, `${seed}/bound`);
  return { output, ...certifiedRadius(counts[output]!, draws, alpha, sigma) };
}

/**
 * The smoothed model's prediction: the most frequent class, or null where it abstains.
 * @see Cohen, Rosenfeld, Kolter 2019, §3.2.1 (PREDICT).
 */
export function predictSmoothed(
  model: DifferentiableModel,
  input: Float64Array,
  { sigma, draws = 1_000, alpha = 0.001, seed }: SmoothingOptions,
): number | null {
  const counts = smoothedCounts(model, input, sigma, draws, seed);
  const output = largest(counts);
  const second = Math.max(...counts.filter((_, i) => i !== output));
  return smoothedPValue(counts[output]!, second) <= alpha ? output : null;
}

function largest(counts: Float64Array): number {
  return predictedClass(counts, 0, counts.length);
}
