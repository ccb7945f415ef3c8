import { sha256 } from '@sotto/shared/crypto';
import { SottoError } from '@sotto/shared/errors';
import { initialServerState, publishWeights, type ServerState } from '@sotto/shared/learning';
import { initialWeights, requireWeights, weightsFromBytes, weightsToBytes } from '@sotto/shared/model';
import { queryContext, releaseFormOf, type Plan, type SignedPlan } from '@sotto/shared/plan';
import { toHex } from '@sotto/shared/vector';
import type { Blobs, RunCommit, RunRecord } from '../store/store.ts';
import type { RunPorts } from './ports.ts';
import type { RunEvent } from './run-events.ts';
import { transcriptGenesis, transcriptRecord } from './transcript.ts';

/** The first events' commit of a run, and its first model in the blobs. */
export async function firstCommit(ports: RunPorts, record: RunRecord, signedPlan: SignedPlan): Promise<RunCommit> {
  const { runId, planHash } = record;
  const state = await firstServerState(signedPlan.plan, ports.blobs);
  const modelHash = await ports.blobs.put(weightsToBytes(publishWeights(state)));
  const event: RunEvent = { type: 'runSubmitted', at: record.submittedAt, modelHash };
  const transcript = transcriptRecord(0, {
    type: 'run',
    version: 1,
    previous: transcriptGenesis,
    runId,
    planHash,
    modelHash,
  });
  return { runId, sequence: 0, event: JSON.stringify(event), run: record, transcript };
}

/**
 * The server's state before the first release: from the plan, and from the weights that it names.
 * @throws {NOT_FOUND} when those are not among the blobs; {INVALID_INPUT} when they are no model of the plan's topology.
 */
export async function firstServerState(plan: Plan, blobs: Pick<Blobs, 'get'>): Promise<ServerState> {
  return initialServerState(plan.training.strategy, await firstWeights(plan, blobs), releaseFormOf(plan));
}

async function firstWeights(plan: Plan, blobs: Pick<Blobs, 'get'>): Promise<Float32Array> {
  const { topology, inputs } = queryContext(plan);
  const { seed, checkpoint } = plan.initialWeights;
  if (checkpoint === undefined) return initialWeights(topology, inputs, seed);
  const bytes = await blobs.get(checkpoint);
  if (bytes === null) {
    throw new SottoError(
      'NOT_FOUND',
      `plan.initialWeights.checkpoint: the weights ${checkpoint} are not here; submit the plan with sotto run --initial FILE`,
    );
  }
  const found = toHex(sha256(bytes));
  if (found !== checkpoint) {
    throw new SottoError(
      'INVALID_INPUT',
      `plan.initialWeights.checkpoint: expected ${checkpoint}, the blob is ${found}`,
    );
  }
  const weights = weightsFromBytes(bytes);
  requireWeights(topology, inputs, weights);
  const place = weights.findIndex((weight) => !Number.isFinite(weight));
  if (place >= 0) {
    throw new SottoError('INVALID_INPUT', `plan.initialWeights.checkpoint: coordinate ${place} is no finite number`);
  }
  return weights;
}
