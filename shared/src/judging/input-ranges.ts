import { SottoError } from '../errors/index.ts';
import type { InputColumn } from '../model/index.ts';

/** What an encoded input cannot leave, for example a pixel [0, 1]. */
export type InputRange = { readonly low: number; readonly high: number };

/** One for all inputs, or one an input; null: anything. */
export type InputRanges = InputRange | readonly InputRange[] | null;

/** The public ranges of a schema's inputs, one an input. */
export function inputRanges(columns: readonly InputColumn[]): readonly InputRange[] {
  return columns.flatMap(({ from, to, low, high }) => Array.from({ length: to - from }, () => ({ low, high })));
}

/**
 * The inputs that are amounts: numbers and pixels. What moves an input a little leaves out the others: half a category is nothing that
 * a device could measure.
 */
export function amountInputs(columns: readonly InputColumn[]): readonly number[] {
  return columns.flatMap(({ kind, from, to }) =>
    kind === 'category' ? [] : Array.from({ length: to - from }, (_, index) => from + index),
  );
}

/** The value within the range of its input. */
export function withinRange(value: number, ranges: InputRanges, input: number): number {
  if (ranges === null) return value;
  const { low, high } = 'low' in ranges ? ranges : ranges[input]!;
  return Math.min(high, Math.max(low, value));
}

/**
 * Fails unless there is a range for each input, where they are given one by one.
 * @throws {INVALID_INPUT} naming what they are for.
 */
export function requireRanges(what: string, ranges: InputRanges, width: number): void {
  if (ranges !== null && !('low' in ranges) && ranges.length !== width) {
    throw new SottoError('INVALID_INPUT', `${what}: expected ${width} ranges, got ${ranges.length}`);
  }
}

/**
 * Fails unless the places name inputs.
 * @throws {INVALID_INPUT} naming what they are for.
 */
export function requirePlaces(what: string, places: readonly number[], width: number): void {
  const broken = places.find((place) => !(Number.isInteger(place) && place >= 0 && place < width));
  if (broken !== undefined) {
    throw new SottoError('INVALID_INPUT', `${what}: expected inputs below ${width}, got ${broken}`);
  }
}
