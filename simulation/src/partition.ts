import { SottoError } from '@sotto/shared/errors';
import { shuffle, type RandomSource } from '@sotto/shared/random';

/** How a table's units are divided among clients. */
export type PartitionRule =
  | { readonly kind: 'iid' }
  /** Each label's units are divided by proportions of their own: the smaller α, the more the clients differ. */
  | { readonly kind: 'dirichlet'; readonly alpha: number }
  /** Every value of a column is a client. */
  | { readonly kind: 'column'; readonly column: string };

/** Which units each client holds: ascending positions in the table. Every unit is held once. */
export type Shares = readonly (readonly number[])[];

/**
 * Reads `iid`, `dirichlet:0.3` or `column:NAME`.
 * @throws {INVALID_INPUT} naming what is not understood.
 */
export function parsePartition(text: string): PartitionRule {
  const [kind, ...rest] = text.split(':');
  const value = rest.join(':');
  if (kind === 'iid' && rest.length === 0) return { kind };
  if (kind === 'column' && value !== '') return { kind, column: value };
  if (kind === 'dirichlet') {
    const alpha = Number(value);
    if (value !== '' && alpha > 0 && alpha <= 1e6) return { kind, alpha };
    throw new SottoError('INVALID_INPUT', `partition ${text}: expected dirichlet:α with α in (0, 1000000]`);
  }
  throw new SottoError('INVALID_INPUT', `partition ${text}: expected iid, dirichlet:α or column:NAME`);
}

/** Units dealt at random, in shares that differ by one at most. */
export function sharesIid(units: number, clients: number, random: RandomSource): Shares {
  const order = shuffle(
    random,
    Array.from({ length: units }, (_, unit) => unit),
  );
  const even = Array.from({ length: clients }, () => 1);
  return cut(order, even).map(ascending);
}

/**
 * Label skew: for each label, proportions drawn from a symmetric Dirichlet distribution. A client may come away with nothing.
 * @param labels - of each unit, in the order of the table
 * @param alpha - concentration, > 0: near 0 each label has one owner, large is near to iid
 * @see Hsu, Qi, Brown 2019 (arXiv 1909.06335) §3
 */
export function sharesByLabel(labels: readonly string[], clients: number, alpha: number, random: RandomSource): Shares {
  const ofLabel = new Map<string, number[]>();
  labels.forEach((label, unit) => {
    const units = ofLabel.get(label);
    if (units === undefined) ofLabel.set(label, [unit]);
    else units.push(unit);
  });
  const shares: number[][] = Array.from({ length: clients }, () => []);
  for (const [, units] of [...ofLabel].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const proportions = drawDirichlet(clients, alpha, random);
    cut(shuffle(random, units), proportions).forEach((part, client) => shares[client]?.push(...part));
  }
  return shares.map(ascending);
}

/** Units by the value of a column, the values in order. */
export function sharesByColumn(values: readonly string[]): ReadonlyMap<string, readonly number[]> {
  const shares = new Map<string, number[]>();
  for (const value of [...new Set(values)].toSorted()) shares.set(value, []);
  values.forEach((value, unit) => shares.get(value)?.push(unit));
  return shares;
}

/** Pieces of a list in these proportions, each end rounded to the nearest item. */
function cut(items: readonly number[], proportions: readonly number[]): number[][] {
  const total = proportions.reduce((sum, proportion) => sum + proportion, 0);
  let before = 0;
  let start = 0;
  return proportions.map((proportion, index) => {
    before += proportion;
    const end = index === proportions.length - 1 ? items.length : Math.round((before / total) * items.length);
    const piece = items.slice(start, end);
    start = Math.max(start, end);
    return piece;
  });
}

/** Proportions [n] from a symmetric Dirichlet distribution, by gamma variates whose logarithms keep small α from vanishing. */
function drawDirichlet(n: number, alpha: number, random: RandomSource): number[] {
  const logs = Array.from({ length: n }, () => logGamma(alpha, random));
  const most = Math.max(...logs);
  return logs.map((log) => Math.exp(log - most));
}

/** Logarithm of a Gamma(α, 1) variate. @see Marsaglia, Tsang 2000; α < 1 by G(α) = G(α + 1) · U^(1/α), §6 */
function logGamma(alpha: number, random: RandomSource): number {
  if (alpha < 1) return logGamma(alpha + 1, random) + Math.log(uniform(random)) / alpha;
  const d = alpha - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(uniform(random)) < 0.5 * x * x + d - d * v + d * Math.log(v)) return Math.log(d * v);
  }
}

/** @see Box, Muller 1958 */
function normal(random: RandomSource): number {
  return Math.sqrt(-2 * Math.log(uniform(random))) * Math.cos(2 * Math.PI * uniform(random));
}

/** Uniform in (0, 1): 32 bits and a half, so that it is never 0. */
function uniform(random: RandomSource): number {
  const word = new Uint32Array(1);
  random.words(word);
  return ((word[0] ?? 0) + 0.5) / 4_294_967_296;
}

function ascending(units: readonly number[]): number[] {
  return units.toSorted((a, b) => a - b);
}
