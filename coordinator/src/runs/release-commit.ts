import { encodeServerState, type ServerState } from '@sotto/shared/learning';
import { federationEvent, type NoiseLeft } from '@sotto/shared/plan';
import type { SessionHeader } from '@sotto/shared/secure-sum';
import { wordsToLittleEndian } from '@sotto/shared/vector';
import type { ChargeRecord, RunCommit } from '../store/store.ts';
import type { ReleaseBlobs } from './blob-retention.ts';
import type { RunPorts } from './ports.ts';
import { addCoordinatorNoise, alarmOf, conclude } from './release.ts';
import type { GroupReleasedEvent, ReleasedEvent } from './run-events.ts';
import type { RunFacts } from './run-state.ts';
import { transcriptRecord } from './transcript.ts';

/** Everything that becomes durable with a release, its blobs already stored. */
export type ReleaseCommit = {
  readonly event: ReleasedEvent;
  readonly commit: Pick<RunCommit, 'transcript' | 'release' | 'checkpoint'>;
  readonly server: ServerState;
  readonly blobs: ReleaseBlobs;
};

/** What a release follows from. */
export type ReleaseInput = {
  readonly header: SessionHeader;
  /** The recovered sum; trusted mode's noise is added to it in place. */
  readonly sum: Int32Array;
  readonly survivors: readonly string[];
  /** What is left of its noise; null: all. */
  readonly noise: NoiseLeft | null;
  /** The groups whose sums it is made of; absent where it is that of one session. */
  readonly groups?: readonly number[];
  /** The server's state before. */
  readonly server: ServerState;
  readonly transcript: { readonly length: number; readonly hash: string };
};

/** Concludes a sum and makes the release transaction: sum, transcript entry, checkpoint and event. */
export async function releaseCommit(ports: RunPorts, facts: RunFacts, input: ReleaseInput): Promise<ReleaseCommit> {
  const { plan, planHash, runId } = facts;
  const { header, sum, survivors, noise, groups } = input;
  const { round, attempt } = header;
  addCoordinatorNoise(plan, header, sum, ports.random, ports.allowInsecureRandom ?? false);
  const conclusion = conclude(plan, header, input.server, sum, survivors, noise);
  const [sumBlob, modelBlob, stateBlob] = await Promise.all([
    ports.blobs.put(wordsToLittleEndian(sum)),
    ports.blobs.put(conclusion.model),
    ports.blobs.put(encodeServerState(conclusion.state)),
  ]);
  const transcript = transcriptRecord(input.transcript.length, {
    type: 'release',
    version: 1,
    previous: input.transcript.hash,
    runId,
    planHash,
    round,
    attempt,
    slots: header.slots,
    survivors: [...survivors],
    ...(noise === null ? {} : { noise }),
    ...(groups === undefined ? {} : { groups: [...groups] }),
    sumHash: sumBlob,
    modelBefore: header.modelHash,
    modelAfter: modelBlob,
    stateHash: stateBlob,
  });
  const event: ReleasedEvent = {
    type: 'released',
    at: ports.clock.now(),
    round,
    attempt,
    survivors: [...survivors],
    ...(noise === null ? {} : { noise }),
    ...(groups === undefined ? {} : { groups: [...groups] }),
    modelHash: modelBlob,
    ...(conclusion.clipNormL2 === null ? {} : { clipNormL2: conclusion.clipNormL2 }),
    releaseNorm: conclusion.releaseNorm,
    evaluation: conclusion.evaluation,
    ...(conclusion.stop === null ? {} : { stop: conclusion.stop }),
    alarm: conclusion.alarm,
  };
  return {
    event,
    commit: {
      transcript,
      release: { runId, round, attempt, sumBlob, modelBlob },
      checkpoint: { runId, round, stateBlob, modelBlob },
    },
    server: conclusion.state,
    blobs: { sum: sumBlob, model: modelBlob, state: stateBlob },
  };
}

/** The sum of one group: it is a release of its own, durable before the round's is made of it. */
export async function groupCommit(
  ports: RunPorts,
  { plan, planHash, runId }: RunFacts,
  group: number,
  { header, sum, survivors, transcript }: Omit<ReleaseInput, 'server' | 'groups' | 'noise'>,
): Promise<{ readonly event: GroupReleasedEvent; readonly commit: Pick<RunCommit, 'transcript'> }> {
  const { round, attempt, slots, modelHash } = header;
  const sumHash = await ports.blobs.put(wordsToLittleEndian(sum));
  const record = transcriptRecord(transcript.length, {
    type: 'group',
    version: 1,
    previous: transcript.hash,
    runId,
    planHash,
    round,
    attempt,
    group,
    slots,
    survivors: [...survivors],
    sumHash,
    modelBefore: modelHash,
  });
  const alarm = alarmOf(plan, header, sum, survivors.length, null);
  const at = ports.clock.now();
  return {
    event: { type: 'groupReleased', at, round, attempt, group, survivors: [...survivors], sumHash, alarm },
    commit: { transcript: record },
  };
}

/**
 * The coordinator's half of the books: every slot of an attempt, at its floor.
 * @param repeated - whether an earlier attempt of the round may have been charged as well
 */
export function chargesOf(
  facts: RunFacts,
  header: SessionHeader,
  chargedAt: number,
  repeated: boolean,
): ChargeRecord[] {
  return header.slots.map((slot): ChargeRecord => ({
    planHash: facts.planHash,
    runId: facts.runId,
    round: header.round,
    slot,
    attempt: header.attempt,
    event: federationEvent(facts.plan, slot, header.round, repeated),
    chargedAt,
  }));
}
