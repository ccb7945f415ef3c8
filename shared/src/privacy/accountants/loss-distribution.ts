/**
 * The privacy loss of one release on a grid: masses of the loss log(P/Q) under P, moved to grid points so that the pair
 * it stands for dominates the true one (connect-the-dots). Sums may pass 1 by rounding, which is upward too.
 */
export type LossDistribution = {
  /** Grid points with mass, ascending; place k is the loss k·gridWidth. */
  readonly places: Int32Array;
  /** Logarithm of each mass. */
  readonly logMasses: Float64Array;
  /** Mass of an infinite loss. */
  readonly infinite: number;
  /** How far rounding may have put a loss below its true value. */
  readonly lossError: number;
};

/** Both directions of one release; `add` is null where it is the same as `remove`. */
export type LossPair = { readonly remove: LossDistribution; readonly add: LossDistribution | null };

/** Cells farther out are as wide as this share of their loss: there a mass counts little and its width less. */
const outerCells = 1_024;

/**
 * Places between which the losses of a continuous pair are collected: one step apart near 0, farther apart by a 1,024th of
 * the loss beyond 1,024 steps. Connect-the-dots dominates on any points, so this costs tightness (below 1e-6) and nothing else.
 */
export function cellEdges(first: number, last: number): Int32Array {
  const upward: number[] = [];
  for (let k = Math.max(0, first); k < last; k += 1 + Math.floor(k / outerCells)) upward.push(k);
  upward.push(last);
  const downward: number[] = [];
  for (let k = Math.min(0, last); k > first; k -= 1 + Math.floor(-k / outerCells)) downward.push(k);
  if (downward.length > 0) downward.push(first);
  const edges = [...downward.toReversed(), ...upward];
  return Int32Array.from(edges.filter((edge, index) => index === 0 || edge !== edges[index - 1]));
}

/** Puts `mass` on the two ends of a cell, `excess`/shrink of it on the upper one: P's and Q's masses are kept. */
export function splitMass(
  masses: Float64Array,
  low: number,
  high: number,
  mass: number,
  excess: number,
  shrink: number,
): void {
  const onHigh = Math.min(mass, Math.max(0, excess / shrink));
  // Both are indices of the array.
  masses[high] = masses[high]! + onHigh;
  masses[low] = masses[low]! + (mass - onHigh);
}

/** Drops the points without mass. */
export function lossDistribution(
  places: Int32Array,
  masses: Float64Array,
  infinite: number,
  lossError: number,
): LossDistribution {
  const logs = masses.map((mass) => Math.log(mass));
  const kept = logs.reduce((count, log) => (log > -Infinity ? count + 1 : count), 0);
  if (kept === logs.length) return { places, logMasses: logs, infinite, lossError };
  return {
    places: places.filter((_, index) => logs[index]! > -Infinity),
    logMasses: logs.filter((log) => log > -Infinity),
    infinite,
    lossError,
  };
}

/** With probability `share` the one, else the other, and which of them is told to the adversary. */
export function mixLosses(one: LossDistribution, other: LossDistribution, share: number): LossDistribution {
  const masses = new Map<number, number>();
  for (const [loss, weight] of [
    [one, share],
    [other, 1 - share],
  ] as const) {
    loss.places.forEach((place, index) => {
      // index < places.length
      masses.set(place, (masses.get(place) ?? 0) + weight * upward * Math.exp(loss.logMasses[index]!));
    });
  }
  const places = Int32Array.from([...masses.keys()].toSorted((a, b) => a - b));
  return lossDistribution(
    places,
    Float64Array.from(places, (place) => masses.get(place) ?? 0),
    (share * one.infinite + (1 - share) * other.infinite) * upward,
    Math.max(one.lossError, other.lossError),
  );
}

/** Covers rounding of a share and of e^log. */
const upward = 1 + 1e-11;
