import { exp, log } from './elementary.ts';
import { integerStream } from './integer-stream.ts';

/** How many words there are of 32 bits. */
const words = 4_294_967_296;

/** What is done to rows before a model learns from them, drawn anew each time that they are used. */
export type Augmentation = {
  /** Standard deviation of normal noise on some inputs, encoded. */
  readonly noise: number;
  /** Which inputs are noisy. */
  readonly places: readonly number[];
  /** α of mixup in (0, 1]; 0 mixes nothing. */
  readonly mixup: number;
  /** Whether a target is the index of a class, which cannot lie between two. */
  readonly classTargets: boolean;
};

/** Rows as a model learns from them: inputs row-major [rows, width], a target each. */
export type LearnedRows = { readonly inputs: Float32Array; readonly targets: Float32Array };

/**
 * Rows with noise, each mixed with another one of them: x' = λx + (1 - λ)x̃ with λ from Beta(α, α), and the target likewise. Of classes the
 * target is one of both, the own with chance λ: cross-entropy is linear in the target's distribution, so that is the mixed target's loss in
 * expectation. The function draws from one stream in the order of the rows, so each row's draws are independent of the others and of the data.
 *
 * @param seed - fresh for each call of training, and for nothing else than that; another stream than shuffle's and dropout's is made of it.
 * @returns null where nothing is to be done.
 * @see Bishop 1995, "Training with Noise is Equivalent to Tikhonov Regularization"; Zhang, Cissé, Dauphin, Lopez-Paz 2018, "mixup", §2.
 */
export function augmenter(
  augmentation: Augmentation | null | undefined,
  seed: Uint8Array,
): ((rows: LearnedRows) => LearnedRows) | null {
  if (augmentation === null || augmentation === undefined) return null;
  const uniform = integerStream(Uint8Array.of(...seed, 1));
  return (rows) => augmented(rows, augmentation, uniform);
}

function augmented({ inputs, targets }: LearnedRows, how: Augmentation, uniform: () => number): LearnedRows {
  const rows = targets.length;
  const width = rows === 0 ? 0 : inputs.length / rows;
  const noisy = Float32Array.from(inputs);
  if (how.noise > 0) {
    const normal = normalFrom(uniform);
    for (let row = 0; row < rows; row++) {
      for (const place of how.places) noisy[row * width + place]! += how.noise * normal();
    }
  }
  if (how.mixup === 0) return { inputs: noisy, targets };
  const mixed = Float32Array.from(noisy);
  const mixedTargets = Float32Array.from(targets);
  for (let row = 0; row < rows; row++) {
    const other = Math.floor((uniform() / words) * rows);
    const own = betaFrom(how.mixup, uniform);
    for (let i = 0; i < width; i++) {
      mixed[row * width + i] = own * noisy[row * width + i]! + (1 - own) * noisy[other * width + i]!;
    }
    if (!how.classTargets) mixedTargets[row] = own * targets[row]! + (1 - own) * targets[other]!;
    else if (uniform() / words >= own) mixedTargets[row] = targets[other]!;
  }
  return { inputs: mixed, targets: mixedTargets };
}

/**
 * Standard normal draws, two at a time. For augmentation, never for privacy noise.
 * @see Marsaglia, Bray 1964, "A convenient method for generating normal variables" (polar).
 */
function normalFrom(uniform: () => number): () => number {
  let kept: number | null = null;
  return () => {
    if (kept !== null) {
      const value = kept;
      kept = null;
      return value;
    }
    for (;;) {
      const a = uniform() / (words / 2) - 1;
      const b = uniform() / (words / 2) - 1;
      const square = a * a + b * b;
      if (square >= 1 || square === 0) continue;
      const factor = Math.sqrt((-2 * log(square)) / square);
      kept = b * factor;
      return a * factor;
    }
  };
}

/**
 * A draw from Beta(α, α), α ≤ 1, in logarithms, where powers of small numbers would be none.
 * @see Jöhnk 1964, "Erzeugung von betaverteilten und gammaverteilten Zufallszahlen".
 */
function betaFrom(alpha: number, uniform: () => number): number {
  for (;;) {
    const [a, b] = [log((uniform() + 0.5) / words) / alpha, log((uniform() + 0.5) / words) / alpha];
    if (exp(a) + exp(b) <= 1) return 1 / (1 + exp(b - a));
  }
}
