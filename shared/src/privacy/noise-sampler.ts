import { SottoError } from '../errors/index.ts';
import type { RandomSource } from '../random/index.ts';
import { buildGaussianTable, type GaussianTable } from './gaussian-table.ts';
import { minNoiseStdSteps } from './grid.ts';
import { requireSecure, type RandomnessOptions } from './sample.ts';

/** Adds discrete Gaussian noise of one variance to integer vectors. */
export type NoiseSampler = {
  /** v: variance of one coordinate's noise in steps². */
  readonly varianceSteps: number;
  /**
   * Adds a fresh draw to each of `length` coordinates from `offset` on.
   *
   * @throws {INVALID_INPUT} when the range does not fit, or the source is not the platform's CSPRNG
   */
  add(target: Int32Array, offset: number, length: number, random: RandomSource): void;
};

/** Largest σ₀ that is drawn from one table: twice what soundness.md §2.3.7 takes, so that most plans need two draws, not four. */
const largestTableStd = 1_024;
/** σ₀/√(a²+1) at least this wide keeps x = a·x₁ + x₂ within 8e^{−2π²·9} < 1e-76 of the discrete Gaussian. */
const smallestSmoothStd = 3;
/** 13 σ of noise stay below half of the ring Z/2^32. */
const largestStd = 2 ** 27;
const wordsAtOnce = 8_192;

/**
 * A sampler of N_Z(0, v), P(x) ∝ exp(−x²/2v), by lazy inversion of a 128-bit cumulative table: 32 random bits a draw,
 * 96 more only where those tie with a table entry (about once in a million draws), so each draw is exact to 2^-113.
 *
 * σ above 1,024 is drawn as x = a·x₁ + x₂ with σ₀ = σ/√(a²+1), above 349,000 twice nested, four table draws in all
 * (soundness.md §2.3.7). Rounding of σ₀ goes up. Tables are kept for later samplers.
 *
 * @param varianceSteps - v in steps²: 0 adds nothing (no privacy, or the coordinator's part), else 4 ≤ √v ≤ 2^27
 * @throws {INVALID_INPUT} when v is out of range
 */
export function createNoiseSampler(varianceSteps: number, options: RandomnessOptions = {}): NoiseSampler {
  const std = Math.sqrt(varianceSteps);
  if (varianceSteps !== 0 && !(std >= minNoiseStdSteps && std <= largestStd)) {
    throw new SottoError(
      'INVALID_INPUT',
      `noise of ${std} steps: expected a standard deviation of at least ${minNoiseStdSteps} and at most ${largestStd}`,
    );
  }
  const { factors, table } = varianceSteps === 0 ? noNoise : planLevels(varianceSteps);
  return {
    varianceSteps,
    add(target, offset, length, random) {
      if (!Number.isInteger(offset) || !Number.isInteger(length) || offset < 0 || length < 0) {
        throw new SottoError('INVALID_INPUT', `offset ${offset}, length ${length}: expected whole numbers from 0 up`);
      }
      if (offset + length > target.length) {
        throw new SottoError(
          'INVALID_INPUT',
          `offset ${offset}: ${length} coordinates do not fit into ${target.length}`,
        );
      }
      if (table === null) return;
      requireSecure(random, options);
      for (const factor of factors) addDraws(table, factor, target, offset, length, random);
    },
  };
}

/** A sum of independent table draws, each times a whole factor. */
type Levels = { readonly factors: readonly number[]; readonly table: GaussianTable | null };

const noNoise: Levels = { factors: [], table: null };

/** x = a·y₁ + y₂ for each level from the outside in; factors multiply. */
function planLevels(variance: number): Levels {
  let factors = [1];
  let inner = variance;
  while (Math.sqrt(inner) > largestTableStd) {
    const a = factorFor(Math.sqrt(inner));
    // Rounded up: a share below the stated variance would be in nobody's favour but the adversary's.
    inner = (inner / (a * a + 1)) * (1 + 2 ** -50);
    factors = factors.flatMap((factor) => [factor * a, factor]);
  }
  return { factors, table: tableOf(inner) };
}

/** The smallest whole a that reaches a table in one step, or else the largest that the smoothness condition allows. */
function factorFor(std: number): number {
  // No power of a variable: engines may differ in its last bit, and a removed layer is drawn by two of them.
  const width = std / (largestTableStd * (1 - 2 ** -40));
  const reaching = Math.ceil(Math.sqrt(Math.max(0, width * width - 1)));
  // σ₀/√(a²+1) = σ/(a²+1) ≥ 3
  const smoothest = Math.floor(Math.sqrt(std / smallestSmoothStd - 1));
  return Math.max(1, Math.min(reaching, smoothest));
}

const tables = new Map<number, GaussianTable>();
const tablesKept = 16;

function tableOf(variance: number): GaussianTable {
  const known = tables.get(variance);
  if (known !== undefined) return known;
  const built = buildGaussianTable(variance);
  const oldest = tables.keys().next();
  if (tables.size >= tablesKept && !oldest.done) tables.delete(oldest.value);
  tables.set(variance, built);
  return built;
}

function addDraws(
  table: GaussianTable,
  factor: number,
  target: Int32Array,
  offset: number,
  length: number,
  random: RandomSource,
): void {
  const { guide, upperWords, lowest } = table;
  const words = new Uint32Array(Math.min(length, wordsAtOnce));
  for (let begin = 0; begin < length; begin += words.length) {
    const count = Math.min(words.length, length - begin);
    const fresh = count === words.length ? words : words.subarray(0, count);
    random.words(fresh);
    const first = offset + begin;
    for (let i = 0; i < count; i += 1) {
      // i < count ≤ words.length; a half-word indexes the whole guide; the last upper word ends every search.
      const word = words[i]!;
      let index = guide[word >>> 16]!;
      while (upperWords[index]! < word) index += 1;
      if (upperWords[index]! === word) index = resolveTie(table, index, word, random);
      target[first + i] = target[first + i]! + factor * (lowest + index);
    }
  }
  // What was drawn is the noise: it stays in no buffer.
  words.fill(0);
}

/** Draws the lower 96 bits and finishes the search in full precision. */
function resolveTie(table: GaussianTable, from: number, word: number, random: RandomSource): number {
  const lower = new Uint32Array(3);
  random.words(lower);
  let draw = BigInt(word);
  for (const part of lower) draw = (draw << 32n) | BigInt(part);
  lower.fill(0);
  let index = from;
  // The last entry is 2^128, above every draw.
  while (draw >= table.cumulative[index]!) index += 1;
  return index;
}
