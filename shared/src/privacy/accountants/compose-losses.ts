import { fourierTransform } from './fourier.ts';
import type { LossDistribution } from './loss-distribution.ts';

/** One kind of release and how often it happens. */
export type ComposedLoss = { readonly loss: LossDistribution; readonly count: number };

/** Round-off of one double operation. */
const unit = 2 ** -53;
/** Weights below e^{−90} of the whole, all together, are far below round-off. */
const negligible = -90;
/** What the window may leave out, as a logarithm: of δ above, of the tilted mass below. A ten-millionth. */
const negligibleShare = -16;
/** Round-off beyond this share of δ is worth another try. */
const feltSlack = 5e-6;
/** Longest transform; a composition that needs more gets null. */
export const longestTransform = 2 ** 21;
/** Points after which a running product is computed anew. */
const restartEvery = 1_024;

/**
 * The smallest ε whose δ is kept by the composition, rounded up; of the two directions' the larger. Null where the grid
 * would be too long or δ too small for doubles.
 *
 * Masses are tilted by e^{tl} first, so that they lie where ε is sought and round-off of the transform is relative to δ
 * there; then one transform for each kind, its power, and one back. Mass outside of the transform's window is bounded by
 * Chernoff and added to δ; so is a bound on round-off.
 *
 * @param directions - one or two compositions, with the same counts in the same order
 * @param gridWidth - D of all distributions
 * @param delta - in (0, 1)
 * @param longest - points of the longest transform that is worth it; beyond it null
 * @see Koskela, Jälkö & Honkela 2020, arXiv 1906.03049; Gopi, Lee & Wutschitz 2021, arXiv 2106.02848
 */
export function composedEpsilon(
  directions: readonly (readonly ComposedLoss[])[],
  gridWidth: number,
  delta: number,
  longest = longestTransform,
): number | null {
  const trimmed = directions.map((parts) => trim(parts, Math.log(delta)));
  const logDelta = Math.log(delta);
  const framed = (parts: readonly ComposedLoss[], tilt: number): Frame => ({
    parts,
    tilt,
    ...windowFor(parts, gridWidth, tilt, logDelta),
  });
  const tilts = trimmed.map((parts) => tiltsForDelta(parts, gridWidth, logDelta));
  // One pair of tilts for each direction.
  const full = (index: number) => tilts[index]!.full;
  let frames = trimmed.map((parts, index) => framed(parts, tilts[index]!.tilt));
  const halfway = frames.map(({ parts, tilt }, index) => framed(parts, (tilt + full(index)) / 2));
  // Where the transform is no longer for it, less round-off costs nothing.
  if (lengthOf(halfway) <= lengthOf(frames)) frames = halfway;
  for (;;) {
    const composed = compose(frames, gridWidth, longest);
    if (composed === null) return null;
    const found = composed.map((one) => epsilonIn(one, gridWidth, delta));
    // Where round-off was felt after all, a steeper tilt makes less of it.
    const steeper = frames.map((frame, index) => {
      const felt = !((found[index]?.slack ?? Infinity) <= feltSlack * delta);
      return felt && frame.tilt < full(index) ? framed(frame.parts, nextTilt(frame.tilt, full(index))) : frame;
    });
    if (steeper.every((frame, index) => frame === frames[index])) {
      return found.reduce<number | null>(
        (largest, one) => (one === null || largest === null ? null : Math.max(largest, one.epsilon)),
        0,
      );
    }
    frames = steeper;
  }
}

/** A composition under a tilt, and the places between which it is computed. */
type Frame = {
  readonly parts: readonly ComposedLoss[];
  readonly tilt: number;
  readonly lowest: number;
  readonly highest: number;
  /** A bound on the mass above. */
  readonly lostAbove: number;
};

function nextTilt(tilt: number, full: number): number {
  const next = (tilt + full) / 2;
  return next > 0.9 * full ? full : next;
}

/** δ of the composition at ε ≥ 0, rounded up, or null as above. Parameters as above. */
export function composedDelta(
  directions: readonly (readonly ComposedLoss[])[],
  gridWidth: number,
  epsilon: number,
  longest = longestTransform,
): number | null {
  let found: number | null = null;
  let trimmed = directions;
  // Each pass knows δ better, trims more of the far tails by it, and has less round-off.
  for (let pass = 0; pass < 4; pass += 1) {
    const tilts = trimmed.map((parts) => tiltFor(parts, gridWidth, (_value, mean) => mean >= epsilon));
    const logDeltas = trimmed.map((parts, index) => {
      const { value } = cumulants(parts, gridWidth, tilts[index]!);
      return value - tilts[index]! * epsilon - 10;
    });
    const logDelta = Math.min(0, found === null || found === 0 ? 0 : Math.log(found) - 2, ...logDeltas);
    const frames = trimmed.map((parts, index) => {
      const tilt = tilts[index]!;
      return { parts, tilt, ...windowFor(parts, gridWidth, tilt, logDelta) };
    });
    const composed = compose(frames, gridWidth, longest);
    if (composed === null) return found;
    const delta = composed.reduce((largest, one) => Math.max(largest, deltaIn(one, gridWidth, epsilon)), 0);
    if (found !== null && !(delta < 0.9 * found)) return Math.min(found, delta);
    found = delta;
    trimmed = directions.map((parts) => trim(parts, Math.log(delta) - 2));
  }
  return found;
}

/** A composed loss: masses times e^{tl − scale}, index modulo the length, and what may be missing from them. */
type Composition = {
  readonly tilted: Float64Array;
  readonly tilt: number;
  readonly logScale: number;
  readonly lowest: number;
  /** Mass above the window, and of an infinite loss. */
  readonly lost: number;
  /** Bound on the error of δ by the transform, times e^{tl − scale}. */
  readonly roundOff: number;
  readonly releases: number;
  readonly lossError: number;
};

/**
 * Calls the largest losses infinite and raises the least, as far as δ hardly notices: a far tail would outweigh all else
 * under a tilt and make the window long.
 */
function trim(parts: readonly ComposedLoss[], logDelta: number): ComposedLoss[] {
  const share = Math.exp(logDelta + negligibleShare) / parts.reduce((sum, { count }) => sum + count, 0);
  return parts.map(({ loss, count }) => {
    const { places, logMasses, infinite } = loss;
    let end = places.length;
    let above = 0;
    while (end > 1) {
      // end − 1 is an index of the masses, and so is begin below.
      const more = above + Math.exp(logMasses[end - 1]!);
      if (!(more <= share)) break;
      above = more;
      end -= 1;
    }
    let begin = 0;
    let below = 0;
    while (begin < end - 1) {
      const more = below + Math.exp(logMasses[begin]!);
      if (!(more <= share)) break;
      below = more;
      begin += 1;
    }
    const kept = logMasses.slice(begin, end);
    kept[0] = Math.log(Math.exp(kept[0]!) + below);
    return {
      loss: {
        ...loss,
        places: places.subarray(begin, end),
        logMasses: kept,
        infinite: above === 0 ? infinite : infinite + above * (1 + 1e-12),
      },
      count,
    };
  });
}

function compose(frames: readonly Frame[], gridWidth: number, longest: number): Composition[] | null {
  const length = lengthOf(frames);
  if (!(length <= longest)) return null;
  const { masses, meanSize, sensitivities } = transformProduct(frames, gridWidth, length);
  const levels = Math.log2(length);
  return frames.map(({ parts, tilt, lowest, lostAbove }, index) => {
    let infinite = 0;
    let releases = 0;
    let lossError = 0;
    for (const { loss, count } of parts) {
      infinite += count * -Math.log1p(-Math.min(1, loss.infinite));
      releases += count;
      lossError += count * loss.lossError;
    }
    // δ(ε) is the tilted masses' sum under a weight w of height e^{K − tε} with one peak, over the points that e^{−tl}
    // leaves. Forward transform and power err by less than 16 units a level, times what the product changes with them, in
    // each frequency (two directions share a transform); |ŵ| is at most the sum of w, and ‖ŵ‖₁/N < 2 + 2 ln N heights.
    // The inverse errs by less than 5 units a level of its mean size in each point.
    const weightedPoints = Math.min(length, -1 / Math.expm1(-tilt * gridWidth));
    const forward = Math.min((releases + 2) * (2 + 2 * Math.log(length)), sensitivities[index]! * weightedPoints);
    const roundOff = 16 * unit * levels * (forward + meanSize * weightedPoints);
    return {
      tilted: masses[index]!,
      tilt,
      logScale: cumulants(parts, gridWidth, tilt).value,
      lowest,
      lost: -Math.expm1(-infinite) * (1 + 1e-12) + lostAbove,
      roundOff,
      releases,
      lossError,
    };
  });
}

function lengthOf(windows: readonly { readonly lowest: number; readonly highest: number }[]): number {
  const widest = Math.max(...windows.map(({ lowest, highest }) => highest - lowest));
  return 2 ** Math.max(3, Math.ceil(Math.log2(widest + 2)));
}

/** Calls `visit` at each grid point from the top with δ there and Σ e^{l−l_j}·P(l_j) over l_j ≥ l, until it says true. */
function walkDown(
  { tilted, tilt, logScale, lowest, lost }: Composition,
  gridWidth: number,
  visit: (point: number, delta: number, weighted: number, scale: number) => boolean,
): boolean {
  const length = tilted.length;
  const top = lowest + length - 1;
  const shrink = Math.exp(-gridWidth);
  const lose = -Math.expm1(-gridWidth);
  const grow = Math.exp(tilt * gridWidth);
  let delta = lost;
  let weighted = 0;
  let scale = 0;
  for (let step = 0; step < length - 1; step += 1) {
    const index = top - step;
    const point = index * gridWidth;
    scale = step % restartEvery === 0 ? Math.exp(logScale - tilt * point) : scale * grow;
    // index modulo length is a place of the array
    weighted = weighted * shrink + scale * tilted[modulo(index, length)]!;
    if (visit(point, delta, weighted, scale * grow)) return true;
    delta += lose * weighted;
  }
  return false;
}

/** ε, and the round-off of δ there. */
function epsilonIn(
  composition: Composition,
  gridWidth: number,
  delta: number,
): { epsilon: number; slack: number } | null {
  const { roundOff, releases, lossError, lost, lowest, tilted, logScale, tilt } = composition;
  // Masses are rounded relative to themselves, and the running sums too: far less than this.
  const kept = delta * (1 - Math.min(0.5, releases * 1e-13 + tilted.length * 4e-16));
  const top = (lowest + tilted.length - 1) * gridWidth;
  if (!(lost + Math.exp(logScale - tilt * top) * roundOff <= kept)) return null;
  let found = lowest * gridWidth;
  let slack = 0;
  walkDown(composition, gridWidth, (point, above, weighted, scale) => {
    slack = scale * roundOff;
    const below = point - gridWidth;
    // δ one step below. Written as "not ≤", so that a NaN would raise ε and never lower it.
    if (!(above - Math.expm1(-gridWidth) * weighted + slack <= kept)) {
      const inside = point + Math.log1p(-(kept - above - slack) / weighted);
      found = inside >= below && inside <= point ? inside : point;
      return true;
    }
    found = below;
    // Losses may be that much larger than they are here.
    return below <= -lossError;
  });
  return { epsilon: Math.max(0, found + Math.abs(found) * 1e-12 + lossError), slack };
}

function deltaIn(composition: Composition, gridWidth: number, epsilon: number): number {
  const { roundOff, releases, lossError, lost, lowest, tilted } = composition;
  const sought = Math.max(0, epsilon * (1 - 1e-12) - lossError - 1e-12);
  if (sought > (lowest + tilted.length - 1) * gridWidth) return lost;
  let found = 1;
  walkDown(composition, gridWidth, (point, above, weighted, scale) => {
    if (point - gridWidth > sought) return false;
    found = above - Math.expm1(Math.min(0, sought - point)) * weighted + scale * roundOff;
    return true;
  });
  return Math.min(1, found * (1 + Math.min(0.5, releases * 2e-13 + tilted.length * 8e-16)));
}

type Cumulants = { readonly value: number; readonly mean: number; readonly variance: number };

/** log E[e^{tL}] of the composed loss on the grid, with its first two derivatives: mean and variance under the tilt. */
function cumulants(parts: readonly ComposedLoss[], gridWidth: number, tilt: number): Cumulants {
  let value = 0;
  let mean = 0;
  let variance = 0;
  for (const { loss, count } of parts) {
    const { logMasses, places } = loss;
    const peak = largestExponent(loss, gridWidth, tilt);
    let sum = 0;
    let sum1 = 0;
    let sum2 = 0;
    for (let index = 0; index < logMasses.length; index += 1) {
      // index < logMasses.length, the length of both
      const point = places[index]! * gridWidth;
      const exponent = logMasses[index]! + tilt * point - peak;
      if (exponent < negligible) continue;
      const weight = Math.exp(exponent);
      sum += weight;
      sum1 += weight * point;
      sum2 += weight * point * point;
    }
    value += count * (Math.log(sum) + peak);
    mean += (count * sum1) / sum;
    variance += count * Math.max(0, sum2 / sum - (sum1 / sum) ** 2);
  }
  return { value, mean, variance };
}

/** The largest exponent of e^{tl}·p, which keeps their sum in range. */
function largestExponent({ logMasses, places }: LossDistribution, gridWidth: number, tilt: number): number {
  let largest = -Infinity;
  for (let index = 0; index < logMasses.length; index += 1) {
    // index < logMasses.length
    const exponent = logMasses[index]! + tilt * places[index]! * gridWidth;
    if (exponent > largest) largest = exponent;
  }
  return largest;
}

/**
 * Tilts for a δ. Any is sound; where it is steep, round-off is small where ε is sought, where it is not, the window is
 * short. `full` puts the tilted mean near ε by Chernoff's bound for δ; `tilt` is the least under which round-off seems small.
 */
function tiltsForDelta(
  parts: readonly ComposedLoss[],
  gridWidth: number,
  logDelta: number,
): { tilt: number; full: number } {
  const full = tiltFor(parts, gridWidth, (value, mean, tilt) => value - tilt * mean - Math.log1p(tilt) - 1 <= logDelta);
  const releases = parts.reduce((sum, { count }) => sum + count, 0);
  const { mean, variance } = cumulants(parts, gridWidth, 0);
  // Where a normal loss would have its ε, or less: of one with a heavier tail it lies higher.
  const likely = Math.max(0, mean + 0.7 * Math.sqrt(-2 * logDelta * variance));
  for (let part = 1; part < 16; part += 1) {
    const tilt = (full * part) / 16;
    const here = cumulants(parts, gridWidth, tilt);
    const points = Math.max(1, 1 / (2.5 * Math.sqrt(here.variance) * tilt));
    const roundOff = 300 * unit * (releases + 2) * points;
    if (here.value - tilt * likely + Math.log(roundOff) <= logDelta - 11) return { tilt, full };
  }
  return { tilt: full, full };
}

/** Below this a tilt does nothing to any loss that fits. */
const mildest = 1e-9;

/** The tilt from which on `enough` holds; at most half a unit of exponent between two points. */
function tiltFor(
  parts: readonly ComposedLoss[],
  gridWidth: number,
  enough: (value: number, mean: number, tilt: number) => boolean,
): number {
  const reached = (tilt: number) => {
    const { value, mean } = cumulants(parts, gridWidth, tilt);
    return enough(value, mean, tilt);
  };
  const steepest = 0.5 / gridWidth;
  let high = 1;
  while (high < steepest && !reached(high)) high *= 2;
  let low = high / 2;
  while (low > mildest && reached(low)) {
    high = low;
    low /= 2;
  }
  for (let halving = 0; halving < 6; halving += 1) {
    const middle = (low + high) / 2;
    if (reached(middle)) high = middle;
    else low = middle;
  }
  return Math.min(low, steepest);
}

/**
 * Steps beyond a tilt at which Chernoff's bound is tried: for a sum of many small losses in units of one over its standard
 * deviation, for a few large ones of one over the largest.
 */
function stepsFor(std: number, parts: readonly ComposedLoss[], gridWidth: number, side: 1 | -1): number[] {
  const furthest = parts.reduce((most, { loss: { places } }) => {
    const place = side === 1 ? places[places.length - 1] : places[0];
    return Math.max(most, side * (place ?? 0));
  }, 1);
  return [
    ...[0.5, 1.2, 2.5, 4.5, 7, 11, 18].map((reach) => reach / std),
    ...[2, 6, 15].map((reach) => reach / (furthest * gridWidth)),
  ];
}

/** Indices between which nearly all of the tilted mass lies, and a bound on the true mass above. */
function windowFor(
  parts: readonly ComposedLoss[],
  gridWidth: number,
  tilt: number,
  logDelta: number,
): { lowest: number; highest: number; lostAbove: number } {
  const base = cumulants(parts, gridWidth, tilt);
  const std = Math.sqrt(base.variance) + gridWidth;
  // Above: the mass counts against δ, and what wraps around must not come as far as the mean, where the tilt would enlarge
  // it. Below: it wraps around to the top, where it can only raise ε.
  let up = Infinity;
  let wrapping = Infinity;
  let lostAbove = 0;
  // What a place's tilted mass may be, that its true mass be a negligible share of δ.
  const goalAt = (place: number) => Math.min(0, logDelta - base.value + tilt * place) + negligibleShare;
  for (const step of stepsFor(std, parts, gridWidth, 1)) {
    const steeper = tilt + step;
    const above = cumulants(parts, gridWidth, steeper).value;
    // Chernoff: P(L ≥ edge) ≤ e^{K(s) − s·edge}.
    const edge = Math.max(base.mean, (above - logDelta - negligibleShare) / steeper);
    if (edge < up) {
      up = edge;
      lostAbove = Math.exp(above - steeper * edge);
    }
    // The same under the tilt: P_t(L ≥ edge) ≤ e^{K(s) − K(t) − (s − t)·edge}.
    wrapping = Math.min(wrapping, (above - base.value - goalAt(base.mean)) / (steeper - tilt));
  }
  let down = -Infinity;
  for (const step of stepsFor(std, parts, gridWidth, -1)) {
    const milder = tilt - step;
    const below = cumulants(parts, gridWidth, milder).value;
    down = Math.max(down, Math.min(base.mean, (goalAt(up) - below + base.value) / (tilt - milder)));
  }
  up = Math.max(up, wrapping - (base.mean - down));
  const { least, most } = reachable(parts);
  // No sum of losses lies outside of what all of them reach together.
  const highest = Math.min(most, Math.ceil(up / gridWidth));
  const lowest = Math.max(least, Math.floor(down / gridWidth));
  return { lowest, highest, lostAbove: highest === most ? 0 : lostAbove };
}

function reachable(parts: readonly ComposedLoss[]): { least: number; most: number } {
  let least = 0;
  let most = 0;
  for (const { loss, count } of parts) {
    least += count * (loss.places[0] ?? 0);
    most += count * (loss.places[loss.places.length - 1] ?? 0);
  }
  return { least, most };
}

/**
 * Distributions of the composed losses under their tilts, index modulo the length, and the mean size of their transform.
 * Two directions travel as real and imaginary part of one transform.
 */
function transformProduct(
  frames: readonly Frame[],
  gridWidth: number,
  length: number,
): { masses: Float64Array[]; meanSize: number; sensitivities: number[] } {
  const half = length / 2;
  const products = frames.map(() => ({
    real: new Float64Array(half + 1).fill(1),
    imaginary: new Float64Array(half + 1),
    /** Σ count/|z| over the kinds: the product's logarithmic derivative. */
    changes: new Float64Array(half + 1),
  }));
  const kinds = frames[0]?.parts.length ?? 0;
  for (let kind = 0; kind < kinds; kind += 1) {
    const signals = [new Float64Array(length), new Float64Array(length)] as const;
    frames.forEach(({ parts, tilt }, which) => {
      // Directions have the same kinds, and there are at most two.
      scatterTilted(parts[kind]!.loss, gridWidth, tilt, signals[which]!);
    });
    const [real, imaginary] = signals;
    fourierTransform(real, imaginary, -1);
    products.forEach((product, which) => {
      multiplyPower(product, signals, which === 1, frames[which]!.parts[kind]!.count);
    });
  }
  // Both are transforms of real signals a and b: that of a + ib is A + iB, its upper half by their symmetry.
  const real = new Float64Array(length);
  const imaginary = new Float64Array(length);
  let sizes = 0;
  const sensitivities = products.map((product, which) => {
    let sensitivity = 0;
    for (let index = 0; index <= half; index += 1) {
      // index ≤ half
      const re = product.real[index]!;
      const im = product.imaginary[index]!;
      const mirrored = (length - index) % length;
      const size = (Math.abs(re) + Math.abs(im)) * (mirrored === index ? 1 : 2);
      sizes += size;
      // What was set to 0 changes by less than e^{−45}, unless it had next to nothing left of a single release.
      const change = product.changes[index]!;
      sensitivity += size > 0 ? size * change : change > 1e38 ? 2 : 1e-18;
      real[index] = real[index]! + (which === 0 ? re : -im);
      imaginary[index] = imaginary[index]! + (which === 0 ? im : re);
      if (mirrored === index) continue;
      real[mirrored] = real[mirrored]! + (which === 0 ? re : im);
      imaginary[mirrored] = imaginary[mirrored]! + (which === 0 ? -im : re);
    }
    return sensitivity / length;
  });
  fourierTransform(real, imaginary, 1);
  for (let index = 0; index < length; index += 1) {
    // index < length of both
    real[index] = real[index]! / length;
    imaginary[index] = imaginary[index]! / length;
  }
  return { masses: [real, imaginary], meanSize: sizes / length, sensitivities };
}

/** Adds the masses under the tilt, of sum 1, at their places modulo the length. */
function scatterTilted(loss: LossDistribution, gridWidth: number, tilt: number, signal: Float64Array): void {
  const { value } = cumulants([{ loss, count: 1 }], gridWidth, tilt);
  loss.places.forEach((index, which) => {
    const place = modulo(index, signal.length);
    // which < places.length, place < length
    const exponent = loss.logMasses[which]! + tilt * index * gridWidth - value;
    if (exponent > negligible) signal[place] = signal[place]! + Math.exp(exponent);
  });
}

/** Multiplies with the count-th power of the first or the second real signal's transform, by repeated squaring. */
function multiplyPower(
  product: { readonly real: Float64Array; readonly imaginary: Float64Array; readonly changes: Float64Array },
  [real, imaginary]: readonly [Float64Array, Float64Array],
  second: boolean,
  count: number,
): void {
  const length = real.length;
  const smallest = Math.exp((2 * negligible) / count);
  for (let index = 0; index <= length / 2; index += 1) {
    const mirrored = (length - index) % length;
    // Both are places of the arrays.
    let re = second ? (imaginary[index]! + imaginary[mirrored]!) / 2 : (real[index]! + real[mirrored]!) / 2;
    let im = second ? (real[mirrored]! - real[index]!) / 2 : (imaginary[index]! - imaginary[mirrored]!) / 2;
    let productRe = product.real[index]!;
    let productIm = product.imaginary[index]!;
    const size = re * re + im * im;
    product.changes[index] = product.changes[index]! + count / Math.sqrt(size);
    if (!(size > smallest)) {
      productRe = 0;
      productIm = 0;
    } else if (productRe !== 0 || productIm !== 0) {
      for (let left = count; left > 0; left = Math.floor(left / 2)) {
        if (left % 2 === 1) {
          const before = productRe;
          productRe = before * re - productIm * im;
          productIm = before * im + productIm * re;
        }
        const square = re * re - im * im;
        im = 2 * re * im;
        re = square;
      }
    }
    product.real[index] = productRe;
    product.imaginary[index] = productIm;
  }
}

function modulo(index: number, length: number): number {
  return ((index % length) + length) % length;
}
