import { SottoError } from '../errors/index.ts';
import { studentQuantile95, z95, type Figure } from './interval.ts';

/** An error that was measured with so many units (or rounds). */
export type LearningPoint = {
  readonly units: number;
  /** In [0, 1]: one less accuracy, for example. */
  readonly error: number;
  /** Standard deviation of the error, sampling and noise together, where it is known. */
  readonly std?: number;
};

/** The curve error(n) = asymptote + scale · n^-exponent through some points. */
export type LearningCurve = {
  /** What no number of units would go below, in [0, 1]. */
  readonly asymptote: number;
  readonly scale: number;
  /** In [0, 2]. */
  readonly exponent: number;
  /** Sum of squared residuals, each over its variance where deviations are given. */
  readonly squares: number;
  /**
   * Error that the curve foretells, with the 95 % range of all curves that fit the points about as well. Null where there are too few points
   * for a range: four, or three with deviations.
   */
  readonly at: (units: number) => Figure | null;
  /** Units at which the curve comes to within `gap` of its asymptote; null where it never does. */
  readonly unitsFor: (gap: number) => number | null;
};

/** Exponents that are tried before the best one is looked for between its neighbours. */
const triedExponents = 800;
const largestExponent = 2;

/**
 * Fits error(n) = a + b·n^-c by least squares, with 0 ≤ a ≤ 1, b ≥ 0, 0 ≤ c ≤ 2.
 *
 * For a given exponent the curve is linear in a and b, whose bounded optimum has a closed form; so one number is searched, and no start can
 * be unlucky. The range at n is the profile likelihood's: the least and the largest a + b·n^-c of all (a, b, c) whose squares are
 * within t²·s² of the best ones, cut to [0, 1].
 *
 * @see Cortes et al. 1993, "Learning curves: asymptotic values and rate of convergence"; Golub, Pereyra 1973 (variable projection);
 * Venzon, Moolgavkar 1988 (profile likelihood).
 * @returns null with fewer than three different numbers of units.
 * @throws {INVALID_INPUT} when a point is no error at a positive number of units.
 */
export function fitLearningCurve(points: readonly LearningPoint[]): LearningCurve | null {
  for (const { units, error, std = 1 } of points) {
    if (!(units > 0 && units < Infinity) || !(error >= 0 && error <= 1) || !(std > 0 && std < Infinity)) {
      throw new SottoError(
        'INVALID_INPUT',
        `learning curve: expected an error in [0, 1] at a positive number of units, got ${error} at ${units}`,
      );
    }
  }
  if (new Set(points.map(({ units }) => units)).size < 3) return null;
  const known = points.every(({ std }) => std !== undefined);
  const samples = points.map(({ units, error, std }) => ({
    log: Math.log(units),
    error,
    weight: known ? 1 / (std! * std!) : 1,
  }));
  const tried = Array.from({ length: triedExponents + 1 }, (_, i) => (i * largestExponent) / triedExponents);
  const best = tried.reduce((least, exponent) =>
    linearFit(samples, exponent).squares < linearFit(samples, least).squares ? exponent : least,
  );
  const step = largestExponent / triedExponents;
  const exponent = goldenSection(
    (at) => linearFit(samples, at).squares,
    Math.max(0, best - step),
    Math.min(largestExponent, best + step),
  );
  const fit = linearFit(samples, exponent);
  const freedom = points.length - 3;
  const slack = slackOf(fit.squares, freedom, known);
  return {
    asymptote: fit.asymptote,
    scale: fit.scale,
    exponent,
    squares: fit.squares,
    at: (units) => {
      if (!(units > 0)) throw new SottoError('INVALID_INPUT', `learning curve: expected units, got ${units}`);
      if (slack === null) return null;
      const place = Math.log(units);
      const value = clip(fit.asymptote + fit.scale * Math.exp(-exponent * place));
      let [low, high] = [value, value];
      for (const candidate of [...tried, exponent]) {
        const range = linearRange(samples, candidate, place, fit.squares + slack);
        if (range === null) continue;
        low = Math.min(low, clip(range.low));
        high = Math.max(high, clip(range.high));
      }
      return { value, low, high, noiseHalfWidth: 0 };
    },
    unitsFor: (gap) => {
      if (fit.scale === 0) return 0;
      if (!(gap > 0) || exponent === 0) return null;
      return Math.exp(Math.log(fit.scale / gap) / exponent);
    },
  };
}

/** How much more than the least squares a curve may have to be still within 95 %; null where nothing tells. */
function slackOf(squares: number, freedom: number, known: boolean): number | null {
  // Points that scatter more than their deviations say are believed.
  if (known) return z95 * z95 * Math.max(1, freedom > 0 ? squares / freedom : 1);
  return freedom > 0 ? (studentQuantile95(freedom) ** 2 * squares) / freedom : null;
}

type Sample = { readonly log: number; readonly error: number; readonly weight: number };

type Sums = {
  readonly w: number;
  readonly x: number;
  readonly y: number;
  readonly xx: number;
  readonly xy: number;
  readonly yy: number;
};

/** Weighted sums with x = n^-c. */
function sumsAt(samples: readonly Sample[], exponent: number): Sums {
  let [w, x, y, xx, xy, yy] = [0, 0, 0, 0, 0, 0];
  for (const { log: place, error, weight } of samples) {
    const at = Math.exp(-exponent * place);
    w += weight;
    x += weight * at;
    y += weight * error;
    xx += weight * at * at;
    xy += weight * at * error;
    yy += weight * error * error;
  }
  return { w, x, y, xx, xy, yy };
}

type LinearFit = { readonly asymptote: number; readonly scale: number; readonly squares: number };

/** The best a in [0, 1] and b ≥ 0 for an exponent: inside, or the best on an edge, as squares are convex in both. */
function linearFit(samples: readonly Sample[], exponent: number): LinearFit {
  const { w, x, y, xx, xy } = sumsAt(samples, exponent);
  const of = (asymptote: number, scale: number): LinearFit => {
    const squares = samples.reduce((sum, { log: place, error, weight }) => {
      const residual = error - asymptote - scale * Math.exp(-exponent * place);
      return sum + weight * residual * residual;
    }, 0);
    return { asymptote, scale, squares };
  };
  const candidates = [0, 1].map((asymptote) => of(asymptote, Math.max(0, (xy - asymptote * x) / xx)));
  candidates.push(of(clip(y / w), 0));
  const determinant = w * xx - x * x;
  // Of an exponent near 0 all n^-c are about 1, and a and b the same thing.
  if (determinant > 1e-12 * w * xx) {
    const scale = (w * xy - x * y) / determinant;
    const asymptote = (y - scale * x) / w;
    if (scale >= 0 && asymptote >= 0 && asymptote <= 1) return of(asymptote, scale);
  }
  return candidates.reduce((best, candidate) => (candidate.squares < best.squares ? candidate : best));
}

/** Least and largest a + b·n^-c of an exponent whose squares stay within a limit, a and b unbounded; null where none do. */
function linearRange(
  samples: readonly Sample[],
  exponent: number,
  place: number,
  limit: number,
): { readonly low: number; readonly high: number } | null {
  const { w, x, y, xx, xy } = sumsAt(samples, exponent);
  const determinant = w * xx - x * x;
  if (!(determinant > 1e-12 * w * xx)) return null;
  const scale = (w * xy - x * y) / determinant;
  const asymptote = (y - scale * x) / w;
  const least = samples.reduce((sum, { log: at, error, weight }) => {
    const residual = error - asymptote - scale * Math.exp(-exponent * at);
    return sum + weight * residual * residual;
  }, 0);
  // A curve that falls with more units alone is one.
  if (least > limit || scale < 0) return null;
  const at = Math.exp(-exponent * place);
  const variance = (xx - 2 * at * x + at * at * w) / determinant;
  const half = Math.sqrt((limit - least) * variance);
  const value = asymptote + scale * at;
  return { low: value - half, high: value + half };
}

/** The least point of a function with one valley between two numbers, to 1e-12. */
function goldenSection(valueOf: (at: number) => number, from: number, to: number): number {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [from, to];
  let [left, right] = [high - ratio * (high - low), low + ratio * (high - low)];
  let [atLeft, atRight] = [valueOf(left), valueOf(right)];
  while (high - low > 1e-12) {
    if (atLeft <= atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - ratio * (high - low);
      atLeft = valueOf(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + ratio * (high - low);
      atRight = valueOf(right);
    }
  }
  return (low + high) / 2;
}

function clip(error: number): number {
  return Math.min(1, Math.max(0, error));
}
