/**
 * The search behind the table of `graph-parameters.ts`, after Bell et al. 2020, with hypergeometric tails in place of their
 * bounds. It runs in tests: what a session uses are the table's integers.
 */
export type GraphTerms = {
  /** γ: fraction of the clients that collude with the coordinator. */
  readonly corrupt: number;
  /** δ: fraction of the clients that drop out. */
  readonly dropout: number;
  /** σ: a secret is open, or honest clients are apart, with probability 2^-σ at most. */
  readonly secrecyBits: number;
  /** η: a session that loses δ of its clients at random cannot be recovered with probability 2^-η at most. */
  readonly recoveryBits: number;
  /** `malicious`: the coordinator may lie; rule M is kept. */
  readonly rule: 'semi-honest' | 'malicious';
};

/** Which thresholds t a degree k allows; none when `least` is above `most`. */
export type ThresholdRange = { readonly least: number; readonly most: number };

/**
 * Thresholds for `n` clients of `k` neighbours each. X: corrupt neighbours of an honest client; Y: neighbours that stay.
 * - E1, secrecy: P[X ≥ t] ≤ 2^-σ / n.
 * - E2, honest clients stay connected: n (γ + δ)^(k/2) ≤ 2^-σ; a complete graph always is.
 * - E3, recovery: P[Y < t] ≤ 2^-η / n.
 * - M, no two views of one client open both its secrets: 2t > k + k_c, where P[X > k_c] ≤ 2^-σ / n.
 */
export function thresholdsAllowed(n: number, k: number, terms: GraphTerms): ThresholdRange {
  const { corrupt, dropout, secrecyBits, recoveryBits, rule } = terms;
  const secrecy = 2 ** -secrecyBits / n;
  const corruptAbove = tailsAbove(n - 1, wholeOf(corrupt, n), k);
  const least = corruptAbove.findIndex((probability) => probability <= secrecy);
  const connected = k === n - 1 || n * (corrupt + dropout) ** (k / 2) <= 2 ** -secrecyBits;
  // P[Y < t] is P[lost > k − t].
  const lostAbove = tailsAbove(n - 1, wholeOf(dropout, n), k);
  const spare = lostAbove.findIndex((probability) => probability <= 2 ** -recoveryBits / n) - 1;
  const most = connected ? k - spare : 0;
  // P[X ≥ least] is small enough, so k_c = least − 1.
  return { least: rule === 'malicious' ? Math.max(least, Math.floor((k + least - 1) / 2) + 1) : least, most };
}

/** The smallest k, even unless the graph is complete, and the smallest t; null where not even the complete graph will do. */
export function searchGraph(n: number, terms: GraphTerms): { readonly k: number; readonly t: number } | null {
  for (let k = 2; k <= n; k += 2) {
    const degree = Math.min(k, n - 1);
    const { least, most } = thresholdsAllowed(n, degree, terms);
    if (least <= most) return { k: degree, t: least };
  }
  return null;
}

/**
 * The fewest signers that any k/2 places in a row must have, so that with probability 1 − 2^-σ no two stretches apart from one
 * another are without an honest one: of n² / 2 pairs of stretches each has so many corrupt clients with the square, at most, of
 * one stretch's probability.
 */
export function spreadNeeded(n: number, k: number, { corrupt, secrecyBits }: GraphTerms): number {
  const above = tailsAbove(n, wholeOf(corrupt, n), k / 2);
  return above.findIndex((probability) => (n * probability) ** 2 / 2 <= 2 ** -secrecyBits);
}

/** The largest whole number of clients that is no more than a fraction of them. */
function wholeOf(fraction: number, n: number): number {
  return Math.floor(fraction * n + 1e-9);
}

/**
 * P[X ≥ x] for x = 0 … draws + 1, X hypergeometric: marked ones among `draws` drawn of `all` without putting back.
 * @returns [draws + 2]; relative error about 1e-12, summed from the small end
 */
export function tailsAbove(all: number, marked: number, draws: number): number[] {
  const tails = Array.from({ length: draws + 2 }, () => 0);
  for (let x = draws; x >= 0; x--) {
    const log = logChoose(marked, x) + logChoose(all - marked, draws - x) - logChoose(all, draws);
    tails[x] = tails[x + 1]! + Math.exp(log);
  }
  return tails;
}

const logFactorials = [0];

/** ln of the binomial coefficient; −∞ where it is zero. */
function logChoose(n: number, k: number): number {
  if (k < 0 || k > n) return -Infinity;
  for (let i = logFactorials.length; i <= n; i++) logFactorials.push(logFactorials[i - 1]! + Math.log(i));
  return logFactorials[n]! - logFactorials[k]! - logFactorials[n - k]!;
}
