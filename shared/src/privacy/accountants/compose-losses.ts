import { fourierTransform } from './fourier.ts';
import type { LossDistribution } from './loss-distribution.ts';

/** One kind of release and how often it happens. */
export type ComposedLoss = { readonly loss: LossDistribution; readonly count: number };

/** Round-off of one double operation. */
const unit = 2 ** -53;
/** Weights below e^{−90} of the whole, all together, are far below round-off. */
const negligible = -90;
/** Longest transform; a composition that needs more gets null. */
const longestTransform = 2 ** 21;

/**
 * The smallest ε whose δ is kept by the composition, rounded up, or null where the grid would be too long or δ too small
 * for doubles.
 *
 * Masses are tilted by e^{tl} first, so that they lie where ε is sought and round-off of the transform is relative to δ
 * there; then one transform for each kind, its power, and one back. Mass outside of the transform's window is bounded by
 * Chernoff and added to δ; so is a bound on round-off.
 *
 * @param gridWidth - D of all distributions
 * @param delta - in (0, 1)
 * @see Koskela, Jälkö & Honkela 2020, arXiv 1906.03049; Gopi, Lee & Wutschitz 2021, arXiv 2106.02848
 */
export function composedEpsilon(parts: readonly ComposedLoss[], gridWidth: number, delta: number): number | null {
  const tilt = tiltFor(parts, gridWidth, delta);
  const window = windowFor(parts, gridWidth, tilt, delta);
  const length = 2 ** Math.ceil(Math.log2(window.highest - window.lowest + 2));
  if (!(length <= longestTransform)) return null;
  const { masses: tilted, meanSize } = transformProduct(parts, gridWidth, tilt, length);

  let infinite = 0;
  let releases = 0;
  let lossError = 0;
  for (const { loss, count } of parts) {
    infinite += count * -Math.log1p(-loss.infinite);
    releases += count;
    lossError += count * loss.lossError;
  }
  const lost = -Math.expm1(-infinite) * (1 + 1e-12) + window.lostAbove;
  const logScale = cumulants(parts, gridWidth, tilt).value;
  // δ(ε) is the tilted masses' sum under a weight of height e^{K − tε} with one peak. Forward transform and power err by
  // less than 8 units a release and level in each frequency, and ‖ŵ‖₁/N < 2 + 2 ln N heights. The inverse errs by less
  // than 5 units a level of its mean size in each point, over the points that e^{−tl} leaves.
  const levels = Math.log2(length);
  const weightedPoints = Math.min(length, -1 / Math.expm1(-tilt * gridWidth));
  const roundOff = 8 * unit * levels * ((releases + 2) * (2 + 2 * Math.log(length)) + meanSize * weightedPoints);
  // Masses are rounded relative to themselves, far less than this.
  const kept = delta * (1 - Math.min(0.5, releases * 1e-13));

  const top = window.lowest + length - 1;
  if (!(lost + Math.exp(logScale - tilt * top * gridWidth) * roundOff <= kept)) return null;
  // From the top: A = P(loss ≥ l), B = Σ e^{−l}·P(l), and δ(ε) = A − e^ε·B between two points.
  let above = lost;
  let weighted = 0;
  for (let index = top; index > window.lowest; index -= 1) {
    const point = index * gridWidth;
    const mass = Math.exp(logScale - tilt * point) * tilted[modulo(index, length)]!;
    above += mass;
    weighted += mass * Math.exp(-point);
    const below = point - gridWidth;
    const slack = Math.exp(logScale - tilt * below) * roundOff;
    // Written as "not ≤", so that a NaN would raise ε and never lower it.
    if (!(above - weighted * Math.exp(below) + slack <= kept)) {
      const inside = Math.log((above + slack - kept) / weighted);
      const epsilon = inside >= below && inside <= point ? inside : point;
      return Math.max(0, epsilon) * (1 + 1e-12) + lossError + 1e-12;
    }
    if (below <= 0) return lossError + 1e-12;
  }
  // The window ends above the sought ε: its lower end is kept.
  return Math.max(0, window.lowest * gridWidth) + lossError + 1e-12;
}

type Cumulants = { readonly value: number; readonly mean: number; readonly variance: number };

/** log E[e^{tL}] of the composed loss on the grid, with its first two derivatives: mean and variance under the tilt. */
function cumulants(parts: readonly ComposedLoss[], gridWidth: number, tilt: number): Cumulants {
  let value = 0;
  let mean = 0;
  let variance = 0;
  for (const { loss, count } of parts) {
    const { logMasses, first } = loss;
    const peak = largestExponent(loss, gridWidth, tilt);
    let sum = 0;
    let sum1 = 0;
    let sum2 = 0;
    for (let index = 0; index < logMasses.length; index += 1) {
      const point = (first + index) * gridWidth;
      // index < logMasses.length; no mass is −∞ here and 0 after
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
function largestExponent({ logMasses, first }: LossDistribution, gridWidth: number, tilt: number): number {
  let largest = -Infinity;
  for (let index = 0; index < logMasses.length; index += 1) {
    // index < logMasses.length
    const exponent = logMasses[index]! + tilt * (first + index) * gridWidth;
    if (exponent > largest) largest = exponent;
  }
  return largest;
}

/**
 * The tilt t at which e^{K(t) − tK'(t)}/(t+1)e is δ: Chernoff's bound for δ at the tilted mean, so that this mean lies
 * near ε. Any tilt is sound; this one makes round-off small there. At most half a unit of exponent between two points.
 */
function tiltFor(parts: readonly ComposedLoss[], gridWidth: number, delta: number): number {
  const small = (tilt: number) => {
    const { value, mean } = cumulants(parts, gridWidth, tilt);
    return value - tilt * mean - Math.log1p(tilt) - 1 <= Math.log(delta);
  };
  const steepest = 0.5 / gridWidth;
  let high = 1;
  while (high < steepest && !small(high)) high *= 2;
  let low = high === 1 ? 0 : high / 2;
  for (let halving = 0; halving < 6; halving += 1) {
    const middle = (low + high) / 2;
    if (small(middle)) high = middle;
    else low = middle;
  }
  return Math.min(low, steepest);
}

/** Indices between which nearly all of the tilted mass lies, and a bound on the true mass above. */
function windowFor(
  parts: readonly ComposedLoss[],
  gridWidth: number,
  tilt: number,
  delta: number,
): { lowest: number; highest: number; lostAbove: number } {
  const base = cumulants(parts, gridWidth, tilt);
  const std = Math.sqrt(base.variance) + gridWidth;
  // Above: the mass itself counts, against δ. Below: it would wrap around to the top, where it can only raise ε.
  const up = chernoffReach(
    parts,
    gridWidth,
    tilt,
    base,
    std,
    1,
    Math.log(delta) - 18 * Math.LN10 - base.value + tilt * base.mean,
  );
  const down = chernoffReach(parts, gridWidth, tilt, base, std, -1, -35);
  const highest = Math.ceil((base.mean + up.reach) / gridWidth);
  const lowest = Math.floor((base.mean - down.reach) / gridWidth);
  return { lowest, highest, lostAbove: up.trueMass };
}

/** How far from the tilted mean, up or down, Chernoff leaves at most e^goal of the tilted mass. */
function chernoffReach(
  parts: readonly ComposedLoss[],
  gridWidth: number,
  tilt: number,
  base: Cumulants,
  std: number,
  side: 1 | -1,
  goal: number,
): { reach: number; trueMass: number } {
  let best = { reach: Infinity, trueMass: 0 };
  // At side·more beyond the tilt: log P(tilted sum beyond mean + side·r) ≤ K(t + side·h) − K(t) − h·side·mean − h·r.
  for (const more of [1.5, 3, 4.5, 6, 8, 11]) {
    const h = more / std;
    const { value } = cumulants(parts, gridWidth, tilt + side * h);
    const rise = value - base.value - side * h * base.mean;
    const reach = Math.max(0, (rise - Math.min(goal, -35)) / h);
    if (reach < best.reach) {
      const edge = base.mean + side * reach;
      best = { reach, trueMass: Math.exp(value - (tilt + side * h) * edge) };
    }
  }
  return best;
}

/** Distribution of the composed loss under the tilt, index modulo the length, and the mean size of its transform. */
function transformProduct(
  parts: readonly ComposedLoss[],
  gridWidth: number,
  tilt: number,
  length: number,
): { masses: Float64Array; meanSize: number } {
  const productReal = new Float64Array(length).fill(1);
  const productImaginary = new Float64Array(length);
  for (const { loss, count } of parts) {
    const real = new Float64Array(length);
    const imaginary = new Float64Array(length);
    const { value } = cumulants([{ loss, count: 1 }], gridWidth, tilt);
    for (let index = 0; index < loss.logMasses.length; index += 1) {
      const place = modulo(loss.first + index, length);
      const point = (loss.first + index) * gridWidth;
      // place < length, index < logMasses.length
      const exponent = loss.logMasses[index]! + tilt * point - value;
      if (exponent > negligible) real[place] = real[place]! + Math.exp(exponent);
    }
    fourierTransform(real, imaginary, -1);
    for (let index = 0; index <= length / 2; index += 1) {
      // index < length of all
      const re = real[index]!;
      const im = imaginary[index]!;
      const logSize = 0.5 * Math.log(re * re + im * im) * count;
      const before = productReal[index]!;
      if (!(logSize > negligible) || (before === 0 && productImaginary[index] === 0)) {
        productReal[index] = 0;
        productImaginary[index] = 0;
        continue;
      }
      const size = Math.exp(logSize);
      const angle = Math.atan2(im, re) * count;
      const powerReal = size * Math.cos(angle);
      const powerImaginary = size * Math.sin(angle);
      productReal[index] = before * powerReal - productImaginary[index]! * powerImaginary;
      productImaginary[index] = before * powerImaginary + productImaginary[index]! * powerReal;
    }
  }
  // Of real masses: the upper half mirrors the lower.
  for (let index = 1; index < length / 2; index += 1) {
    productReal[length - index] = productReal[index]!;
    productImaginary[length - index] = -productImaginary[index]!;
  }
  let sizes = 0;
  for (let index = 0; index < length; index += 1)
    sizes += Math.abs(productReal[index]!) + Math.abs(productImaginary[index]!);
  fourierTransform(productReal, productImaginary, 1);
  return { masses: productReal.map((mass) => mass / length), meanSize: sizes / length };
}

function modulo(index: number, length: number): number {
  return ((index % length) + length) % length;
}
