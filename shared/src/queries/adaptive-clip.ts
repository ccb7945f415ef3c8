/**
 * How a client's update and the bit that tells whether it was clipped share one vector of norm 1 and one noise.
 *
 * The vector is [a·delta / C, ±r]: the delta clipped to the round's public bound C, and the bit b = 1 (not clipped) or 0 as b - 1/2.
 * The noise of each coordinate is z in units of the vector's norm bound, so the sum of the bits carries noise of z / 2r = sigma_b,
 * and what is left of the norm, a² = 1 - r², gives the deltas the multiplier z / a:
 * z^-2 = z_delta^-2 + (2·sigma_b)^-2. One vector, one norm, one event.
 * @see Andrew, Thakkar, McMahan, Ramaswamy 2021, Theorem 1.
 */
export type ClipBit = {
  /** r: what the bit's coordinate is worth, to either side. */
  readonly weight: number;
  /** a: the largest norm of the update's coordinates. */
  readonly updateNorm: number;
};

/**
 * The split of the norm.
 * @param noiseMultiplier - z of the joint vector; null without noise, where half is as good as any.
 * @param countStddev - sigma_b: deviation of the noise in the sum of the bits, > z / 2.
 */
export function clipBitOf(noiseMultiplier: number | null, countStddev: number): ClipBit {
  const weight = noiseMultiplier === null ? 0.5 : noiseMultiplier / (2 * countStddev);
  return { weight, updateNorm: Math.sqrt(1 - weight * weight) };
}

/**
 * The joint vector of an update, float64 [d + 1]. The bit counts updates that are within the bound, so that a bound which is too
 * small rises. An update that is no vector of numbers gives none either, and the door counts it as zero.
 */
export function withClipBit(delta: Float64Array, bit: ClipBit, clipNormL2: number): Float64Array {
  const norm = Math.sqrt(delta.reduce((sum, value) => sum + value * value, 0));
  const scale = bit.updateNorm / Math.max(norm, clipNormL2);
  const vector = new Float64Array(delta.length + 1);
  for (let index = 0; index < delta.length; index++) vector[index] = delta[index]! * scale;
  vector[delta.length] = norm <= clipNormL2 ? bit.weight : -bit.weight;
  return vector;
}

/** What to multiply sums of grid steps by: the update's coordinates to the model's scale, the last to a sum of b - 1/2. */
export function jointScales(
  bit: ClipBit,
  clipNormL2: number,
  part: { readonly gridStep: number; readonly normBoundSteps: number },
): { readonly update: number; readonly bit: number } {
  // What truncation makes of the bit: dividing by it leaves no bias.
  return {
    update: (part.gridStep * clipNormL2) / bit.updateNorm,
    bit: 1 / (2 * Math.trunc(bit.weight * part.normBoundSteps)),
  };
}
