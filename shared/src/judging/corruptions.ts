import { SottoError } from '../errors/index.ts';
import { createSeededRandom } from '../random/index.ts';
import { missingInputs, type ImageShape, type InputColumn } from '../model/index.ts';
import { requirePlaces, requireRanges, withinRange, type InputRange, type InputRanges } from './input-ranges.ts';
import { normalDraws } from './normal-draws.ts';
import { rowsOf } from './rows-of.ts';

/**
 * Rows with normal noise on the given inputs.
 *
 * @param inputs - encoded rows, row-major [rows, width].
 * @param sigma - standard deviation, in encoded inputs.
 * @param places - which inputs are noisy: those that are amounts (`amountInputs`).
 * @param range - what the noisy inputs are cut to.
 * @see Hendrycks, Dietterich 2019, "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations", §3.
 */
export function withNoise(
  inputs: Float64Array,
  width: number,
  sigma: number,
  places: readonly number[],
  seed: string,
  range: InputRanges = null,
): Float64Array {
  requireNotNegative('sigma', sigma);
  const normal = normalDraws(createSeededRandom(seed));
  return perturbed(inputs, width, places, range, (value) => value + sigma * normal());
}

/** Rows with given noise, [rows, width], scaled: noise that somebody else has drawn. */
export function withGivenNoise(
  inputs: Float64Array,
  noise: Float64Array,
  sigma: number,
  range: InputRange | null,
): Float64Array {
  if (noise.length !== inputs.length) {
    throw new SottoError('INVALID_INPUT', `noise: expected ${inputs.length} values, got ${noise.length}`);
  }
  return inputs.map((value, i) => withinRange(value + sigma * noise[i]!, range, 0));
}

/**
 * Images, each pixel the mean of its neighbourhood within the image.
 * @param radius - pixels to each side; 1 is a 3 × 3 mean.
 * @see Hendrycks, Dietterich 2019, §3 (blur); here a box, which is the simplest.
 */
export function withBlur(inputs: Float64Array, { height, width, channels }: ImageShape, radius: number): Float64Array {
  if (!Number.isInteger(radius) || radius < 0) {
    throw new SottoError('INVALID_INPUT', `blur: expected a radius of 0 or more whole pixels, got ${radius}`);
  }
  const images = rowsOf(inputs, height * width * channels);
  const blurred = new Float64Array(inputs.length);
  const at = (image: number, y: number, x: number, channel: number): number =>
    ((image * height + y) * width + x) * channels + channel;
  for (let image = 0; image < images; image++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (let channel = 0; channel < channels; channel++) {
          let [sum, count] = [0, 0];
          for (let v = Math.max(0, y - radius); v <= Math.min(height - 1, y + radius); v++) {
            for (let u = Math.max(0, x - radius); u <= Math.min(width - 1, x + radius); u++) {
              sum += inputs[at(image, v, u, channel)]!;
              count += 1;
            }
          }
          blurred[at(image, y, x, channel)] = sum / count;
        }
      }
    }
  }
  return blurred;
}

/**
 * Rows of which each column is missing with a chance of its own: a number falls back to its fill value (or its centre), a
 * category to none of its values, as a device would encode it that has not measured it. Pictures stay.
 *
 * @param share - chance that a column of a row is missing, in [0, 1].
 */
export function withMissingColumns(
  columns: readonly InputColumn[],
  inputs: Float64Array,
  share: number,
  seed: string,
): Float64Array {
  if (!(share >= 0 && share <= 1)) {
    throw new SottoError('INVALID_INPUT', `missing columns: expected a share in [0, 1], got ${share}`);
  }
  const baseline = missingInputs(columns);
  const random = createSeededRandom(seed);
  const word = new Uint32Array(1);
  const changed = inputs.slice();
  for (let row = 0; row < rowsOf(inputs, baseline.length); row++) {
    for (const { kind, from, to } of columns) {
      if (kind === 'pixels') continue;
      random.words(word);
      if (word[0]! / 2 ** 32 < share) changed.set(baseline.subarray(from, to), row * baseline.length + from);
    }
  }
  return changed;
}

/**
 * Rows as another instrument would have measured them: each of the given inputs times a factor and moved, in encoded inputs
 * (where 1 is one scale of the schema).
 * @see Quiñonero-Candela et al. 2009, "Dataset Shift in Machine Learning", ch. 1 (covariate shift).
 */
export function withShiftedScale(
  inputs: Float64Array,
  width: number,
  { factor, shift }: { readonly factor: number; readonly shift: number },
  places: readonly number[],
  range: InputRanges = null,
): Float64Array {
  if (!Number.isFinite(factor) || !Number.isFinite(shift)) {
    throw new SottoError('INVALID_INPUT', `shifted scale: expected finite numbers, got ${factor} and ${shift}`);
  }
  return perturbed(inputs, width, places, range, (value) => value * factor + shift);
}

function perturbed(
  inputs: Float64Array,
  width: number,
  places: readonly number[],
  range: InputRanges,
  change: (value: number) => number,
): Float64Array {
  requirePlaces('inputs', places, width);
  requireRanges('inputs', range, width);
  const changed = inputs.slice();
  for (let row = 0; row < rowsOf(inputs, width); row++) {
    for (const place of places) {
      const at = row * width + place;
      changed[at] = withinRange(change(changed[at]!), range, place);
    }
  }
  return changed;
}

function requireNotNegative(what: string, value: number): void {
  if (!(value >= 0) || value === Infinity) {
    throw new SottoError('INVALID_INPUT', `${what}: expected 0 or more, got ${value}`);
  }
}
