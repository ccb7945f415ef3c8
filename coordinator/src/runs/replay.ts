import { sha256 } from '@sotto/shared/crypto';
import { SottoError } from '@sotto/shared/errors';
import { encodeServerState, publishedClipNorm, publishWeights, type ServerState } from '@sotto/shared/learning';
import { weightsToBytes } from '@sotto/shared/model';
import {
  planHashOf,
  releaseFormOf,
  sessionHeaderFor,
  signedPlanSchema,
  slotsOfRound,
  type Plan,
  type SignedPlan,
} from '@sotto/shared/plan';
import { verifySignedPlan } from '@sotto/shared/protocol';
import { fromUtf8, toHex, utf8, wordsFromLittleEndian } from '@sotto/shared/vector';
import type { Blobs, Store } from '../store/store.ts';
import { conclude } from './release.ts';
import { firstServerState } from './run-beginning.ts';
import { transcriptEntrySchema, transcriptGenesis, type TranscriptEntry } from './transcript.ts';

/** What a replay found. */
export type Replay = {
  readonly runId: string;
  readonly planHash: string;
  readonly releases: number;
  readonly modelHash: string;
  /** Hash of the last transcript entry: it stands for all of them. */
  readonly transcriptHash: string;
  /** The final weights, float32 [d]. */
  readonly weights: Float32Array;
  readonly signedPlan: SignedPlan;
};

/**
 * Recomputes a run's model from the plan's seed and the releases, bit for bit, and checks every hash on the way: plan, chain of
 * entries, sums, models, server states. Each release must also be one that the plan allows: a later round and attempt than the one
 * before, over at least `minSurvivors` of its roster. It shows that the model follows from the releases; it does not prove the
 * releases.
 *
 * @param authority - the pinned one, which must have signed the plan; null: whichever the plan itself names
 * @throws {NOT_FOUND} {PLAN_UNSIGNED} {REPLAY_MISMATCH} naming the entry and both values
 */
export async function replayRun(
  store: Store,
  blobs: Blobs,
  runId: string,
  authority: string | null = null,
): Promise<Replay> {
  const run = await store.run(runId);
  if (run === null) throw new SottoError('NOT_FOUND', `there is no run ${runId}`);
  const signedPlan = signedPlanSchema.parse(JSON.parse(fromUtf8(await readBlob(blobs, run.signedPlanBlob, 'plan'))));
  const { plan } = signedPlan;
  verifySignedPlan(signedPlan, authority ?? plan.authority);
  const planHash = planHashOf(plan);
  same('plan hash', run.planHash, planHash);

  let state = firstServerState(plan);
  let modelHash = modelHashOf(state);
  let previous = transcriptGenesis;
  let releases = 0;
  let last = { round: 0, attempt: 0 };
  const records = await store.transcript(runId);
  if (records.length === 0) throw new SottoError('REPLAY_MISMATCH', `run ${runId} has no transcript`);
  for (const [index, { hash, entry }] of records.entries()) {
    const where = `entry ${index}`;
    same(`${where}: hash`, hash, toHex(sha256(utf8(entry))));
    const told = transcriptEntrySchema.parse(JSON.parse(entry));
    same(`${where}: previous`, told.previous, previous);
    same(`${where}: run`, told.runId, runId);
    same(`${where}: plan`, told.planHash, planHash);
    if (told.type === 'run') {
      same(`${where}: place`, '0', String(index));
      same(`${where}: first model`, told.modelHash, modelHash);
    } else {
      checkAllowed(plan, told, last, where);
      last = told;
      state = await replayRelease(blobs, signedPlan, told, state, modelHash, where);
      modelHash = told.modelAfter;
      releases += 1;
    }
    previous = hash;
  }
  const checkpoint = await store.checkpoint(runId);
  if (checkpoint !== null) same('checkpoint: model', checkpoint.modelBlob, modelHash);
  const weights = publishWeights(state);
  return { runId, planHash, releases, modelHash, transcriptHash: previous, weights, signedPlan };
}

async function replayRelease(
  blobs: Blobs,
  { plan }: SignedPlan,
  told: Extract<TranscriptEntry, { type: 'release' }>,
  before: ServerState,
  modelBefore: string,
  where: string,
): Promise<ServerState> {
  const { planHash, runId, round, attempt } = told;
  same(`${where}: model before`, told.modelBefore, modelBefore);
  const trains = slotsOfRound(plan, round).includes('training');
  const clipNormL2 = trains ? publishedClipNorm(before, releaseFormOf(plan)) : null;
  const header = sessionHeaderFor(plan, { planHash, runId, round, attempt, modelHash: modelBefore, clipNormL2 });
  same(`${where}: slots`, told.slots.join('+'), header.slots.join('+'));
  const bytes = await readBlob(blobs, told.sumHash, `${where}: sum`);
  const words = wordsFromLittleEndian(bytes);
  const sum = new Int32Array(words.buffer, words.byteOffset, words.length);
  const { state } = conclude(plan, header, before, sum, told.survivors.length, told.noise ?? null);
  same(`${where}: state`, told.stateHash, toHex(sha256(encodeServerState(state))));
  same(`${where}: model after`, told.modelAfter, modelHashOf(state));
  return state;
}

/** A release that no honest session of the plan gives is named, whatever its hashes say. */
function checkAllowed(
  { cohort, roster }: Plan,
  told: Extract<TranscriptEntry, { type: 'release' }>,
  last: { readonly round: number; readonly attempt: number },
  where: string,
): void {
  const { round, attempt, survivors, noise } = told;
  if (round <= last.round || attempt <= last.attempt) {
    const order = `round ${round}, attempt ${attempt} after round ${last.round}, attempt ${last.attempt}`;
    throw new SottoError('REPLAY_MISMATCH', `${where}: ${order}: a round is released once`);
  }
  const known = new Set(roster.clients.map(({ client }) => client));
  const stranger = survivors.find((client) => !known.has(client));
  if (stranger !== undefined) {
    throw new SottoError('REPLAY_MISMATCH', `${where}: survivor ${stranger} is not on the plan's roster`);
  }
  if (noise !== undefined) {
    const fits = noise.clients >= survivors.length && noise.clients <= roster.clients.length;
    if (cohort.noise !== 'removable' || !fits || noise.whole.some((client) => !survivors.includes(client))) {
      const said = `noise of ${survivors.length - noise.whole.length} of ${survivors.length} clients taken out, ${noise.clients} on the roster`;
      throw new SottoError('REPLAY_MISMATCH', `${where}: ${said}: the plan does not allow it`);
    }
  }
  const distinct = new Set(survivors).size;
  if (distinct < survivors.length || distinct < cohort.minSurvivors) {
    throw new SottoError(
      'REPLAY_MISMATCH',
      `${where}: ${distinct} clients survived of ${survivors.length} listed, the plan needs at least ${cohort.minSurvivors}`,
    );
  }
}

async function readBlob(blobs: Blobs, hash: string, what: string): Promise<Uint8Array> {
  const bytes = await blobs.get(hash);
  if (bytes === null) throw new SottoError('REPLAY_MISMATCH', `${what}: the blob ${hash} is gone`);
  same(what, hash, toHex(sha256(bytes)));
  return bytes;
}

function modelHashOf(state: ServerState): string {
  return toHex(sha256(weightsToBytes(publishWeights(state))));
}

function same(what: string, recorded: string, computed: string): void {
  if (recorded !== computed) {
    throw new SottoError('REPLAY_MISMATCH', `${what}: recorded ${recorded}, computed ${computed}`);
  }
}
