import type { CryptoPort } from '../crypto/index.ts';
import { fromHex } from '../vector/index.ts';
import type { Binding } from './binding.ts';
import type { RecoverJob } from './coordinator-state.ts';
import { firstRemoved, layerKeys } from './noise-chain.ts';

/**
 * What the survivors of a session gave away of their noise: of each that answered the keys of the layers to be taken out, the last of
 * them that of layer L; null when every layer is needed.
 */
export async function disclosedNoise(
  job: RecoverJob,
  crypto: CryptoPort,
): Promise<ReadonlyMap<string, readonly Uint8Array[]> | null> {
  const { levels, header, sessionId, rosterHash, survivors, answers } = job;
  const first = firstRemoved(levels, survivors.length);
  if (first === null) return null;
  const binding: Binding = { suite: header.suite, sessionId, rosterHash };
  const disclosed = new Map<string, readonly Uint8Array[]>();
  for (const { client, noiseKey } of answers) {
    if (noiseKey === undefined) continue;
    const keys = await layerKeys(crypto, binding, client, fromHex(noiseKey), first, levels.length - 1);
    disclosed.set(client, keys);
  }
  return disclosed;
}
