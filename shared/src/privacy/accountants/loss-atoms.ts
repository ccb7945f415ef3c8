import type { AccountingEvent } from './accounting-event.ts';
import { type LossDistribution, lossDistribution } from './loss-distribution.ts';
import { erfc } from './normal-tail.ts';

/**
 * The loss of a pair (P, Q) as finitely many values: mass under P at each, the rest infinite. Q's mass at a loss l is
 * e^{−l} times P's, and what is missing to 1 lies where P has none.
 */
export type LossAtoms = {
  readonly losses: readonly number[];
  readonly masses: readonly number[];
  readonly infinite: number;
};

/** Both directions; `add` is null where it is the same. */
export type AtomPair = { readonly remove: LossAtoms; readonly add: LossAtoms | null };

/** Rounding of a mass, relative, and of a loss. */
const massError = 1e-13;
const lossRounding = 1e-14;

/** Moves each atom to the two grid points around it so that P's and Q's mass are kept: connect-the-dots. */
export function atomsOnGrid({ losses, masses, infinite }: LossAtoms, gridWidth: number): LossDistribution {
  const byPlace = new Map<number, number>();
  const put = (place: number, mass: number) => byPlace.set(place, (byPlace.get(place) ?? 0) + mass);
  let furthest = 0;
  const shrink = -Math.expm1(-gridWidth);
  losses.forEach((loss, index) => {
    const mass = (masses[index] ?? 0) * (1 + massError);
    if (!(mass > 0)) return;
    furthest = Math.max(furthest, Math.abs(loss));
    const error = lossRounding * (Math.abs(loss) + gridWidth);
    const place = Math.floor((loss - error) / gridWidth) + 1;
    const above = place * gridWidth - loss;
    // On a grid point but for rounding, which `lossError` covers.
    if (above <= 2 * error) return void put(place, mass);
    if (gridWidth - above <= 2 * error) return void put(place - 1, mass);
    const onHigh = Math.min(mass, (mass * -Math.expm1(above - gridWidth)) / shrink + mass * 1e-15);
    put(place, onHigh);
    put(place - 1, mass - onHigh);
  });
  const places = Int32Array.from([...byPlace.keys()].toSorted((a, b) => a - b));
  return lossDistribution(
    places,
    Float64Array.from(places, (place) => byPlace.get(place) ?? 0),
    infinite,
    4 * lossRounding * (furthest + gridWidth),
  );
}

/**
 * The pair on a Poisson sample of rate q: removal ((1−q)Q + qP, Q), addition (P, (1−q)P + qQ), from pairs that dominate the
 * mechanism itself in these directions.
 *
 * @see Zhu, Dong & Wang 2022, arXiv 2106.08567, Theorem 11
 */
export function sampleAtoms({ remove, add }: AtomPair, q: number): AtomPair {
  const removed = { losses: [] as number[], masses: [] as number[], infinite: q * remove.infinite };
  let lowerMass = 0;
  remove.losses.forEach((loss, index) => {
    const mass = remove.masses[index] ?? 0;
    const below = mass * Math.exp(-loss);
    lowerMass += below;
    removed.losses.push(
      loss > 30 ? Math.log(q) + loss + Math.log1p(((1 - q) / q) * Math.exp(-loss)) : Math.log1p(q * Math.expm1(loss)),
    );
    removed.masses.push((1 - q) * below + q * mass);
  });
  // Where P has nothing and Q has.
  if (lowerMass < 1 && q < 1) {
    removed.losses.push(Math.log1p(-q));
    removed.masses.push((1 - q) * (1 - lowerMass));
  }
  const forward = add ?? remove;
  const added = { losses: [] as number[], masses: [] as number[], infinite: q === 1 ? forward.infinite : 0 };
  forward.losses.forEach((loss, index) => {
    added.losses.push(-Math.log1p(q * Math.expm1(-loss)));
    added.masses.push(forward.masses[index] ?? 0);
  });
  if (forward.infinite > 0 && q < 1) {
    added.losses.push(-Math.log1p(-q));
    added.masses.push(forward.infinite);
  }
  return { remove: removed, add: added };
}

/** Standard deviation of the loss, for the choice of a grid. */
export function atomStd({ losses, masses }: LossAtoms): number {
  let sum = 0;
  let first = 0;
  let second = 0;
  losses.forEach((loss, index) => {
    const mass = masses[index] ?? 0;
    sum += mass;
    first += mass * loss;
    second += mass * loss * loss;
  });
  return sum === 0 ? 0 : Math.sqrt(Math.max(0, second / sum - (first / sum) ** 2));
}

type Of<Kind> = Extract<AccountingEvent, { type: Kind }>;

/**
 * Laplace noise of scale b: ±1/b with masses 1/2 and e^{−1/b}/2, between them a density e^{l/2}, in cells of at most
 * `cellWidth` whose mass goes to their ends.
 */
export function laplaceAtoms(noiseMultiplier: number, cellWidth: number): AtomPair {
  const largest = 1 / noiseMultiplier;
  const cells = 2 * Math.ceil(largest / cellWidth);
  const width = (2 * largest) / cells;
  const losses = Array.from({ length: cells + 1 }, (_, index) => -largest + index * width);
  losses[cells] = largest;
  const masses = losses.map(() => 0);
  masses[0] = Math.exp(-largest) / 2;
  masses[cells] = 0.5;
  for (let cell = 0; cell < cells; cell += 1) {
    // cell < cells
    const low = losses[cell]!;
    const scale = Math.exp((low - largest) / 2) / 2;
    const mass = scale * Math.expm1(width / 2);
    const excess = scale * 4 * Math.sinh(width / 4) ** 2;
    const onHigh = Math.min(mass, excess / -Math.expm1(-width));
    masses[cell + 1] = masses[cell + 1]! + onHigh;
    masses[cell] = masses[cell]! + mass - onHigh;
  }
  return { remove: { losses, masses, infinite: 0 }, add: null };
}

/** Discrete Laplace noise: a·Δ at x ≤ 0, a(Δ − 2x) between, −a·Δ at x ≥ Δ. */
export function discreteLaplaceAtoms({ parameter, sensitivity }: Of<'discreteLaplace'>): AtomPair {
  const losses = [parameter * sensitivity];
  const masses = [1 / (1 + Math.exp(-parameter))];
  for (let x = 1; x < sensitivity; x += 1) {
    losses.push(parameter * (sensitivity - 2 * x));
    masses.push(Math.tanh(parameter / 2) * Math.exp(-parameter * x));
  }
  losses.push(-parameter * sensitivity);
  masses.push(Math.exp(-parameter * sensitivity) / (1 + Math.exp(-parameter)));
  return { remove: { losses, masses, infinite: 0 }, add: null };
}

/** Standard deviations of discrete Gaussian noise that are kept. */
const keptStds = 11;

/** Discrete Gaussian noise, shift Δ: (Δ² − 2Δx)/2σ² at x; beyond 11 standard deviations the loss counts as infinite. */
export function discreteGaussianAtoms({ sigma, sensitivity }: Of<'discreteGaussian'>): AtomPair {
  const reach = Math.ceil(keptStds * sigma) + 1;
  const weights: number[] = [];
  let total = 0;
  for (let x = -reach; x <= reach; x += 1) {
    const weight = Math.exp((-x * x) / (2 * sigma * sigma));
    weights.push(weight);
    total += weight;
  }
  const losses = weights.map((_, index) => (sensitivity * (sensitivity - 2 * (index - reach))) / (2 * sigma * sigma));
  // Both tails: a geometric series of ratio e^{−reach/σ²} after the last, below two integrals of the density.
  const beyond = erfc(keptStds / Math.SQRT2) * 2;
  return { remove: { losses, masses: weights.map((weight) => weight / total), infinite: beyond }, add: null };
}

/** Randomized response: the true bucket against another, or against a uniform answer. */
export function randomizedResponseAtoms(
  { noiseParameter: p, buckets }: Of<'randomizedResponse'>,
  replaceSpecial: boolean,
): AtomPair {
  const other = p / buckets;
  const same = 1 - p + other;
  if (!replaceSpecial) {
    const largest = Math.log(same / other);
    return {
      remove: { losses: [largest, 0, -largest], masses: [same, (buckets - 2) * other, other], infinite: 0 },
      add: null,
    };
  }
  const up = Math.log1p((1 - p) * (buckets - 1));
  const down = Math.log(p);
  const rest = (buckets - 1) / buckets;
  return {
    remove: { losses: [up, down], masses: [same, p * rest], infinite: 0 },
    add: { losses: [-up, -down], masses: [1 / buckets, rest], infinite: 0 },
  };
}

/** What (ε, δ) alone allows at worst: δ infinite, the rest as ε-randomized response. @see Kairouz, Oh & Viswanath 2015, arXiv 1311.0776 */
export function epsDeltaAtoms({ epsilon, delta }: Of<'epsDelta'>): AtomPair {
  const masses = [(1 - delta) / (1 + Math.exp(-epsilon)), (1 - delta) / (1 + Math.exp(epsilon))];
  return { remove: { losses: [epsilon, -epsilon], masses, infinite: delta }, add: null };
}
