import type { RandomSource } from '../random/index.ts';

/**
 * Standard normal draws for perturbations of own rows; never for privacy noise, whose sampler is exact.
 * @see Box, Muller 1958.
 */
export function normalDraws(random: RandomSource): () => number {
  const words = new Uint32Array(2);
  let second: number | null = null;
  return () => {
    if (second !== null) {
      const kept = second;
      second = null;
      return kept;
    }
    random.words(words);
    const radius = Math.sqrt(-2 * Math.log((words[0]! + 0.5) / 2 ** 32));
    const angle = (2 * Math.PI * words[1]!) / 2 ** 32;
    second = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}
