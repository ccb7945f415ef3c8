import type { CryptoPort } from '@sotto/shared/crypto';
import { SottoError } from '@sotto/shared/errors';
import { weightsFromBytes } from '@sotto/shared/model';
import { planHashOf, type Plan } from '@sotto/shared/plan';
import type { ClientTransport } from '@sotto/shared/protocol';
import { toHex } from '@sotto/shared/vector';
import type { ClientModel } from './client.ts';

/**
 * The model that a run ended with.
 * @throws {MESSAGE_INVALID} when other bytes come than the coordinator named; {CANCELLED} when the client closes meanwhile.
 */
export async function fetchModel(
  transport: Pick<ClientTransport, 'fetchBlob'>,
  crypto: Pick<CryptoPort, 'sha256'>,
  { plan, modelHash, runId }: { readonly plan: Plan; readonly modelHash: string; readonly runId: string },
): Promise<ClientModel> {
  const bytes = await transport.fetchBlob(modelHash);
  const hash = toHex(await crypto.sha256(bytes));
  if (hash !== modelHash) {
    throw new SottoError('MESSAGE_INVALID', `the final model has hash ${hash}, expected ${modelHash}`);
  }
  return { runId, planHash: planHashOf(plan), plan, modelHash, weights: weightsFromBytes(bytes) };
}
