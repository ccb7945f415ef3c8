import { SottoError } from '../errors/index.ts';
import { exp, type DifferentiableModel, type Loss } from '../model/index.ts';
import { createSeededRandom } from '../random/index.ts';
import { requirePlaces, requireRanges, withinRange, type InputRanges } from './input-ranges.ts';
import { normalDraws } from './normal-draws.ts';
import { rowsOf } from './rows-of.ts';

/** By what a perturbation's size is measured. */
export type AttackNorm = 'linf' | 'l2';

/** What an attack may do to a row. */
export type AttackLimits = {
  readonly norm: AttackNorm;
  /** Largest size of the perturbation, in encoded inputs. */
  readonly epsilon: number;
  /** What an encoded input cannot leave. */
  readonly range: InputRanges;
  /** Inputs that may be moved; where not given, all. The size counts these alone. */
  readonly places?: readonly number[];
};

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
  const places = placesOf(model, limits);
  climb(model, loss, changed, targets, rows, limits.norm, limits.epsilon, places);
  clip(changed, model.inputs, limits.range, places);
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
  const places = placesOf(model, options);
  const changed = seed === undefined ? inputs.slice() : startWithin(inputs, rows, model.inputs, options, places, seed);
  clip(changed, model.inputs, range, places);
  for (let step = 0; step < steps; step++) {
    climb(model, loss, changed, targets, rows, norm, stepSize, places);
    project(changed, inputs, model.inputs, norm, epsilon);
    clip(changed, model.inputs, range, places);
  }
  return changed;
}

/** A step's size with which so many steps reach the ball's edge from anywhere within it. Madry et al. 2018, §5. */
export function pgdStepSize(epsilon: number, steps: number): number {
  return (2.5 * epsilon) / steps;
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
    // A target between the two is mixed of both: the loss rises away from it.
    if (loss === 'binaryCrossEntropy') {
      slopes[row] = target === 1 ? -1 : target === 0 ? 1 : Math.sign(1 / (1 + exp(-logits[row]!)) - target);
    } else if (loss === 'meanSquaredError') slopes[row] = Math.sign(logits[row]! - target);
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

/** One step that raises each row's loss, of the inputs that may be moved. */
function climb(
  model: DifferentiableModel,
  loss: Loss,
  changed: Float64Array,
  targets: ArrayLike<number>,
  rows: number,
  norm: AttackNorm,
  size: number,
  places: readonly number[],
): void {
  const width = model.inputs;
  const gradients = model.inputGradients(changed, rows, (logits) => attackSlopes(loss, logits, targets, model.outputs));
  for (let at = 0; at < rows * width; at += width) {
    if (norm === 'linf') {
      for (const place of places) changed[at + place]! += size * Math.sign(gradients[at + place]!);
      continue;
    }
    let squares = 0;
    for (const place of places) squares += gradients[at + place]! * gradients[at + place]!;
    // Where nothing changes the loss, no direction is better than another.
    if (squares === 0) continue;
    const step = size / Math.sqrt(squares);
    for (const place of places) changed[at + place]! += step * gradients[at + place]!;
  }
}

/** Brings rows back into the ball around the given ones; what was not moved stays to the bit. */
function project(changed: Float64Array, inputs: Float64Array, width: number, norm: AttackNorm, epsilon: number): void {
  if (norm === 'linf') {
    for (let i = 0; i < changed.length; i++) {
      changed[i] = inputs[i]! + Math.min(epsilon, Math.max(-epsilon, changed[i]! - inputs[i]!));
    }
    return;
  }
  for (let at = 0; at < changed.length; at += width) {
    let squares = 0;
    for (let i = at; i < at + width; i++) squares += (changed[i]! - inputs[i]!) ** 2;
    const length = Math.sqrt(squares);
    const shrink = length > epsilon ? epsilon / length : 1;
    for (let i = at; i < at + width; i++) changed[i] = inputs[i]! + (changed[i]! - inputs[i]!) * shrink;
  }
}

function clip(changed: Float64Array, width: number, range: InputRanges, places: readonly number[]): void {
  if (range === null) return;
  for (let at = 0; at < changed.length; at += width) {
    for (const place of places) changed[at + place] = withinRange(changed[at + place]!, range, place);
  }
}

/** A start drawn evenly within the ball: of 'l2' a normal direction at a radius that fills the ball. */
function startWithin(
  inputs: Float64Array,
  rows: number,
  width: number,
  { norm, epsilon }: AttackLimits,
  places: readonly number[],
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
    const direction = Float64Array.from(places, () => (norm === 'l2' ? normal() : 2 * uniform() - 1));
    const length = Math.sqrt(direction.reduce((sum, value) => sum + value * value, 0));
    const scale = norm === 'l2' ? (epsilon * uniform() ** (1 / places.length)) / length : epsilon;
    places.forEach((place, i) => (started[row * width + place]! += scale * direction[i]!));
  }
  return started;
}

function placesOf(model: DifferentiableModel, { places }: AttackLimits): readonly number[] {
  return places ?? Array.from({ length: model.inputs }, (_, place) => place);
}

function requireRows(
  model: DifferentiableModel,
  inputs: Float64Array,
  targets: ArrayLike<number>,
  { epsilon, range, places }: AttackLimits,
): number {
  const rows = rowsOf(inputs, model.inputs);
  if (rows !== targets.length) {
    throw new SottoError('INVALID_INPUT', `attack: ${rows} rows, got ${targets.length} targets`);
  }
  if (!(epsilon >= 0) || epsilon === Infinity) {
    throw new SottoError('INVALID_INPUT', `attack: expected an epsilon of 0 or more, got ${epsilon}`);
  }
  requireRanges('attack', range, model.inputs);
  requirePlaces('attack', places ?? [], model.inputs);
  return rows;
}
