import { sha256 } from '@sotto/shared/crypto';
import { SottoError } from '@sotto/shared/errors';
import {
  encodeServerState,
  publishedClipNorm,
  publishWeights,
  withWeights,
  type ServerState,
} from '@sotto/shared/learning';
import { weightsToBytes } from '@sotto/shared/model';
import {
  firstRound,
  groupsNeeded,
  groupsOf,
  planHashOf,
  releaseFormOf,
  removableNoise,
  sessionHeaderFor,
  signedPlanSchema,
  slotsOfRound,
  type Groups,
  type Plan,
  type SignedPlan,
} from '@sotto/shared/plan';
import { verifySignedPlan } from '@sotto/shared/protocol';
import { fromUtf8, toHex, utf8, wordsFromLittleEndian, wordsToLittleEndian } from '@sotto/shared/vector';
import type { Blobs, Store } from '../store/store.ts';
import { bestFor, nothingWatched, watchRelease, type WatchedRun } from './best-model.ts';
import { addGroupSum, conclude, type Conclusion } from './release.ts';
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
 * before, over at least `minSurvivors` of its roster; in `grouped` mode the sum of groups' sums that are told of before, each over at
 * least so many of that group. Where the plan stops early, the decision is made again from the figures in the
 * sums, and where a survey may end the run so is that one. It shows that the model follows from the releases; it does not prove the
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

  let state = await firstServerState(plan, blobs);
  let modelHash = modelHashOf(state);
  let previous = transcriptGenesis;
  let releases = 0;
  let watched = nothingWatched;
  let bestWeights = publishWeights(state);
  let last = { round: firstRound(plan) - 1, attempt: 0 };
  let surveyStop: string | null = null;
  const groups = groupsOf(signedPlan);
  let groupSums: TranscriptGroup[] = [];
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
    } else if (told.type === 'group') {
      groupSums = groupSums.filter(({ round }) => round === told.round);
      checkGroup(plan, groups, told, groupSums, last, where);
      same(`${where}: model before`, told.modelBefore, bestFor(plan, watched, told.round) ?? modelHash);
      groupSums.push(told);
    } else {
      checkAllowed(plan, told, last, where);
      checkStopped(plan, watched, told.round, where);
      if (surveyStop !== null) {
        throw new SottoError('REPLAY_MISMATCH', `${where}: goes on in round ${told.round}, although ${surveyStop}`);
      }
      last = told;
      const parts = plan.trust === 'grouped' ? groupsAddedUp(plan, told, groupSums, where) : null;
      groupSums = [];
      const best = bestFor(plan, watched, told.round);
      const modelBefore = best ?? modelHash;
      const before = best === null ? state : withWeights(state, bestWeights);
      const concluded = await replayRelease(blobs, signedPlan, told, parts, before, modelBefore, where);
      const { evaluation } = concluded;
      surveyStop = concluded.stop;
      const next = watchRelease(plan, watched, { round: told.round, modelBefore, evaluation });
      if (next.best !== watched.best) bestWeights = publishWeights(before);
      watched = next;
      ({ state } = concluded);
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
  parts: readonly TranscriptGroup[] | null,
  before: ServerState,
  modelBefore: string,
  where: string,
): Promise<Pick<Conclusion, 'state' | 'evaluation' | 'stop'>> {
  const { planHash, runId, round, attempt } = told;
  same(`${where}: model before`, told.modelBefore, modelBefore);
  const trains = slotsOfRound(plan, round).includes('training');
  const clipNormL2 = trains ? publishedClipNorm(before, releaseFormOf(plan)) : null;
  const group = parts?.[0]?.group ?? null;
  const header = sessionHeaderFor(plan, { planHash, runId, round, attempt, modelHash: modelBefore, clipNormL2, group });
  same(`${where}: slots`, told.slots.join('+'), header.slots.join('+'));
  const sum = await readSum(blobs, told.sumHash, `${where}: sum`);
  if (parts !== null) {
    const total = new Int32Array(header.dimension);
    for (const one of parts)
      addGroupSum(total, await readSum(blobs, one.sumHash, `${where}: sum of group ${one.group}`));
    same(`${where}: sum of the groups`, told.sumHash, toHex(sha256(wordsToLittleEndian(total))));
  }
  const { state, evaluation, stop } = conclude(plan, header, before, sum, told.survivors, told.noise ?? null);
  same(`${where}: state`, told.stateHash, toHex(sha256(encodeServerState(state))));
  same(`${where}: model after`, told.modelAfter, modelHashOf(state));
  return { state, evaluation, stop };
}

/** Where the plan's rule said stop, by the figures recomputed here, nothing but the last session may come. */
function checkStopped(plan: Plan, { stoppedIn }: WatchedRun, round: number, where: string): void {
  if (stoppedIn === null || round > plan.training.rounds) return;
  throw new SottoError(
    'REPLAY_MISMATCH',
    `${where}: trains in round ${round}, and the plan's rule of early stopping said stop in round ${stoppedIn}`,
  );
}

type TranscriptGroup = Extract<TranscriptEntry, { type: 'group' }>;

/** A group's sum that no honest session of the plan gives is named. */
function checkGroup(
  { trust, cohort }: Plan,
  groups: Groups,
  told: TranscriptGroup,
  before: readonly TranscriptGroup[],
  last: { readonly round: number; readonly attempt: number },
  where: string,
): void {
  const { round, attempt, group, survivors } = told;
  const members = trust === 'grouped' ? groups[group] : undefined;
  if (members === undefined) throw new SottoError('REPLAY_MISMATCH', `${where}: the plan has no group ${group}`);
  const again = before.some((sum) => sum.group === group);
  if (round <= last.round || attempt <= last.attempt || again) {
    const order = `group ${group} in round ${round}, attempt ${attempt} after round ${last.round}, attempt ${last.attempt}`;
    throw new SottoError('REPLAY_MISMATCH', `${where}: ${order}: a group is released once a round`);
  }
  checkSurvivors(survivors, members, `group ${group}`, cohort.minSurvivors, where);
}

/** The groups' sums that a release of theirs is made of, in the order of the groups. */
function groupsAddedUp(
  plan: Plan,
  told: Extract<TranscriptEntry, { type: 'release' }>,
  before: readonly TranscriptGroup[],
  where: string,
): readonly TranscriptGroup[] {
  const parts = before.filter(({ round }) => round === told.round).toSorted((a, b) => a.group - b.group);
  same(`${where}: groups`, String(told.groups?.join() ?? 'none'), parts.map(({ group }) => group).join());
  const needed = groupsNeeded(plan);
  if (parts.some((sum) => sum.attempt > told.attempt)) {
    throw new SottoError('REPLAY_MISMATCH', `${where}: made in attempt ${told.attempt} of sums of a later one`);
  }
  if (parts.length < needed) {
    throw new SottoError('REPLAY_MISMATCH', `${where}: made of ${parts.length} groups, the plan needs ${needed}`);
  }
  const survivors = parts.flatMap((sum) => sum.survivors).toSorted();
  same(`${where}: survivors`, told.survivors.join(), survivors.join());
  return parts;
}

/** A release that no honest session of the plan gives is named, whatever its hashes say. */
function checkAllowed(
  plan: Plan,
  told: Extract<TranscriptEntry, { type: 'release' }>,
  last: { readonly round: number; readonly attempt: number },
  where: string,
): void {
  const { cohort, roster, trust } = plan;
  const { round, attempt, survivors, noise } = told;
  if (round <= last.round || attempt <= last.attempt) {
    const order = `round ${round}, attempt ${attempt} after round ${last.round}, attempt ${last.attempt}`;
    throw new SottoError('REPLAY_MISMATCH', `${where}: ${order}: a round is released once`);
  }
  if (last.round < firstRound(plan) && round > 0 && plan.survey !== undefined) {
    throw new SottoError('REPLAY_MISMATCH', `${where}: round ${round} without the plan's survey before it`);
  }
  const clients = roster.clients.map(({ client }) => client);
  checkSurvivors(survivors, clients, "the plan's roster", cohort.minSurvivors, where);
  if (told.groups !== undefined && trust !== 'grouped') {
    throw new SottoError('REPLAY_MISMATCH', `${where}: made of groups, and the plan has none`);
  }
  if (noise !== undefined) {
    const whole = new Set(noise.whole);
    const fits =
      noise.clients >= survivors.length &&
      noise.clients <= roster.clients.length &&
      whole.size === noise.whole.length &&
      noise.whole.every((client) => survivors.includes(client));
    if (removableNoise(plan) === undefined || !fits) {
      const said = `noise of ${survivors.length - noise.whole.length} of ${survivors.length} clients taken out, ${noise.clients} on the roster`;
      throw new SottoError('REPLAY_MISMATCH', `${where}: ${said}: the plan does not allow it`);
    }
  }
}

function checkSurvivors(
  survivors: readonly string[],
  allowed: readonly string[],
  of: string,
  least: number,
  where: string,
): void {
  const known = new Set(allowed);
  const stranger = survivors.find((client) => !known.has(client));
  if (stranger !== undefined) {
    throw new SottoError('REPLAY_MISMATCH', `${where}: survivor ${stranger} is not on ${of}`);
  }
  const distinct = new Set(survivors).size;
  if (distinct < survivors.length || distinct < least) {
    throw new SottoError(
      'REPLAY_MISMATCH',
      `${where}: ${distinct} clients survived of ${survivors.length} listed, the plan needs at least ${least}`,
    );
  }
}

async function readSum(blobs: Blobs, hash: string, what: string): Promise<Int32Array> {
  const words = wordsFromLittleEndian(await readBlob(blobs, hash, what));
  return new Int32Array(words.buffer, words.byteOffset, words.length);
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
