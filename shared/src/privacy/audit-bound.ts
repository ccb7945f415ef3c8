import { SottoError } from '../errors/index.ts';
import { binomialMass, binomialUpperTail, type Odds } from './binomial.ts';

/** What a one-run audit saw. */
export type AuditCounts = {
  /** m: canaries, each in the data by a fair coin of its own. At least 50. */
  readonly canaries: number;
  /** r: of how many the auditor said whether they are in. Fixed before any guess is looked at. */
  readonly guesses: number;
  /** v: guesses that were right. */
  readonly correct: number;
  /** δ of the claim that is tested, in [0, 1). */
  readonly delta: number;
};

export type AuditBoundInput = AuditCounts & {
  /** The chance, in (0, 1), that the bound of a mechanism that keeps its promise comes out above its true ε. */
  readonly significance: number;
  /**
   * How many values of r were looked at, 1 when r was fixed in advance. The significance is split among them: the best of
   * several r, reported as if it had been the only one, is no bound.
   */
  readonly guessesTried?: number;
};

export type AuditBound = {
  /** No (ε, δ)-DP mechanism with ε at or below this does so well, except with probability `significance`. 0: nothing is shown. */
  readonly epsilonLowerBound: number;
  /** The p-value of ε = 0: how surprising the guesses are if the mechanism tells nothing. */
  readonly pValueAtZero: number;
  /** The bound that the same m and r would give if every guess were right: no audit of this size can show more. */
  readonly ceiling: number;
};

const canariesMin = 50;
/** 1e9 keeps whole numbers, and their squares' ratios, far inside doubles. */
const canariesMax = 1e9;

/**
 * Lower bound on ε from one run with m independent canaries: the largest ε whose p-value is below the significance, and 0
 * when already ε = 0 is not rejected.
 *
 * It says nothing about how good the promise is: an attack can be weak. A correct Gaussian mechanism shows about half of
 * its ε, and no result passes `ceiling`.
 *
 * @throws {INVALID_INPUT} naming value and rule, when m < 50, r > m, v > r, or a number is no number of its kind
 * @see Steinke, Nasr and Jagielski 2023, "Privacy auditing with one (1) training run", Theorem 5.2 and Appendix D
 */
export function auditBound(input: AuditBoundInput): AuditBound {
  checkCounts(input);
  const { significance, guessesTried = 1 } = input;
  if (!(significance > 0 && significance < 1)) {
    throw new SottoError('INVALID_INPUT', `significance ${significance}: expected a number in (0, 1)`);
  }
  requireWhole('guessesTried', guessesTried, 1, canariesMax, 'how many values of guesses were looked at');
  const level = significance / guessesTried;
  return {
    epsilonLowerBound: largestRejected(input, level),
    pValueAtZero: pValue(input, 0),
    ceiling: largestRejected({ ...input, correct: input.guesses }, level),
  };
}

/**
 * Chance that some (ε, δ)-DP mechanism lets v or more of r guesses come out right:
 * P[Bin(r, q) ≥ v] + 2mδ max_i P[v − i ≤ Bin(r, q) < v] / i with q = e^ε/(1 + e^ε); at most 1.
 *
 * @param epsilon - ε ≥ 0, finite
 * @throws {INVALID_INPUT} as {@link auditBound}
 */
export function auditPValue(counts: AuditCounts, epsilon: number): number {
  checkCounts(counts);
  if (!(epsilon >= 0 && epsilon < Infinity)) {
    throw new SottoError('INVALID_INPUT', `epsilon ${epsilon}: expected a finite number from 0 up`);
  }
  return pValue(counts, epsilon);
}

function pValue({ canaries, guesses, correct, delta }: AuditCounts, epsilon: number): number {
  const odds: Odds = { win: 1 / (1 + Math.exp(-epsilon)), lose: 1 / (1 + Math.exp(epsilon)) };
  const right = binomialUpperTail(correct, guesses, odds);
  const failure = delta === 0 ? 0 : 2 * canaries * delta * largestMeanBelow(correct, guesses, odds);
  return Math.min(1, right + failure);
}

/** max over i = 1 … v of P[v − i ≤ Bin(n, win) < v] / i: the largest mean of the masses just below v; 0 for v = 0. */
function largestMeanBelow(v: number, n: number, odds: Odds): number {
  if (v === 0) return 0;
  const { win, lose } = odds;
  const mode = Math.min(n, Math.floor((n + 1) * win));
  // Masses fall from the mode down, so there the nearest is the largest mean.
  if (v - 1 <= mode) return binomialMass(v - 1, n, odds);
  const peak = binomialMass(mode, n, odds);
  let sum = peak;
  let mass = peak;
  // Toward v the masses fall; what is left out is below the rounding of the sum.
  for (let k = mode + 1; k < v && mass > 1e-20 * peak; k += 1) {
    mass *= ((n - k + 1) * win) / (k * lose);
    sum += mass;
  }
  // Between the mode and v the mean grows with every mass, beyond the mode until a mass is below the mean.
  let mean = sum / (v - mode);
  mass = peak;
  for (let k = mode - 1; k >= 0; k -= 1) {
    mass *= ((k + 1) * lose) / ((n - k) * win);
    if (mass <= mean) break;
    sum += mass;
    mean = sum / (v - k);
  }
  return mean;
}

/** Bisection to the last bit: the lower end is always rejected. */
function largestRejected(counts: AuditCounts, level: number): number {
  if (pValue(counts, 0) >= level) return 0;
  let low = 0;
  let high = 1;
  while (pValue(counts, high) < level) {
    low = high;
    high *= 2;
  }
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high || high - low < 1e-13) return low;
    if (pValue(counts, middle) < level) low = middle;
    else high = middle;
  }
}

function checkCounts({ canaries, guesses, correct, delta }: AuditCounts): void {
  requireWhole('canaries', canaries, canariesMin, canariesMax, `at least ${canariesMin} canaries show anything`);
  requireWhole('guesses', guesses, 0, canaries, 'no more guesses than canaries');
  requireWhole('correct', correct, 0, guesses, 'no more right guesses than guesses');
  if (!(typeof delta === 'number' && delta >= 0 && delta < 1)) {
    throw new SottoError('INVALID_INPUT', `delta ${delta}: expected a number in [0, 1)`);
  }
}

function requireWhole(field: string, value: number, least: number, most: number, rule: string): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new SottoError('INVALID_INPUT', `${field} ${value}: expected a whole number in [${least}, ${most}]: ${rule}`);
  }
}
