import { SottoError } from '@sotto/shared/errors';
import { layoutLength, toHex } from '@sotto/shared/vector';
import { modelLayout, weightsOfBytes } from '@sotto/shared/model';
import { hidesCoin, inputWidth, removableNoise, sessionParts, type Plan } from '@sotto/shared/plan';
import type { ClientMessage } from '@sotto/shared/protocol';
import { noiseAlone } from '@sotto/shared/queries';
import {
  beginSession,
  maskVector,
  onAgreeRequest,
  onInbox,
  onRoster,
  onUnmaskRequest,
  type ClientNoise,
  type SumClientState,
  type Upload,
} from '@sotto/shared/secure-sum';
import { openClientBooks, type ClientBooks } from '../ledger/client-books.ts';
import type { checkOffer } from './check-offer.ts';
import { contributeInPlace } from './contribute-in-place.ts';
import { stepClient } from './machine.ts';
import {
  initialClientState,
  type ClientEffect,
  type ClientEvent,
  type ClientState,
  type SessionView,
  type SumInput,
} from './machine-state.ts';
import { firstPace, paceUpload, type PaceState } from './pace.ts';
import type { ChosenDevice, ClientDriver, ClientPorts, Contributor } from './ports.ts';
import { noiseLayersOf } from './run-contributions.ts';
import { deviceFacts } from './tell-device.ts';
import { failureOf } from './told.ts';

/** What a session keeps in memory only. */
type Live = {
  readonly abort: AbortController;
  sum: SumClientState | null;
  /** The keys of the noise that may be taken out of the sum. */
  noise: ClientNoise | null;
  weights: Float32Array | null;
  /** When the contribution was asked for, by the own clock. */
  beganAtMs: number;
  integers: Int32Array | null;
  upload: { readonly message: Upload; readonly vector: Uint8Array } | null;
  cancelPace: (() => void) | null;
  /** Noise that may have to stand in for a contribution; null where none has to. */
  standIn: Int32Array | null;
  /** Why it does: the contribution was not there in time. Null when it was. */
  late: string | null;
};

type RunWork = {
  readonly contributor: Contributor;
  last: Promise<unknown>;
  pace: PaceState;
  /** What computes, as long as the coordinator is to be told. */
  untold: ChosenDevice | null;
};

/** How offers are looked at: `checkOffer`, which a page loads when the first offer comes. */
export type OfferCheck = typeof checkOffer;

/**
 * Opens the books and makes a client's driver, which looks at offers by what it is given.
 * @throws as `createClientDriver`.
 */
export async function openClientDriver(ports: ClientPorts, check: OfferCheck): Promise<ClientDriver> {
  if (!ports.random.secure && ports.allowInsecureRandom !== true) {
    throw new SottoError(
      'INVALID_INPUT',
      'the random source is not the platform CSPRNG: keys, coin and noise from it keep no secret',
    );
  }
  const books = await openClientBooks(ports.ledger, ports.policy.budget, ports.identity.client);
  return new Driver(ports, books, check);
}

class Driver implements ClientDriver {
  readonly #ports: ClientPorts;
  readonly #books: ClientBooks;
  readonly #check: OfferCheck;
  readonly #live = new Map<string, Live>();
  readonly #works = new Map<string, RunWork>();
  readonly #closing = new AbortController();
  /** Whether this process has worked on data. */
  #contributed = false;
  #state: ClientState;

  constructor(ports: ClientPorts, books: ClientBooks, check: OfferCheck) {
    this.#ports = ports;
    this.#books = books;
    this.#check = check;
    this.#state = initialClientState(books.marks);
  }

  received(message: Parameters<ClientDriver['received']>[0]): void {
    this.#step({ type: 'message', message });
  }

  connected(): void {
    this.#step({ type: 'connected' });
  }

  disconnected(): void {
    this.#step({ type: 'disconnected' });
  }

  pause(reason: string): void {
    this.#step({ type: 'paused', reason });
  }

  resume(): void {
    this.#step({ type: 'resumed' });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const sessionId of [...this.#live.keys()]) this.#drop(sessionId);
    await Promise.all([...this.#works.keys()].map((runId) => this.#endRun(runId)));
  }

  #step(event: ClientEvent): void {
    if (this.#closing.signal.aborted) return;
    const { state, effects } = stepClient(this.#state, event);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: ClientEffect): void {
    switch (effect.type) {
      case 'notify':
        this.#ports.notify(effect.notice);
        return;
      case 'checkOffer':
        void this.#check(effect.offer, this.#ports, this.#books).then((verdict) => {
          const { offer } = effect;
          this.#step(
            verdict.ok
              ? { type: 'offerAllowed', offer, plan: verdict.plan, group: verdict.group, revoked: verdict.revoked }
              : { ...verdict, type: 'offerRefused', offer },
          );
          const run = this.#state.runs.get(offer.runId);
          // The run may have ended while its offer was looked at.
          if (run?.phase !== 'accepted') this.#books.release(offer.planHash);
          else if (run.plan !== null && !this.#closing.signal.aborted) this.#workOf(offer.runId, run.plan);
        });
        return;
      case 'answerRun':
        void this.#tell(effect.message);
        return;
      case 'leave':
        void this.#tell({ type: 'sessionLeave', sessionId: effect.sessionId, code: effect.code, reason: effect.told });
        return;
      case 'drop':
        this.#drop(effect.sessionId);
        return;
      case 'endRun':
        this.#books.release(this.#state.runs.get(effect.runId)?.planHash ?? '');
        void this.#endRun(effect.runId);
        return;
      case 'openSession':
        this.#inSession(effect.session.sessionId, (live) => this.#open(effect.session, effect.plan, live), true);
        return;
      case 'sum':
        this.#inSession(effect.session.sessionId, (live) => this.#sum(effect.session, effect.input, live));
        return;
      case 'contribute':
        this.#inSession(effect.session.sessionId, (live) => this.#contribute(effect.session, effect.plan, live));
        return;
      case 'charge':
        this.#inSession(effect.session.sessionId, async () => ({
          type: 'charged',
          sessionId: effect.session.sessionId,
          ...(await this.#books.charge(effect.plan, effect.session.header)),
        }));
        return;
      case 'mask':
        this.#inSession(effect.session.sessionId, (live) => this.#mask(effect.session, live));
        return;
      case 'waitPace':
        this.#waitPace(effect.session, effect.plan);
        return;
      case 'sendInSession':
        this.#inSession(effect.sessionId, async ({ abort }) => ({
          type: 'replied',
          sessionId: effect.sessionId,
          to: effect.message.type,
          reply: await this.#ports.transport.send(effect.message, abort.signal),
        }));
        return;
      case 'upload':
        this.#inSession(effect.session.sessionId, async (live) => {
          const { upload } = live;
          if (upload === null) throw new SottoError('INTERNAL', 'upload: the vector is not masked');
          // Taken out, so that no second upload of the same vector is possible.
          live.upload = null;
          const reply = await this.#ports.transport.upload(upload.message, upload.vector, live.abort.signal);
          if (live.late !== null) this.#sayLate(effect.session, live.late);
          return { type: 'replied', sessionId: effect.session.sessionId, to: 'upload', reply };
        });
        return;
    }
  }

  /** Runs one piece of a session's work; its outcome becomes an event, unless the session was forgotten meanwhile. */
  #inSession(sessionId: string, work: (live: Live) => Promise<ClientEvent | null>, first = false): void {
    let live = this.#live.get(sessionId);
    if (live === undefined && first) {
      live = {
        abort: new AbortController(),
        sum: null,
        noise: null,
        weights: null,
        beganAtMs: 0,
        integers: null,
        upload: null,
        cancelPace: null,
        standIn: null,
        late: null,
      };
      this.#live.set(sessionId, live);
    }
    if (live === undefined) return;
    const { signal } = live.abort;
    work(live).then(
      (event) => {
        if (event !== null && !signal.aborted) this.#step(event);
      },
      (error: unknown) => {
        if (!signal.aborted) this.#step({ type: 'failed', sessionId, ...failureOf(error) });
      },
    );
  }

  async #open(session: SessionView, plan: Plan, live: Live): Promise<ClientEvent> {
    const { header, sessionId, runId } = session;
    await this.#books.openAttempt(plan, header);
    await this.#tellDevice(runId);
    const bytes = await this.#ports.transport.fetchBlob(header.modelHash, live.abort.signal);
    const hash = toHex(await this.#ports.crypto.sha256(bytes));
    if (hash !== header.modelHash) {
      throw new SottoError(
        'MESSAGE_INVALID',
        `the model's bytes have hash ${hash}, the header names ${header.modelHash}`,
      );
    }
    const expected = layoutLength(modelLayout(plan.topology, inputWidth(plan.schema)));
    if (bytes.length !== expected * 4) {
      throw new SottoError('MESSAGE_INVALID', `the plan's model has ${expected * 4} bytes, ${bytes.length} came`);
    }
    live.weights = weightsOfBytes(bytes);
    return { type: 'opened', sessionId };
  }

  async #sum(session: SessionView, input: SumInput, live: Live): Promise<ClientEvent> {
    const { sessionId, header } = session;
    const { crypto, random, identity } = this.#ports;
    if (input.step === 'begin') {
      const { plan, members } = this.#planOf(session);
      const rules = {
        header,
        // Nobody but the own group: whoever else is put into the session fails it here.
        identities: new Map(
          plan.roster.clients.flatMap(({ client, identity }) => (members.has(client) ? [[client, identity]] : [])),
        ),
        minSurvivors: plan.cohort.minSurvivors,
        colluding: plan.cohort.colluding,
        removableNoise: removableNoise(plan),
      };
      const begun = await beginSession(rules, identity, { crypto, random });
      live.sum = begun.state;
      // In local and trusted mode there are no keys to exchange.
      if (begun.message === null) return { type: 'readyToContribute', sessionId };
      return { type: 'summed', sessionId, step: 'begin', message: begun.message };
    }
    const next = await this.#sumStep(sumStateOf(live), input);
    live.sum = next.state;
    if (next.noise !== undefined) live.noise = next.noise;
    return { type: 'summed', sessionId, step: input.step, message: next.message };
  }

  async #sumStep(
    state: SumClientState,
    input: Exclude<SumInput, { step: 'begin' }>,
  ): Promise<{ state: SumClientState; message: ClientMessage; noise?: ClientNoise | null }> {
    const { crypto, random, pause } = this.#ports;
    switch (input.step) {
      case 'roster':
        return onRoster(state, input.message, { crypto, random, pause });
      case 'inbox':
        return onInbox(state, input.message, { crypto, random, pause });
      case 'agree':
        return onAgreeRequest(state, input.message, { crypto, random });
      case 'unmask':
        return onUnmaskRequest(state, input.message, { crypto, random });
    }
  }

  /** One contribution of a run after the other: they share the model and its weights. */
  async #contribute(session: SessionView, plan: Plan, live: Live): Promise<ClientEvent | null> {
    const run = this.#workOf(session.runId, plan);
    this.#contributed = true;
    if (hidesCoin(plan)) live.standIn = this.#standIn(session, plan, live.noise);
    // Before the wait for a session that was given up: by how long that took, the pace would tell of its coin.
    live.beganAtMs = this.#ports.clock.now();
    const work = run.last.then(async () => {
      if (live.abort.signal.aborted || live.weights === null) return null;
      try {
        return await run.contributor.contribute({ ...session.header, noise: live.noise }, live.weights);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new SottoError('TRAINING_FAILED', `round ${session.header.round}: ${reason}`);
      }
    });
    run.last = work.catch(() => null);
    const integers = await (live.standIn === null ? work : this.#byThePace(plan, live, work, live.standIn));
    if (integers === null) return null;
    if (live.abort.signal.aborted) {
      integers.fill(0);
      return null;
    }
    live.integers = integers;
    return { type: 'contributed', sessionId: session.sessionId };
  }

  /** Made before the work begins, so that nothing comes between the pace and the upload. */
  #standIn({ header: { slots } }: SessionView, plan: Plan, noise: ClientNoise | null): Int32Array {
    const { crypto, random, allowInsecureRandom = false } = this.#ports;
    // Of the same keys as the contribution's: only one of both leaves, and what is given away of its noise later fits either.
    const layers = noiseLayersOf(plan, slots, noise, crypto.keyStream);
    return noiseAlone(sessionParts(plan, slots), layers, random, { allowInsecureRandom });
  }

  /**
   * What there is when the plan's pace is over: the contribution, or else the noise that stands in for it. One timer, set before the work
   * begins, for work that was early, late or failed: any difference would tell that the client's coin said yes.
   */
  #byThePace(
    plan: Plan,
    live: Live,
    work: Promise<Int32Array | null>,
    standIn: Int32Array,
  ): Promise<Int32Array | null> {
    return new Promise((resolve) => {
      let made: Int32Array | null = null;
      let over = false;
      let why = 'training takes longer';
      live.abort.signal.addEventListener('abort', () => made?.fill(0));
      live.cancelPace = this.#ports.clock.after(plan.training.paceMs, () => {
        over = true;
        live.cancelPace = null;
        live.late = made === null ? why : null;
        resolve(made ?? standIn);
      });
      work.then(
        (integers) => {
          if (over || live.abort.signal.aborted) integers?.fill(0);
          else made = integers;
        },
        (error: unknown) => {
          why = failureOf(error).reason;
        },
      );
    });
  }

  async #mask(session: SessionView, live: Live): Promise<ClientEvent> {
    const { crypto, random } = this.#ports;
    const { integers } = live;
    if (integers === null) throw new SottoError('INTERNAL', 'mask: there is no contribution');
    const masked = await maskVector(sumStateOf(live), integers, { crypto, random });
    live.sum = masked.state;
    live.upload = { message: masked.message, vector: masked.vector };
    // What leaves as it is, is wiped by nobody before it has left.
    if (masked.vector.buffer !== integers.buffer) integers.fill(0);
    live.integers = null;
    forgetNoise(live);
    return { type: 'masked', sessionId: session.sessionId };
  }

  #waitPace(session: SessionView, plan: Plan): void {
    const live = this.#live.get(session.sessionId);
    if (live === undefined) return;
    const { clock } = this.#ports;
    const run = this.#workOf(session.runId, plan);
    const ranMs = clock.now() - live.beganAtMs;
    const { paceMs } = plan.training;
    const { waitMs, state } = hidesCoin(plan)
      ? { waitMs: 0, state: run.pace }
      : paceUpload(run.pace, ranMs, paceMs, plan.deadlines.uploadMs);
    run.pace = state;
    const reached = (): void => {
      live.cancelPace = null;
      this.#step({ type: 'paceReached', sessionId: session.sessionId });
    };
    if (waitMs === 0) reached();
    else live.cancelPace = clock.after(waitMs, reached);
  }

  /** Sends what belongs to no open session; the answer changes nothing here, so only its failure is shown. */
  #tell(message: ClientMessage): Promise<void> {
    return this.#ports.transport.send(message, this.#closing.signal).then(
      (reply) => {
        if (!reply.ok && message.type !== 'sessionLeave') {
          this.#ports.notify({
            type: 'ignored',
            code: 'MESSAGE_UNEXPECTED',
            reason: `the coordinator answered ${message.type} with ${reply.code}: ${reply.message}`,
          });
        }
      },
      (error: unknown) => {
        if (this.#closing.signal.aborted) return;
        const { code, reason } = failureOf(error);
        this.#ports.notify({ type: 'ignored', code, reason: `${message.type}: ${reason}` });
      },
    );
  }

  /**
   * What computes, once a run, where the policy allows it. It leaves when a session opens, and is answered before the session's work
   * on the data begins: its moment is the coordinator's own, and not that at which a trial ended.
   */
  async #tellDevice(runId: string): Promise<void> {
    const run = this.#works.get(runId);
    if (run === undefined || run.untold === null) return;
    const message = { type: 'device', runId, ...deviceFacts(run.untold) } as const;
    run.untold = null;
    await this.#tell(message);
  }

  /** On the own screen, and not before the upload has left: saying it takes time. */
  #sayLate({ sessionId, runId, header: { round } }: SessionView, reason: string): void {
    const paceMs = this.#state.runs.get(runId)?.plan?.training.paceMs ?? 0;
    this.#ports.notify({ type: 'updateLate', sessionId, round, paceMs, reason });
  }

  /** Forgets a session. What JavaScript lets one wipe is wiped. */
  #drop(sessionId: string): void {
    const live = this.#live.get(sessionId);
    if (live === undefined) return;
    this.#live.delete(sessionId);
    live.abort.abort();
    live.cancelPace?.();
    live.integers?.fill(0);
    live.integers = null;
    // Not before: wiping takes time, and its moment would tell which of both left.
    live.standIn?.fill(0);
    live.standIn = null;
    live.upload = null;
    live.sum = null;
    forgetNoise(live);
  }

  #workOf(runId: string, plan: Plan): RunWork {
    let run = this.#works.get(runId);
    if (run === undefined) {
      const ports = this.#ports;
      if (ports.createContributor === undefined && ports.allowInsecureRandom !== true && hidesCoin(plan)) {
        throw new SottoError(
          'UNSUPPORTED',
          'a plan with hidden coins needs its work on the data in a thread of its own: here it would hold up the moment at which uploads leave',
        );
      }
      // A trial that begins later waits until the work for another run is done: whether it is over would tell how long that took.
      const mayTell = ports.policy.tellDevice && !this.#contributed;
      const contributor =
        ports.createContributor === undefined
          ? contributeInPlace(ports, plan, ports.identity.client)
          : ports.createContributor(plan, (device) => {
              const begun = this.#works.get(runId);
              if (mayTell && begun !== undefined) begun.untold = device;
            });
      run = { contributor, last: Promise.resolve(), pace: firstPace, untold: null };
      this.#works.set(runId, run);
    }
    return run;
  }

  async #endRun(runId: string): Promise<void> {
    const run = this.#works.get(runId);
    this.#works.delete(runId);
    await run?.contributor.dispose();
  }

  #planOf(session: SessionView): { readonly plan: Plan; readonly members: ReadonlySet<string> } {
    const run = this.#state.runs.get(session.runId);
    if (!run?.plan || !run.group) throw new SottoError('INTERNAL', `run ${session.runId}: no plan`);
    return { plan: run.plan, members: new Set(run.group.members) };
  }
}

/** Wipes the keys that the noise was drawn from. */
function forgetNoise(live: Live): void {
  for (const key of live.noise?.keys ?? []) key.fill(0);
  live.noise = null;
}

function sumStateOf(live: Live): SumClientState {
  if (live.sum === null) throw new SottoError('INTERNAL', 'the secure sum of this session has not begun');
  return live.sum;
}
