import type { CryptoPort } from '../crypto/index.ts';
import { layersKept, survivorLevels } from '../privacy/index.ts';
import { noiseLayerInfo, noiseNextInfo, type Binding } from './binding.ts';
import type { SumRules } from './rules.ts';

/**
 * The keys of one client's removable noise layers 1 … L form a chain: K₁ is drawn, K_{i+1} follows from K_i, and so does the key from
 * which layer i is drawn. Who is told K_i draws the layers i … L again and learns nothing of those before. The chain's end K_{L+1},
 * which leads to no layer, is signed with the upload, so that a false key is known from the true one by walking on.
 */

/** What a client learns of its noise when the session's cohort is fixed. */
export type ClientNoise = {
  /** Clients on the session's roster: they fix the layers' variances. */
  readonly clients: number;
  /** Keys of the layers 1 … L, 32 bytes each: secret. */
  readonly keys: readonly Uint8Array[];
};

/** Survivor counts at which noise is taken out; a single one where none is. */
export function noiseLevels(rules: SumRules, clients: number): readonly number[] {
  const { minSurvivors, colluding, removableNoise } = rules;
  if (removableNoise === undefined || rules.header.trust !== 'secure') return [minSurvivors];
  return survivorLevels(clients, minSurvivors, colluding, removableNoise);
}

/** The first layer that a sum over so many survivors is to be rid of, 1 … L; null when every layer is needed. */
export function firstRemoved(levels: readonly number[], survivors: number): number | null {
  const kept = layersKept(levels, survivors);
  return kept < levels.length ? kept : null;
}

/** K_to of the chain that has `key` as K_from. */
export async function walkChain(
  crypto: CryptoPort,
  binding: Binding,
  client: string,
  key: Uint8Array,
  from: number,
  to: number,
): Promise<Uint8Array> {
  let reached = key;
  for (let place = from; place < to; place++) {
    reached = await crypto.hkdf(reached, noiseNextInfo(binding, client, place), 32);
  }
  return reached;
}

/** Keys of the layers from `from` to `last`, of the chain that has `key` as K_from. */
export async function layerKeys(
  crypto: CryptoPort,
  binding: Binding,
  client: string,
  key: Uint8Array,
  from: number,
  last: number,
): Promise<Uint8Array[]> {
  const keys: Uint8Array[] = [];
  let reached = key;
  for (let layer = from; layer <= last; layer++) {
    keys.push(await crypto.hkdf(reached, noiseLayerInfo(binding, client, layer), 32));
    reached = await walkChain(crypto, binding, client, reached, layer, layer + 1);
  }
  return keys;
}
