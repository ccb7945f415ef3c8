import { SottoError } from '@sotto/shared/errors';
import { decodeServerState, type ServerState } from '@sotto/shared/learning';
import { createBlobRetention, type BlobRetention } from './blob-retention.ts';
import type { RunPorts } from './ports.ts';
import { firstServerState } from './run-beginning.ts';
import { runEventSchema } from './run-events.ts';
import { applyRunEvent } from './run-fold.ts';
import { initialRunState, type RunFacts, type RunState } from './run-state.ts';
import { transcriptEntrySchema, transcriptGenesis } from './transcript.ts';

/** A run as the store has it, and nothing else. */
export type RestoredRun = {
  readonly state: RunState;
  /** Number of events. */
  readonly sequence: number;
  readonly transcriptLength: number;
  /** Hash of the last entry. */
  readonly transcriptHash: string;
  readonly server: ServerState;
  /** Bytes counted up to the last event that carries them. */
  readonly traffic: { readonly up: number; readonly down: number };
  readonly retention: BlobRetention;
  /** Blobs that a killed process did not come to remove. */
  readonly needless: readonly string[];
};

/**
 * Reads a run back from store and blobs.
 * @throws {STORE_FAILED} when the last checkpoint's blob is gone.
 */
export async function restoreRun({ store, blobs }: RunPorts, facts: RunFacts): Promise<RestoredRun> {
  const { runId } = facts;
  let state = initialRunState(facts);
  let traffic = { up: 0, down: 0 };
  const events = await store.events(runId);
  // The fold alone: what an event set going in the process that recorded it (a timer, a wait) ended with that process.
  for (const text of events) {
    const event = runEventSchema.parse(JSON.parse(text));
    state = applyRunEvent(state, event);
    if ('traffic' in event && event.traffic !== undefined) traffic = event.traffic;
  }
  const entries = await store.transcript(runId);
  let retention = createBlobRetention('');
  const needless: string[] = [];
  for (const { entry } of entries) {
    const told = transcriptEntrySchema.parse(JSON.parse(entry));
    if (told.type === 'run') retention = createBlobRetention(told.modelHash);
    else if (told.type === 'group') retention.groupReleased(told.sumHash);
    else {
      const { sumHash: sum, modelAfter: model, stateHash } = told;
      needless.push(...retention.released({ sum, model, state: stateHash }));
    }
  }
  const { best } = state.watched;
  if (best !== null) needless.push(...retention.best(best.modelHash));
  const checkpoint = await store.checkpoint(runId);
  let server = await firstServerState(facts.plan, blobs);
  if (checkpoint !== null) {
    const bytes = await blobs.get(checkpoint.stateBlob);
    if (bytes === null) {
      throw new SottoError('STORE_FAILED', `run ${runId}: the checkpoint's blob ${checkpoint.stateBlob} is gone`);
    }
    server = decodeServerState(bytes);
  }
  return {
    state,
    sequence: events.length,
    transcriptLength: entries.length,
    transcriptHash: entries.at(-1)?.hash ?? transcriptGenesis,
    server,
    traffic,
    retention,
    needless: needless.filter((hash) => !retention.keeps(hash)),
  };
}
