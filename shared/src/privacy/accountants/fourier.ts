/**
 * Discrete Fourier transform in place: X_j = Σ x_k e^{∓2πijk/N}, not normalised, iterative radix-2.
 *
 * Each output's error is below 5·2^-53·log₂N·Σ|x_k|: one rounded butterfly a level with correctly rounded twiddles.
 *
 * @param real - real parts, [N], N a power of two
 * @param imaginary - imaginary parts, [N]
 * @param direction - −1 forward, 1 inverse
 * @see Cooley & Tukey 1965; error: Higham 2002, "Accuracy and Stability of Numerical Algorithms", §24.1
 */
export function fourierTransform(real: Float64Array, imaginary: Float64Array, direction: 1 | -1): void {
  const length = real.length;
  reverseBits(real, imaginary);
  const { cosines, sines } = twiddlesOf(length);
  // All levels that stay within a chunk are done there, while it is in the cache.
  const chunk = Math.min(length, chunkLength);
  for (let begin = 0; begin < length; begin += chunk) {
    for (let half = 1; half < chunk; half *= 2) {
      butterflies(real, imaginary, cosines, sines, direction, half, begin, begin + chunk);
    }
  }
  for (let half = chunk; half < length; half *= 2) {
    butterflies(real, imaginary, cosines, sines, direction, half, 0, length);
  }
}

/** Points of which data and twiddles fit into a small cache. */
const chunkLength = 4_096;

/** One level, from `from` to `to`. */
function butterflies(
  real: Float64Array,
  imaginary: Float64Array,
  cosines: Float64Array,
  sines: Float64Array,
  direction: 1 | -1,
  half: number,
  from: number,
  to: number,
): void {
  for (let begin = from; begin < to; begin += 2 * half) {
    for (let k = 0; k < half; k += 1) {
      const low = begin + k;
      const high = low + half;
      // half + k < 2·half ≤ length, high < to
      const cosine = cosines[half + k]!;
      const sine = direction * sines[half + k]!;
      const re = real[high]! * cosine - imaginary[high]! * sine;
      const im = real[high]! * sine + imaginary[high]! * cosine;
      real[high] = real[low]! - re;
      imaginary[high] = imaginary[low]! - im;
      real[low] = real[low]! + re;
      imaginary[low] = imaginary[low]! + im;
    }
  }
}

type Twiddles = { readonly cosines: Float64Array; readonly sines: Float64Array };

/** Those of the last length: a search asks for the same one again and again. */
let lastTwiddles: Twiddles = { cosines: new Float64Array(0), sines: new Float64Array(0) };

/** Each level's twiddles lie side by side, at `half` to `2·half`: strides of a power of two would miss every cache. */
function twiddlesOf(length: number): Twiddles {
  if (lastTwiddles.cosines.length === length) return lastTwiddles;
  const cosines = new Float64Array(length);
  const sines = new Float64Array(length);
  for (let k = 0; k < length / 2; k += 1) {
    cosines[length / 2 + k] = Math.cos((2 * Math.PI * k) / length);
    sines[length / 2 + k] = Math.sin((2 * Math.PI * k) / length);
  }
  for (let place = length / 2 - 1; place >= 1; place -= 1) {
    // 2·place < length
    cosines[place] = cosines[2 * place]!;
    sines[place] = sines[2 * place]!;
  }
  lastTwiddles = { cosines, sines };
  return lastTwiddles;
}

function reverseBits(real: Float64Array, imaginary: Float64Array): void {
  const length = real.length;
  for (let index = 0, mirrored = 0; index < length; index += 1) {
    if (index < mirrored) {
      // Both are below length.
      const re = real[index]!;
      const im = imaginary[index]!;
      real[index] = real[mirrored]!;
      imaginary[index] = imaginary[mirrored]!;
      real[mirrored] = re;
      imaginary[mirrored] = im;
    }
    let bit = length >> 1;
    while (bit > 0 && (mirrored & bit) !== 0) {
      mirrored ^= bit;
      bit >>= 1;
    }
    mirrored |= bit;
  }
}
