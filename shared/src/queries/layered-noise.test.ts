import { describe, expect, it } from 'vitest';
import { createNobleCrypto } from '../crypto/noble-crypto.ts';
import { createNodeCrypto, createNodeRandom } from '../crypto/node.ts';
import type { PartSpec } from '../privacy/index.ts';
import { createSeededRandom } from '../random/index.ts';
import { noiseAlone } from './contribute-session.ts';
import { removeLayers, type NoiseLayers } from './layered-noise.ts';

const { keyStream } = createNodeCrypto();
const random = createNodeRandom();
const parts = [
  { dimension: 40_000, noiseVarianceSteps: 5_000 },
  // Wide enough for two draws a coordinate.
  { dimension: 30_000, noiseVarianceSteps: 4e6 },
] as unknown as readonly PartSpec[];
const variances = [
  [2_500, 1_500, 1_000],
  [2e6, 1.2e6, 8e5],
];
const newKeys = () => [random.bytes(32), random.bytes(32)];
const secureOnly = { allowInsecureRandom: false };

function variancesOf(integers: Int32Array): number[] {
  return [integers.subarray(0, 40_000), integers.subarray(40_000)].map(
    (part) => part.reduce((sum, value) => sum + value ** 2, 0) / part.length,
  );
}

describe('noise in layers', () => {
  it.each([
    ['nothing', 0],
    ['the outer layer', 1],
    ['both', 2],
  ])('has the variance of what is left after %s was taken out, part by part', async (_, removed) => {
    const layers: NoiseLayers = { variances, keys: newKeys(), keyStream };
    const integers = noiseAlone(parts, layers, random, secureOnly);
    await removeLayers(integers, parts, variances, [layers.keys.slice(2 - removed)], keyStream);
    const measured = variancesOf(integers);
    for (const [index, ofPart] of variances.entries()) {
      const left = ofPart.slice(0, 3 - removed).reduce((sum, variance) => sum + variance, 0);
      // Six standard deviations of an empirical variance.
      expect(Math.abs(measured[index]! / left - 1)).toBeLessThan(6 * Math.sqrt(2 / parts[index]!.dimension));
    }
  });

  it('leaves of several clients what each kept, to the last bit, by whichever library, beside any sum', async () => {
    const clients = [newKeys(), newKeys(), newKeys()];
    // The layer that stays is drawn from the same seed twice, so that the rest is all that differs.
    const drawn = (keys: Uint8Array[], by: NoiseLayers['keyStream']) =>
      noiseAlone(parts, { variances, keys, keyStream: by }, createSeededRandom('layer 0'), {
        allowInsecureRandom: true,
      });
    const plain = noiseAlone(
      parts.map((part, index) => ({ ...part, noiseVarianceSteps: variances[index]![0]! })),
      null,
      createSeededRandom('layer 0'),
      { allowInsecureRandom: true },
    );
    const start = new Int32Array(70_000);
    random.words(new Uint32Array(start.buffer));
    const noble = createNobleCrypto().keyStream;
    const sum = start.slice();
    for (const [index, keys] of clients.entries()) {
      const integers = drawn(keys, index === 1 ? noble : keyStream);
      for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + integers[i]!;
    }
    let pauses = 0;
    await removeLayers(sum, parts, variances, clients, noble, async () => {
      pauses += 1;
    });
    expect(sum).toEqual(start.map((value, i) => value + 3 * plain[i]!));
    expect(pauses).toBe(6);
  });

  it('takes its keys and the layer that stays from the CSPRNG alone', () => {
    const layers: NoiseLayers = { variances, keys: newKeys(), keyStream };
    expect(() => noiseAlone(parts, layers, createSeededRandom('x'), secureOnly)).toThrow(/CSPRNG/);
  });
});
