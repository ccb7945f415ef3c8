import { SottoError } from '../errors/index.ts';
import { exp, type DifferentiableModel, type Loss } from '../model/index.ts';
import { createSeededRandom } from '../random/index.ts';
import { normalDraws } from './normal-draws.ts';
import { rowsOf } from './rows-of.ts';

/** By what a perturbation's size is measured. */
export type AttackNorm = 'linf' | 'l2';

/** What an attack may do to a row. */
export type AttackLimits = {
  readonly norm: AttackNorm;
  /** Largest size of the perturbation, in encoded inputs. */
  readonly epsilon: number;
  /** What an encoded input cannot leave, for example a pixel [0, 1]; null: anything. One for all, or one an input. */
  readonly range: { readonly low: number; readonly high: number } | readonly InputRange[] | null;
};
export type InputRange = { readonly low: number; readonly high: number };

export type PgdOptions = AttackLimits & {
  readonly steps: number;
  readonly stepSize: number;
  /** Seed of a start drawn within the ball; where not given, the row itself. */
  readonly seed?: string;
};

/**
 * The fast gradient sign method (of 'l2': the gradient's direction): one step of length ε that raises each row's loss.
 *
 * @param inputs - encoded rows, row-major [rows, inputs].
 * @param targets - encoded, [rows].
 * @returns perturbed rows in new memory.
 * @see Goodfellow, Shlens, Szegedy 2015, "Explaining and Harnessing Adversarial Examples", §4.
 * @throws {INVALID_INPUT} when rows and targets do not fit or ε is negative.
 */
export function fastGradient(
  model: DifferentiableModel,
  loss: Loss,
  inputs: Float64Array,
  targets: ArrayLike<number>,
  limits: AttackLimits,
): Float64Array {
  const rows = requireRows(model, inputs, targets, limits);
  const changed = inputs.slice();
  climb(model, loss, changed, targets, rows, limits.norm, limits.epsilon);
  clip(changed, rows, model.inputs, limits.range);
  return changed;
}

/**
 * Projected gradient descent: steps that raise each row's loss, each followed by the projection onto the ball around the row and
 * the cut to the range. The last step's row is taken.
 *
 * @see Madry, Makelov, Schmidt, Tsipras, Vladu 2018, "Towards Deep Learning Models Resistant to Adversarial Attacks", §2.1.
 * @throws {INVALID_INPUT} as {@link fastGradient}, and when steps or their size are none.
 */
export function projectedGradient(
  model: DifferentiableModel,
  loss: Loss,
  inputs: Float64Array,
  targets: ArrayLike<number>,
  options: PgdOptions,
): Float64Array {
  const { norm, epsilon, range, steps, stepSize, seed } = options;
  const rows = requireRows(model, inputs, targets, options);
  if (!Number.isInteger(steps) || steps < 1 || !(stepSize > 0)) {
    throw new SottoError('INVALID_INPUT', `attack: expected steps of a size above 0, got ${steps} of ${stepSize}`);
  }
  const changed = seed === undefined ? inputs.slice() : startWithin(inputs, rows, model.inputs, options, seed);
  clip(changed, rows, model.inputs, range);
  for (let step = 0; step < steps; step++) {
    climb(model, loss, changed, targets, rows, norm, stepSize);
    project(changed, inputs, rows, model.inputs, norm, epsilon);
    clip(changed, rows, model.inputs, range);
  }
  return changed;
}

/**
 * Slopes of each row's loss by its logits, up to a positive factor of the row's own. An attack needs the direction alone, and
 * the factor is chosen so that it cannot vanish: the true slope of the right class's logit, its probability less one, is 0 in
 * float32 for a confident row (and every other one underflows for a very confident one), which makes a model look robust
 * that is not. Here the right class has -1 and the others' slopes, which add up to 1, are their probabilities among themselves.
 */
export function attackSlopes(
  loss: Loss,
  logits: Float64Array,
  targets: ArrayLike<number>,
  outputs: number,
): Float64Array {
  const slopes = new Float64Array(logits.length);
  for (let row = 0; row < targets.length; row++) {
    const at = row * outputs;
    const target = targets[row]!;
    if (loss === 'binaryCrossEntropy') slopes[row] = target === 1 ? -1 : 1;
    else if (loss === 'meanSquaredError') slopes[row] = Math.sign(logits[row]! - target);
    else {
      let most = -Infinity;
      for (let i = 0; i < outputs; i++) if (i !== target) most = Math.max(most, logits[at + i]!);
      let sum = 0;
      for (let i = 0; i < outputs; i++) if (i !== target) sum += slopes[at + i] = exp(logits[at + i]! - most);
      for (let i = 0; i < outputs; i++) slopes[at + i] = i === target ? -1 : slopes[at + i]! / sum;
    }
  }
  return slopes;
}

function climb(
  model: DifferentiableModel,
  loss: Loss,
  changed: Float64Array,
  targets: ArrayLike<number>,
  rows: number,
  norm: AttackNorm,
  size: number,
): void {
  const width = model.inputs;
  const gradients = model.inputGradients(changed, rows, (logits) => attackSlopes(loss, logits, targets, model.outputs));
  for (let row = 0; row < rows; row++) {
    const slopes = gradients.subarray(row * width, (row + 1) * width);
    const length = norm === 'l2' ? lengthOf(slopes) : 1;
    // Where nothing changes the loss, no direction is better than another.
    if (length === 0) continue;
    for (let i = 0; i < width; i++) {
      changed[row * width + i]! += size * (norm === 'l2' ? slopes[i]! / length : Math.sign(slopes[i]!));
    }
  }
}

function project(
  changed: Float64Array,
  inputs: Float64Array,
  rows: number,
  width: number,
  norm: AttackNorm,
  epsilon: number,
): void {
  for (let row = 0; row < rows; row++) {
    const at = row * width;
    const away = Float64Array.from({ length: width }, (_, i) => changed[at + i]! - inputs[at + i]!);
    const length = lengthOf(away);
    const shrink = norm === 'l2' && length > epsilon ? epsilon / length : 1;
    for (let i = 0; i < width; i++) {
      const moved = norm === 'l2' ? away[i]! * shrink : Math.min(epsilon, Math.max(-epsilon, away[i]!));
      changed[at + i] = inputs[at + i]! + moved;
    }
  }
}

function clip(changed: Float64Array, rows: number, width: number, range: AttackLimits['range']): void {
  if (range === null) return;
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i++) {
      const { low, high } = 'low' in range ? range : range[i]!;
      const at = row * width + i;
      changed[at] = Math.min(high, Math.max(low, changed[at]!));
    }
  }
}

/** A start drawn evenly within the ball: of 'l2' a normal direction at a radius that fills the ball. */
function startWithin(
  inputs: Float64Array,
  rows: number,
  width: number,
  { norm, epsilon }: AttackLimits,
  seed: string,
): Float64Array {
  const random = createSeededRandom(seed);
  const word = new Uint32Array(1);
  const uniform = (): number => {
    random.words(word);
    return (word[0]! + 0.5) / 2 ** 32;
  };
  const started = inputs.slice();
  const normal = normalDraws(random);
  for (let row = 0; row < rows; row++) {
    const direction = Float64Array.from({ length: width }, () => (norm === 'l2' ? normal() : 2 * uniform() - 1));
    const scale = norm === 'l2' ? (epsilon * uniform() ** (1 / width)) / lengthOf(direction) : epsilon;
    for (let i = 0; i < width; i++) started[row * width + i]! += scale * direction[i]!;
  }
  return started;
}

function lengthOf(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

function requireRows(
  model: DifferentiableModel,
  inputs: Float64Array,
  targets: ArrayLike<number>,
  { epsilon, range }: AttackLimits,
): number {
  const rows = rowsOf(inputs, model.inputs);
  if (rows !== targets.length) {
    throw new SottoError('INVALID_INPUT', `attack: ${rows} rows, got ${targets.length} targets`);
  }
  if (!(epsilon >= 0) || epsilon === Infinity) {
    throw new SottoError('INVALID_INPUT', `attack: expected an epsilon of 0 or more, got ${epsilon}`);
  }
  if (range !== null && !('low' in range) && range.length !== model.inputs) {
    throw new SottoError('INVALID_INPUT', `attack: expected ${model.inputs} ranges, got ${range.length}`);
  }
  return rows;
}
