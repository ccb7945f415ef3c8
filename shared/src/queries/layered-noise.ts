import type { KeyStream } from '../crypto/index.ts';
import { createNoiseSampler, type PartSpec, type RandomnessOptions } from '../privacy/index.ts';
import type { RandomSource } from '../random/index.ts';

/** Noise of a session that is drawn in layers (`privacy/noise-layers.ts`), of which the outer ones may be taken out of the sum. */
export type NoiseLayers = {
  /** Variances, in steps², of the layers 0 … L of each part, in the order of the parts. */
  readonly variances: readonly (readonly number[])[];
  /** Secret keys of the layers 1 … L; layer 0, which always stays, has none and is drawn from the device's CSPRNG. */
  readonly keys: readonly Uint8Array[];
  readonly keyStream: KeyStream;
};

/** Adds the noise of a session's parts. */
export type NoiseDraws = {
  /** Adds one part's noise to its integers, which begin at `offset`. Parts have to come in their order: layers are one stream each. */
  add(part: number, integers: Int32Array, offset: number): void;
};

/** The noise of one client in one session. @param layers - null: of each part in one draw, nothing of which is ever removed */
export function drawNoise(
  parts: readonly PartSpec[],
  layers: NoiseLayers | null,
  random: RandomSource,
  options: RandomnessOptions,
): NoiseDraws {
  const streams = [random, ...(layers?.keys.map((key) => layers.keyStream(key, random)) ?? [])];
  return {
    add(index, integers, offset) {
      const { dimension, noiseVarianceSteps } = parts[index]!;
      const variances = layers === null ? [noiseVarianceSteps] : layers.variances[index]!;
      for (const [layer, variance] of variances.entries()) {
        if (variance === 0) continue;
        createNoiseSampler(variance, options).add(integers, offset, dimension, streams[layer]!);
      }
    },
  };
}

// What is taken out protects nobody, so it may be drawn from anything.
const notKept = { secure: false } as const;

/**
 * Takes layers out of a sum, in place, modulo 2^32: the same draws as each client's, subtracted.
 * @param sum - of the survivors' vectors, parts one after the other
 * @param disclosed - of each client the keys of its outermost layers, the last of them that of layer L
 * @param pause - lets others have the thread after each layer of each client
 */
export async function removeLayers(
  sum: Int32Array,
  parts: readonly PartSpec[],
  variances: NoiseLayers['variances'],
  disclosed: Iterable<readonly Uint8Array[]>,
  keyStream: NoiseLayers['keyStream'],
  pause: () => Promise<void> = async () => undefined,
): Promise<void> {
  negate(sum);
  for (const keys of disclosed) {
    for (const [place, key] of keys.entries()) {
      const stream = keyStream(key, notKept);
      let offset = 0;
      for (const [index, { dimension }] of parts.entries()) {
        const ofPart = variances[index]!;
        const sampler = createNoiseSampler(ofPart[ofPart.length - keys.length + place]!, { allowInsecureRandom: true });
        sampler.add(sum, offset, dimension, stream);
        offset += dimension;
      }
      await pause();
    }
  }
  negate(sum);
}

function negate(words: Int32Array): void {
  for (let index = 0; index < words.length; index++) words[index] = -words[index]!;
}
