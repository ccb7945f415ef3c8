import { SottoError } from '../errors/index.ts';

/**
 * Number of whole rows that the inputs hold.
 * @throws {INVALID_INPUT} when they hold a part of one.
 */
export function rowsOf(inputs: Float64Array, width: number): number {
  if (inputs.length % width !== 0) {
    throw new SottoError('INVALID_INPUT', `inputs: expected rows of ${width}, got ${inputs.length} values`);
  }
  return inputs.length / width;
}
