import { partLayers, sessionParts, type NoiseLeft, type Plan } from '@sotto/shared/plan';
import { removeLayers } from '@sotto/shared/queries';
import { disclosedNoise, type RecoverJob } from '@sotto/shared/secure-sum';
import type { RunPorts } from './ports.ts';

/**
 * Takes out of a recovered sum, in place, what noise its survivors do not need and gave away.
 * @returns what is left; null where the plan keeps all noise or every layer is needed
 */
export async function removeNoise(
  { crypto, pause }: Pick<RunPorts, 'crypto' | 'pause'>,
  plan: Plan,
  job: RecoverJob,
  sum: Int32Array,
): Promise<NoiseLeft | null> {
  const disclosed = await disclosedNoise(job, crypto);
  if (disclosed === null) return null;
  const clients = job.roster.length;
  const parts = sessionParts(plan, job.header.slots);
  const variances = parts.map((part) => partLayers(plan, part, clients));
  await removeLayers(sum, parts, variances, disclosed.values(), crypto.keyStream, pause);
  return { clients, whole: job.survivors.filter((client) => !disclosed.has(client)) };
}
