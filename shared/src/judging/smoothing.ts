import { SottoError } from '../errors/index.ts';
import { certifiedRadius, predictedClass, smoothedPValue, type Certificate } from '../metrics/index.ts';
import type { DifferentiableModel } from '../model/index.ts';
import { createSeededRandom } from '../random/index.ts';
import { requirePlaces } from './input-ranges.ts';
import { logitClass } from './logit-class.ts';
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
  /** Inputs that are noisy; where not given, all. A radius then is one of changes of these alone. */
  readonly places?: readonly number[];
};

/** Draws that choose a class before others bound its chance. */
const choosingDraws = 100;

/**
 * How often each class is predicted of a row with normal noise on its inputs, [classes]; two classes of a single logit. Noisy inputs
 * may leave their ranges: the bound needs noise that is normal.
 *
 * @param input - one encoded row, [inputs].
 * @param places - inputs that are noisy; null: all.
 */
export function smoothedCounts(
  model: DifferentiableModel,
  input: Float64Array,
  sigma: number,
  draws: number,
  seed: string,
  places: readonly number[] | null = null,
): Float64Array {
  if (!Number.isInteger(draws) || draws < 1) {
    throw new SottoError('INVALID_INPUT', `smoothing: expected 1 draw or more, got ${draws}`);
  }
  const noisy = noisyPlaces(model, places);
  const normal = normalDraws(createSeededRandom(seed));
  const counts = new Float64Array(Math.max(2, model.outputs));
  for (let first = 0; first < draws; first += blockRows) {
    const noise = Float64Array.from({ length: Math.min(blockRows, draws - first) * noisy.length }, normal);
    addCounts(model, input, sigma, noise, noisy, counts);
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
  { sigma, draws = 1_000, alpha = 0.001, seed, places }: SmoothingOptions,
): Certificate & { readonly output: number } {
  const output = largest(smoothedCounts(model, input, sigma, choosingDraws, `${seed}/choose`, places));
  const counts = smoothedCounts(model, input, sigma, draws, `${seed}/bound`, places);
  return { output, ...certifiedRadius(counts[output]!, draws, alpha, sigma) };
}

/**
 * The smoothed model's prediction: the most frequent class, or null where it abstains.
 * @see Cohen, Rosenfeld, Kolter 2019, §3.2.1 (PREDICT).
 */
export function predictSmoothed(
  model: DifferentiableModel,
  input: Float64Array,
  { sigma, draws = 1_000, alpha = 0.001, seed, places }: SmoothingOptions,
): number | null {
  return smoothedClass(smoothedCounts(model, input, sigma, draws, seed, places), alpha);
}

/** The most frequent class of some draws; null where the second is too near: it abstains. */
export function smoothedClass(counts: Float64Array, alpha: number): number | null {
  const output = largest(counts);
  const second = Math.max(...counts.filter((_, i) => i !== output));
  return smoothedPValue(counts[output]!, second) <= alpha ? output : null;
}

/** Adds how often each class is predicted under the given noise, standard normal [draws, places]. */
function addCounts(
  model: DifferentiableModel,
  input: Float64Array,
  sigma: number,
  noise: Float64Array,
  places: readonly number[],
  counts: Float64Array,
): void {
  const width = model.inputs;
  requireWidth('row', input, width);
  const draws = noise.length / places.length;
  const rows = new Float64Array(draws * width);
  for (let draw = 0; draw < draws; draw++) {
    rows.set(input, draw * width);
    places.forEach((place, i) => (rows[draw * width + place]! += sigma * noise[draw * places.length + i]!));
  }
  const logits = model.logits(rows, draws);
  for (let draw = 0; draw < draws; draw++) {
    const predicted = logitClass(logits, draw, model.outputs);
    // A draw whose outputs are no numbers speaks for no class, so that nothing fails because of what a row holds.
    if (predicted !== null) counts[predicted]! += 1;
  }
}

function noisyPlaces(model: DifferentiableModel, places: readonly number[] | null): readonly number[] {
  const noisy = places ?? Array.from({ length: model.inputs }, (_, place) => place);
  requirePlaces('smoothing', noisy, model.inputs);
  if (noisy.length === 0)
    throw new SottoError('INVALID_INPUT', 'smoothing: expected an input that is an amount, got none');
  return noisy;
}

function largest(counts: Float64Array): number {
  return predictedClass(counts, 0, counts.length);
}
