import type { CryptoPort } from '../../crypto/index.ts';
import { createNoiseSampler, layerVariances } from '../../privacy/index.ts';
import { fromHex, toHex } from '../../vector/index.ts';
import type { Binding } from '../binding.ts';
import { firstRemoved, layerKeys, noiseLevels, walkChain } from '../noise-chain.ts';
import { testHeader } from './harness.ts';

/** `vectors/v1/noise.json`: a chain of noise keys and the first draws of each layer. All bytes are hexadecimal. */
export type NoiseVectors = {
  readonly reading: string;
  readonly binding: Binding;
  readonly client: string;
  readonly clients: number;
  readonly minSurvivors: number;
  readonly colluding: number;
  /** V(m), steps². */
  readonly shareVariance: number;
  readonly levels: readonly number[];
  readonly variances: readonly number[];
  /** K₁ … K_{L+1}. */
  readonly chain: readonly string[];
  /** By number of survivors: the first layer that is removed, or null. */
  readonly firstRemoved: Readonly<Record<string, number | null>>;
  /** Layers 1 … L. */
  readonly layers: readonly { readonly key: string; readonly draws: readonly number[] }[];
};

const drawsShown = 12;

/** What follows from fixed inputs. Written down by `write-vectors.ts`. */
export async function recordNoise(crypto: CryptoPort): Promise<NoiseVectors> {
  const binding: Binding = { suite: 'x25519', sessionId: '11'.repeat(32), rosterHash: '22'.repeat(32) };
  const client = '33'.repeat(20);
  const [clients, minSurvivors, colluding, shareVariance] = [10, 7, 2, 3_000_000.5];
  const rules = { header: testHeader(drawsShown), identities: new Map(), minSurvivors, colluding };
  const levels = noiseLevels({ ...rules, removableNoise: shareVariance }, clients);
  const variances = layerVariances(levels, colluding, shareVariance);
  const first = fromHex('44'.repeat(32));
  const places = levels.map((_, index) => index + 1);
  const chain = await Promise.all(places.map((place) => walkChain(crypto, binding, client, first, 1, place)));
  const keys = await layerKeys(crypto, binding, client, first, 1, levels.length - 1);
  return {
    reading:
      'The noise of one client of ten. `chain` is K₁, which is drawn, and what follows from it; the last is signed with the upload. Layer ' +
      'i is drawn from the AES-256-CTR stream of `layers[i − 1].key`, read as little-endian 32-bit words, with variance `variances[i]`; ' +
      'with so many survivors the chain’s key at `firstRemoved` is given away.',
    binding,
    client,
    clients,
    minSurvivors,
    colluding,
    shareVariance,
    levels,
    variances,
    chain: chain.map(toHex),
    firstRemoved: Object.fromEntries([7, 8, 9, 10].map((survivors) => [survivors, firstRemoved(levels, survivors)])),
    layers: keys.map((key, index) => {
      const draws = new Int32Array(drawsShown);
      const stream = crypto.keyStream(key, { secure: true });
      createNoiseSampler(variances[index + 1]!).add(draws, 0, drawsShown, stream);
      return { key: toHex(key), draws: [...draws] };
    }),
  };
}
