import { initialServerState, publishWeights, type ServerState } from '@sotto/shared/learning';
import { initialWeights, weightsToBytes } from '@sotto/shared/model';
import { queryContext, releaseFormOf, type Plan, type SignedPlan } from '@sotto/shared/plan';
import type { RunCommit, RunRecord } from '../store/store.ts';
import type { RunPorts } from './ports.ts';
import type { RunEvent } from './run-events.ts';
import { transcriptGenesis, transcriptRecord } from './transcript.ts';

/** The first events' commit of a run, and its first model in the blobs. */
export async function firstCommit(ports: RunPorts, record: RunRecord, signedPlan: SignedPlan): Promise<RunCommit> {
  const { runId, planHash } = record;
  const modelHash = await ports.blobs.put(weightsToBytes(publishWeights(firstServerState(signedPlan.plan))));
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

/** The server's state before the first release: from the plan alone. */
export function firstServerState(plan: Plan): ServerState {
  const { topology, inputs } = queryContext(plan);
  const weights = initialWeights(topology, inputs, plan.initialWeights.seed);
  return initialServerState(plan.training.strategy, weights, releaseFormOf(plan));
}
