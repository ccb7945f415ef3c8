import { SottoError } from '../errors/index.ts';
import type { PartSpec } from '../privacy/index.ts';

/**
 * A session's released integers cut into its parts, as views, in order.
 * @throws {INVALID_INPUT} when the length is not that of all parts together.
 */
export function splitParts(
  parts: readonly PartSpec[],
  integers: Int32Array,
): readonly { readonly part: PartSpec; readonly integers: Int32Array }[] {
  const length = parts.reduce((sum, part) => sum + part.dimension, 0);
  if (integers.length !== length) {
    throw new SottoError(
      'INVALID_INPUT',
      `the session's parts have ${length} coordinates, the sum has ${integers.length}`,
    );
  }
  let offset = 0;
  return parts.map((part) => {
    offset += part.dimension;
    return { part, integers: integers.subarray(offset - part.dimension, offset) };
  });
}
