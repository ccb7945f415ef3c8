/**
 * Where random bytes come from. The core never makes randomness of its own: the platform's CSPRNG is passed in by the
 * edge, a seeded stream by simulation and tests.
 */
export type RandomSource = {
  /** Whether this is the platform's CSPRNG, or a cipher's stream under a key from it. Noise and keys refuse any other source outside simulation and tests. */
  readonly secure: boolean;
  /** Fresh bytes in new memory. */
  bytes(length: number): Uint8Array;
  /** Fills the words with fresh uniform 32-bit values. */
  words(target: Uint32Array): void;
};
