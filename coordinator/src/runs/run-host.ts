import { SottoError } from '@sotto/shared/errors';
import { withWeights, type ServerState } from '@sotto/shared/learning';
import { weightsFromBytes } from '@sotto/shared/model';
import { sessionHeaderFor, slotsOfRound, type NoiseLeft, type SignedPlan } from '@sotto/shared/plan';
import { partOf, type Heard, type Reply, type RunStatus, type ServerMessage } from '@sotto/shared/protocol';
import {
  isUploadAwaited,
  recoverSum,
  verifySumMessage,
  type RecoverJob,
  type SessionHeader,
  type SumMessage,
  type Upload,
} from '@sotto/shared/secure-sum';
import { toHex, wordsFromLittleEndian } from '@sotto/shared/vector';
import { addUpload, openSessionMemory, type SessionMemory } from '../sessions/session-memory.ts';
import type { RunCommit, RunRecord } from '../store/store.ts';
import { bestFor } from './best-model.ts';
import { createBlobRetention, type BlobRetention } from './blob-retention.ts';
import { stepRun } from './machine.ts';
import type { RunPorts, RunProgress } from './ports.ts';
import { chargesOf, groupCommit, releaseCommit, type ReleaseInput } from './release-commit.ts';
import { addGroupSum } from './release.ts';
import { removeNoise } from './remove-noise.ts';
import { faultOf, rejection } from './replies.ts';
import { sessionById } from './run-clients.ts';
import { restoreRun } from './restore-run.ts';
import { firstServerState } from './run-beginning.ts';
import { runEventSchema, type RunEvent, type SessionOpenedEvent } from './run-events.ts';
import { missedEnd, type MissedEnd } from './run-messages.ts';
import {
  initialRunState,
  runFactsOf,
  type HeardOfRun,
  type RunEffect,
  type RunFacts,
  type RunInput,
  type RunState,
  type RunTimer,
} from './run-state.ts';
import { createEpsilonSoFar, runProgressOf, runStatusOf } from './run-status.ts';
import { transcriptGenesis } from './transcript.ts';

/** Without the time, which the host stamps. */
type Unstamped = RunInput extends infer Input ? (Input extends RunInput ? Omit<Input, 'at'> : never) : never;

/** How long a run whose store failed waits before it starts again from what is durable, in milliseconds. */
const faultRetryMs = 5_000;

/** Events with which a session ends. They carry the bytes so far, so that a restart does not forget them. */
const endsSession: ReadonlySet<RunEvent['type']> = new Set([
  'groupReleased',
  'released',
  'sessionFailed',
  'stopped',
  'finished',
]);

/** One run: its machine, and everything that performs the machine's effects. */
export type RunHost = {
  readonly facts: RunFacts;
  readonly record: RunRecord;
  status(): RunStatus;
  progress(): RunProgress;
  modelHash(): string;
  hasOpenSession(sessionId: string): boolean;
  vectorBytes(client: string, sessionId: string): number | null;
  /** Feeds the machine; resolves when the effects are done. */
  feed(input: Unstamped): Promise<void>;
  /** A client's line is open; null: it is not known what its process has heard of the run. */
  connected(client: string, heard: HeardOfRun | null): Promise<void>;
  /** A session message from its authenticated sender. */
  sumMessage(client: string, message: Exclude<SumMessage, Upload>): Promise<Reply>;
  upload(client: string, upload: Upload, vector: Uint8Array): Promise<Reply>;
  countBytes(up: number, down: number): void;
  /** Whether the run needs a blob. */
  keeps(hash: string): boolean;
  /** Removes what an earlier process left behind. Call when all runs are there. */
  tidy(): Promise<void>;
  /** Waits for what is queued; true when nothing came after it. */
  settle(): Promise<boolean>;
  close(): void;
};

/** What a host needs besides the ports. */
export type RunHostInput = {
  readonly ports: RunPorts;
  readonly record: RunRecord;
  readonly signedPlan: SignedPlan;
  /** The offer that a client of the run gets. */
  readonly offerTo: (client: string) => ServerMessage | undefined;
  readonly changed: () => void;
  readonly isConnected: (client: string) => boolean;
  /** Number of a client's newest line. */
  readonly lineOf: (client: string) => number;
  /** Whether any run needs a blob. */
  readonly isKept: (hash: string) => boolean;
};

/** A run's machine, restored from its events. Call `feed({ type: 'restarted' })` next. */
export async function createRunHost(input: RunHostInput): Promise<RunHost> {
  const { ports, record, signedPlan, offerTo } = input;
  const { clock, store, blobs, transport, log } = ports;
  const facts: RunFacts = runFactsOf(record.runId, signedPlan);
  const timers = new Map<RunTimer, () => void>();
  const epsilonSoFar = createEpsilonSoFar();
  let state: RunState = initialRunState(facts);
  let sequence = 0;
  let transcriptLength = 0;
  let transcriptHash = transcriptGenesis;
  let server: ServerState = await firstServerState(signedPlan.plan, blobs);
  let retention: BlobRetention = createBlobRetention('');
  let needless: readonly string[] = [];
  const memories = new Map<string, SessionMemory>();
  let fault: string | null = null;
  let closed = false;
  /** Sums that are being opened. */
  const recoveries = new Set<Promise<void>>();
  let tail: Promise<unknown> = Promise.resolve();
  let bytesUp = 0;
  let bytesDown = 0;
  /** The lines whose opening the machine has seen. */
  const knownLines = new Map<string, number>();
  let measured: { readonly message: ServerMessage; readonly length: number } | null = null;
  await restore();

  /** What is durable, and nothing else; what clients said to this process is kept. */
  async function restore(): Promise<void> {
    const { clients } = state;
    const restored = await restoreRun(ports, facts);
    ({ sequence, transcriptLength, transcriptHash, server, retention, needless } = restored);
    bytesUp = Math.max(bytesUp, restored.traffic.up);
    bytesDown = Math.max(bytesDown, restored.traffic.down);
    state = {
      ...restored.state,
      clients: new Map(
        [...restored.state.clients].map(([client, known]) => {
          const before = clients.get(client);
          if (before === undefined) return [client, known];
          const answeredAttempt = Math.max(before.answeredAttempt, known.answeredAttempt);
          return [client, { ...before, sessionsSurvived: known.sessionsSurvived, answeredAttempt }];
        }),
      ),
    };
  }

  /** One thing at a time: inputs are worked off in the order of their arrival. */
  function enqueue<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = tail.then(work);
    tail = result.catch(() => undefined);
    return result;
  }

  async function apply(event: RunEvent | RunInput, line?: number): Promise<void> {
    if (event.type === 'connected') knownLines.set(event.client, line ?? input.lineOf(event.client));
    const step = stepRun(state, event);
    state = step.state;
    for (const effect of step.effects) await perform(effect);
  }

  async function perform(effect: RunEffect): Promise<void> {
    switch (effect.type) {
      case 'record':
        return recordEvent(effect.event);
      case 'send':
        return send(effect.client, effect.message, effect.event);
      case 'offer':
        return sendOffer(effect.client);
      case 'setTimer':
        timers.get(effect.timer)?.();
        timers.set(
          effect.timer,
          clock.after(effect.ms, () => onTimer(effect.timer)),
        );
        return;
      case 'clearTimer':
        timers.get(effect.timer)?.();
        timers.delete(effect.timer);
        return;
      case 'recover':
        recover(effect.sessionId, effect.job);
        return;
      case 'conclude':
        return conclude();
      case 'forget':
        memories.delete(effect.sessionId);
        return;
    }
  }

  function sendOffer(client: string): void {
    const offer = offerTo(client);
    if (offer !== undefined) send(client, offer);
  }

  /** On a line of which is known what its client has heard; on one that has just opened it would come twice. */
  function send(client: string, message: ServerMessage, event?: number): void {
    if (knownLines.get(client) !== input.lineOf(client)) return;
    bytesDown += lengthOf(message);
    transport.send(client, message, markOf(message, event));
  }

  /** A request of a session that is open belongs to its opening; what else is sent tells of the newest event. */
  function markOf(message: ServerMessage, event?: number): Heard {
    const { runId } = facts;
    const part = partOf(message.type);
    if (event !== undefined) return { runId, event, part };
    if (message.type === 'runOffer') return { runId, event: 0, part };
    const session = 'sessionId' in message ? sessionById(state, message.sessionId) : null;
    return { runId, event: session?.event ?? state.events - 1, part };
  }

  /** The end of the session that a client heard of last, if it has not heard that. */
  async function missedBy(client: string, heard: HeardOfRun): Promise<MissedEnd | null> {
    // The first event opens no session, and after the end of one, or the newest event, there is nothing to miss.
    if (heard === 'nothing' || heard.event === 0 || !state.clients.has(client)) return null;
    if (heard.part >= partOf('sessionClosed') || heard.event >= sequence - 1) return null;
    const events = await store.events(facts.runId, heard.event);
    return missedEnd(
      events.map((text) => runEventSchema.parse(JSON.parse(text))),
      heard.event,
      client,
    );
  }

  async function recordEvent(event: RunEvent, commit: Partial<RunCommit> = {}): Promise<void> {
    const opened = openedBy(event);
    if (opened[0] !== undefined) {
      // A client is in one of the sessions, so one of them is what an attempt costs anybody.
      const refusal = ports.books?.hold(facts.plan, opened[0].header, state.failedInRound > 0) ?? null;
      if (refusal !== null) {
        return recordEvent({ type: 'stopped', at: event.at, reason: `${refusal.code}: ${refusal.message}` });
      }
    }
    const traffic = { up: bytesUp, down: bytesDown };
    const stamped = endsSession.has(event.type) ? { ...event, traffic } : event;
    await store.commit({ runId: facts.runId, sequence, event: JSON.stringify(stamped), ...commit });
    sequence += 1;
    if (commit.transcript) {
      transcriptLength += 1;
      transcriptHash = commit.transcript.hash;
    }
    const endsAttempt = endsSession.has(event.type) && (!isOfOneSession(event) || state.sessions.length <= 1);
    if (endsAttempt) ports.books?.free(facts.planHash);
    for (const { sessionId, header } of opened) {
      memories.set(sessionId, openSessionMemory(sessionId, header.dimension));
    }
    logEvent(event);
    await apply(event);
  }

  function onTimer(timer: RunTimer): void {
    timers.delete(timer);
    void feed({ type: 'timer', timer });
  }

  /** Feeds the machine; a store that fails costs the open session and nothing that was acknowledged. */
  function feed(inputOf: Unstamped): Promise<void> {
    return enqueue(() => guarded(() => apply({ ...inputOf, at: clock.now() } as RunInput)));
  }

  async function guarded(work: () => Promise<void>): Promise<void> {
    if (closed || fault !== null) return;
    try {
      await work();
    } catch (error) {
      onFault(error);
    }
    input.changed();
  }

  function onFault(error: unknown): void {
    const { code, message } = faultOf(error);
    fault = `${code}: ${message}`;
    log.error({ runId: facts.runId, code }, message);
    for (const cancel of timers.values()) cancel();
    timers.clear();
    memories.clear();
    timers.set(
      'retry',
      clock.after(faultRetryMs, () => void enqueue(startAgain)),
    );
  }

  /** As after a crash: from the durable events, with the open session dead. */
  async function startAgain(): Promise<void> {
    if (closed) return;
    timers.clear();
    try {
      await restore();
      fault = null;
      const at = clock.now();
      // Connections and answers that came meanwhile were not noted: offer again to whoever is there.
      for (const client of state.clients.keys()) {
        if (!input.isConnected(client)) await apply({ type: 'disconnected', at, client });
      }
      await apply({ type: 'restarted', at });
      for (const client of state.clients.keys()) {
        if (input.isConnected(client)) await apply({ type: 'connected', at, client });
      }
    } catch (error) {
      onFault(error);
    }
    input.changed();
  }

  /** Reconstruction runs beside the queue and pauses, so that messages are answered meanwhile; `crypto` may share out the masks. */
  function recover(sessionId: string, job: RecoverJob): void {
    const memory = memories.get(sessionId);
    if (memory === undefined) return;
    const work = openSum(job, memory.accumulator).catch((error: unknown) => {
      const { code, message } = faultOf(error);
      return { ok: false as const, code, reason: message, culprits: [] as readonly string[] };
    });
    const recovery = work.then((result) =>
      enqueue(() =>
        guarded(async () => {
          if (sessionById(state, sessionId) === null) return;
          // Out of shared memory, which not everything that a release passes through may take.
          if (result.ok) return release(job.header, result.sum.slice(), job.survivors, result.left);
          const { code, reason, culprits } = result;
          await apply({ type: 'recoveryFailed', at: clock.now(), sessionId, code, reason, culprits });
        }),
      ),
    );
    recoveries.add(recovery);
    void recovery.finally(() => recoveries.delete(recovery));
  }

  /** The survivors' sum without masks, and without the noise that they do not need. */
  async function openSum(job: RecoverJob, accumulator: Uint32Array) {
    const recovered = await recoverSum(job, accumulator, ports.crypto, ports.pause);
    return recovered.ok ? { ...recovered, left: await removeNoise(ports, facts.plan, job, recovered.sum) } : recovered;
  }

  /** A session's sum: the round's release, or a group's, with which the machine goes on. */
  async function release(
    header: SessionHeader,
    sum: Int32Array,
    survivors: readonly string[],
    noise: NoiseLeft | null,
  ): Promise<void> {
    const { group } = header;
    if (group === undefined) return releaseRound({ header, sum, survivors, noise });
    const transcript = { length: transcriptLength, hash: transcriptHash };
    const { event, commit } = await groupCommit(ports, facts, group, { header, sum, survivors, transcript });
    retention.groupReleased(event.sumHash);
    await recordEvent(event, commit);
  }

  /** Adds up the sums of the round's groups, in the order of the groups, from what is durable of them. */
  async function conclude(): Promise<void> {
    const { plan, planHash, runId } = facts;
    const { round, attempt } = state;
    const modelHash = bestFor(plan, state.watched, round) ?? state.modelHash;
    const parts = state.groupSums.filter((sum) => sum.round === round).toSorted((a, b) => a.group - b.group);
    const groups = parts.map(({ group }) => group);
    const clipNormL2 = slotsOfRound(plan, round).includes('training') ? state.clipNormL2 : null;
    const group = groups[0] ?? null;
    const header = sessionHeaderFor(plan, { planHash, runId, round, attempt, modelHash, clipNormL2, group });
    const sum = new Int32Array(header.dimension);
    for (const { sumHash } of parts) {
      const bytes = await blobs.get(sumHash);
      if (bytes === null) throw new SottoError('STORE_FAILED', `run ${runId}: the blob ${sumHash} is gone`);
      addGroupSum(sum, new Int32Array(wordsFromLittleEndian(bytes).buffer));
    }
    await releaseRound({
      header,
      sum,
      survivors: parts.flatMap(({ survivors }) => survivors).toSorted(),
      noise: null,
      groups,
    });
  }

  /** The release transaction: sum, transcript entry, checkpoint and event become durable together. */
  async function releaseRound(
    summed: Pick<ReleaseInput, 'header' | 'sum' | 'survivors' | 'noise' | 'groups'>,
  ): Promise<void> {
    const transcript = { length: transcriptLength, hash: transcriptHash };
    const made = await releaseCommit(ports, facts, {
      ...summed,
      server: await serverBefore(summed.header),
      transcript,
    });
    ({ server } = made);
    await recordEvent(made.event, made.commit);
    const { best } = state.watched;
    needless = [...(best === null ? [] : retention.best(best.modelHash)), ...retention.released(made.blobs)];
    await removeNeedless();
  }

  /** The server's state that a session starts from: the newest, or in the last session with the best model's weights. */
  async function serverBefore({ round }: SessionHeader): Promise<ServerState> {
    const best = bestFor(facts.plan, state.watched, round);
    if (best === null) return server;
    const bytes = await blobs.get(best);
    if (bytes === null)
      throw new SottoError('STORE_FAILED', `run ${facts.runId}: the best model's blob ${best} is gone`);
    return withWeights(server, weightsFromBytes(bytes));
  }

  /** Removes blobs that no run needs; one that stays behind costs room and nothing else. */
  async function removeNeedless(): Promise<void> {
    const hashes = needless.filter((hash) => !input.isKept(hash));
    needless = [];
    try {
      for (const hash of hashes) await blobs.remove(hash);
    } catch (error) {
      log.warn({ runId: facts.runId }, faultOf(error).message);
    }
  }

  /** The coordinator's half of the books: every slot of the attempt, once, at its floor. */
  async function chargeOnce(): Promise<void> {
    const [session] = state.sessions;
    if (session === undefined || session.charged) return;
    const { header } = session;
    const at = clock.now();
    const charges = chargesOf(facts, header, at, state.failedInRound > 0);
    // Booked here even if the store then fails: whatever reached it, nothing is counted less than it should be.
    ports.books?.charge(charges);
    await recordEvent({ type: 'sessionCharged', at, attempt: header.attempt }, { charges });
  }

  function inSession(client: string, sessionId: string): Reply | null {
    if (fault !== null) return rejection('STORE_FAILED', `run ${facts.runId}: ${fault}`);
    const session = sessionById(state, sessionId);
    if (session === null) {
      return rejection('MESSAGE_UNEXPECTED', `session ${sessionId} is not open`);
    }
    if (!session.cohort.includes(client) || session.lost.has(client)) {
      return rejection('MESSAGE_UNEXPECTED', `client ${client} is not in session ${sessionId}`);
    }
    return null;
  }

  /** Refuses with a reply; what only a broken or hostile sender can send also costs it the session. */
  async function reject(client: string, code: string, message: string): Promise<Reply> {
    if (code !== 'MESSAGE_UNEXPECTED') {
      await guarded(() => apply({ type: 'lost', at: clock.now(), client, reason: `${code}: ${message}` }));
    }
    return rejection(code, message);
  }

  async function accept(message: SumMessage): Promise<Reply> {
    await guarded(() => apply({ type: 'message', at: clock.now(), message }));
    return fault === null ? { ok: true } : rejection('STORE_FAILED', `run ${facts.runId}: ${fault}`);
  }

  /** Characters of a message; one roster goes to everybody and is counted by its first text. */
  function lengthOf(message: ServerMessage): number {
    if (measured?.message !== message) measured = { message, length: JSON.stringify(message).length };
    return measured.length;
  }

  function logEvent(event: RunEvent): void {
    const fields = { runId: facts.runId, event: event.type };
    if (event.type === 'sessionFailed') log.warn({ ...fields, attempt: event.attempt, code: event.code }, event.reason);
    else if (event.type === 'released') {
      log.info(
        { ...fields, round: event.round, attempt: event.attempt, survivors: event.survivors.length },
        'released',
      );
    } else if (event.type === 'groupReleased') {
      const { round, attempt, group } = event;
      log.info({ ...fields, round, attempt, group, survivors: event.survivors.length }, 'a group is released');
    } else log.info(fields, event.type);
  }

  return {
    facts,
    record,
    status: () => runStatusOf(state, { bytesUp, bytesDown, fault }, epsilonSoFar),
    progress: () => runProgressOf(state),
    modelHash: () => state.modelHash,
    hasOpenSession: (sessionId) => sessionById(state, sessionId) !== null,
    vectorBytes(client, sessionId) {
      const session = sessionById(state, sessionId);
      if (session === null || inSession(client, sessionId) !== null) return null;
      return isUploadAwaited(session.sum, client) ? session.header.dimension * 4 : null;
    },
    feed,
    connected(client, heard) {
      const line = input.lineOf(client);
      return enqueue(() =>
        guarded(async () => {
          // Marks of events that the store does not have: it was put back, and nothing is known of what they mean.
          const known = heard === null || (heard !== 'nothing' && heard.event >= sequence) ? null : heard;
          const told = known === null ? {} : { heard: known, missed: await missedBy(client, known) };
          await apply({ type: 'connected', at: clock.now(), client, ...told }, line);
        }),
      );
    },
    sumMessage: (client, message) =>
      enqueue(async () => {
        const refused = inSession(client, message.sessionId);
        const session = sessionById(state, message.sessionId);
        if (refused !== null || session === null) return refused ?? rejection('MESSAGE_UNEXPECTED', 'no session');
        const fault = await verifySumMessage(session.sum, message, ports.crypto);
        if (fault !== null) return reject(client, fault.code, fault.reason);
        return accept(message);
      }),
    async upload(client, upload, vector) {
      const vectorHash = toHex(await ports.crypto.sha256(vector));
      return enqueue(async () => {
        const memory = memories.get(upload.sessionId);
        const known = memory?.replies.get(client);
        if (known !== undefined) return known;
        const refused = inSession(client, upload.sessionId);
        const session = sessionById(state, upload.sessionId);
        if (refused !== null || session === null || memory === undefined) {
          return refused ?? rejection('MESSAGE_UNEXPECTED', `session ${upload.sessionId} is not open`);
        }
        // First, because a message that nobody waits for came without its vector.
        const fault = await verifySumMessage(session.sum, upload, ports.crypto);
        if (fault !== null) return reject(client, fault.code, fault.reason);
        const expected = session.header.dimension * 4;
        if (vector.length !== expected) {
          return reject(client, 'UPLOAD_INVALID', `client ${client}: expected ${expected} bytes, got ${vector.length}`);
        }
        if (vectorHash !== upload.vectorHash) {
          return reject(client, 'UPLOAD_INVALID', `client ${client}: vector hash ${vectorHash} is not the signed one`);
        }
        await guarded(chargeOnce);
        if (!memories.has(upload.sessionId))
          return rejection('STORE_FAILED', `run ${facts.runId}: the charge could not be stored`);
        bytesUp += vector.length;
        addUpload(memory, vector);
        memory.replies.set(client, { ok: true });
        return accept(upload);
      });
    },
    countBytes(up, down) {
      bytesUp += up;
      bytesDown += down;
    },
    keeps: (hash) => retention.keeps(hash),
    tidy: () => enqueue(removeNeedless),
    async settle() {
      const last = tail;
      await Promise.all([last, ...recoveries]);
      return tail === last && recoveries.size === 0;
    },
    close() {
      closed = true;
      for (const cancel of timers.values()) cancel();
      timers.clear();
    },
  };
}

/** The sessions that an event opens. */
function openedBy(event: RunEvent): readonly Pick<SessionOpenedEvent, 'sessionId' | 'header'>[] {
  if (event.type === 'sessionOpened') return [event];
  return event.type === 'groupsOpened' ? event.sessions : [];
}

/** Whether an event ends one of an attempt's sessions, and not all that are open. */
function isOfOneSession({ type }: RunEvent): boolean {
  return type === 'groupReleased' || type === 'sessionFailed';
}
