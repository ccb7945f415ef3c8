/**
 * A stream of 32-bit integers from a seed, by integer operations alone: the same on every engine. For initial weights,
 * shuffles and dropout; never for keys, noise or the sampling coin.
 *
 * @see Blackman, Vigna 2021, "Scrambled Linear Pseudorandom Number Generators": xoshiro128**. The seed is absorbed by
 * MurmurHash3's 32-bit finaliser.
 */
export function integerStream(seed: Uint8Array): () => number {
  let hash = 0x9e3779b9 ^ seed.length;
  for (const byte of seed) hash = finalise((hash + 0x9e3779b9) ^ byte);
  const next = (): number => {
    hash = (hash + 0x9e3779b9) | 0;
    return finalise(hash);
  };
  let a = next();
  let b = next();
  let c = next();
  // The state must not be all zero.
  let d = next() | 1;
  return () => {
    const scaled = Math.imul(b, 5);
    const result = Math.imul((scaled << 7) | (scaled >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  };
}

function finalise(word: number): number {
  let mixed = word;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
