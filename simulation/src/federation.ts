import {
  createClientDriver,
  createMemoryLedger,
  type ClientDriver,
  type ClientLedgerStore,
  type ClientNotice,
  type Contributor,
  type DataPart,
  type LocalData,
} from '@sotto/client/session';
import {
  createRunDriver,
  openFederationBooks,
  runEventSchema,
  type RunDriver,
  type RunPorts,
  type RunProgress,
} from '@sotto/coordinator/runs';
import { createMemoryBlobs, createMemoryStore, type Blobs, type Store } from '@sotto/coordinator/store';
import type { CryptoPort } from '@sotto/shared/crypto';
import { createNodeCrypto } from '@sotto/shared/crypto/node';
import { SottoError } from '@sotto/shared/errors';
import { referenceModel, type UnitBatch } from '@sotto/shared/model';
import {
  groupsNeeded,
  groupsOf,
  inputWidth,
  isSummedSecretly,
  parsePolicy,
  queryContext,
  sessionParts,
  type Plan,
  type Policy,
  type PolicyInput,
  type RosterClient,
  type SignedPlan,
} from '@sotto/shared/plan';
import type { LedgerOpening } from '@sotto/shared/privacy';
import { signPlan, type RunStatus } from '@sotto/shared/protocol';
import { dataPartsRead } from '@sotto/shared/queries';
import { createSeededRandom } from '@sotto/shared/random';
import { cohortFault, type Upload } from '@sotto/shared/secure-sum';
import { toHex, wordsFromLittleEndian } from '@sotto/shared/vector';
import { Activity } from './activity.ts';
import { simulatedAuthority, simulatedIdentity, type SimulatedIdentity } from './authority.ts';
import { checkRun } from './check-run.ts';
import { createFaults, noFaults, type CrashPoint, type FaultRates } from './faults.ts';
import { createLiar, type Liar, type LiarConfig } from './lies.ts';
import { Life } from './life.ts';
import { SimulatedNetwork } from './network.ts';
import { RecordedSums } from './recorded-sums.ts';
import type { SimulatedClientData } from './simulated-data.ts';
import { WorkDesk } from './threads/work-desk.ts';
import { VirtualClock } from './virtual-clock.ts';
import { Witness } from './witness.ts';

export type SimulationConfig = {
  readonly seed: string;
  readonly clients: readonly SimulatedClientData[];
  /** The plan for this roster and authority. */
  readonly plan: (roster: readonly RosterClient[], authority: string) => Plan;
  /** Weights as bytes that the plan's checkpoint names; handed to the coordinator beforehand. */
  readonly initial?: Uint8Array;
  readonly faults?: FaultRates;
  /** Crashes of one's own choice, besides those of the rates; asked at every point where a process may die. */
  readonly crashAt?: (point: CrashPoint) => boolean;
  /** Clients that lie, by name. */
  readonly liars?: ReadonlyMap<string, LiarConfig>;
  readonly policy?: PolicyInput;
  /** The federation's budget over all plans, by how often the coordinator was started again. Default: none. */
  readonly budget?: (restarts: number) => LedgerOpening;
  /** Gives up at this virtual time after the start: a run that neither ended nor failed by then is wedged. */
  readonly limitMs?: number;
  /** How long the world goes on after the run's end, so that the clients hear of it, in virtual milliseconds. Default 0. */
  readonly lingerMs?: number;
  /** Restarts of a dead coordinator, in virtual milliseconds. */
  readonly restartMs?: number;
  /** Keeps every client's integers to compare with the releases; costs memory. Default true. */
  readonly checkSums?: boolean;
  /** Called when the run's state, session or stage has changed. */
  readonly onStatus?: (status: RunStatus) => void;
  /**
   * Makes contributions on so many threads, each client's randomness from a stream of its own: the same run for any number of them.
   * Absent: where the federation runs, all from one stream. Clients that lie do all their work there.
   */
  readonly threads?: number;
  /** Default: Node's, which verifies a signature once a process, however many clients of the simulation look at it. */
  readonly crypto?: CryptoPort;
};

export type SimulationResult = {
  readonly status: RunStatus;
  readonly runId: string;
  readonly store: Store;
  readonly blobs: Blobs;
  readonly plan: Plan;
  /** What went against the rules of the protocol; empty if all is well. */
  readonly violations: readonly string[];
  readonly releasesChecked: number;
  readonly coordinatorCrashes: number;
  readonly clientCrashes: number;
  /** Whether the run was left waiting because too few clients are alive: nothing is wrong with that. */
  readonly waitsForClients: boolean;
  readonly lies: number;
  readonly notices: ReadonlyMap<string, readonly ClientNotice[]>;
  readonly bytesUp: number;
};

const policyForAll: PolicyInput = {
  version: 1,
  maxEpsilon: 1_000,
  maxDelta: 0.5,
  budget: { epsilon: 1_000_000, delta: 1e-5 },
  trust: ['secure', 'grouped', 'local', 'trusted'],
  suites: ['x25519', 'x25519+mlkem768'],
  minSurvivors: 1,
  minColluding: 0,
  allowPrivacyNone: true,
  maxSessions: 1_000_000,
};

/**
 * A whole federation in one process: the product's own run and client machines, drivers and protocol, on a virtual clock and a
 * network that fails as the seed says. Nothing is bypassed but sockets and disks.
 */
export async function simulate(config: SimulationConfig): Promise<SimulationResult> {
  const federation = new Federation(config);
  try {
    return await federation.run();
  } finally {
    await federation.close();
  }
}

class Federation {
  readonly #config: SimulationConfig;
  readonly #clock = new VirtualClock();
  readonly #activity = new Activity();
  readonly #network: SimulatedNetwork;
  readonly #faults;
  readonly #sums: RecordedSums;
  readonly #store = createMemoryStore();
  readonly #blobs = createMemoryBlobs();
  readonly #crypto: CryptoPort;
  readonly #random;
  readonly #notices = new Map<string, ClientNotice[]>();
  readonly #ledgers = new Map<string, ClientLedgerStore>();
  readonly #liars = new Map<string, Liar>();
  readonly #alive = new Map<string, Life>();
  readonly #violations: string[] = [];
  #coordinator: { readonly driver: RunDriver; readonly life: Life } | null = null;
  #coordinatorCrashes = 0;
  #clientCrashes = 0;
  #lastStatus: RunStatus | null = null;
  #desk: WorkDesk | null = null;
  #lives = 0;

  constructor(config: SimulationConfig) {
    this.#config = config;
    this.#crypto = config.crypto ?? createNodeCrypto();
    this.#sums = new RecordedSums(this.#crypto.keyStream);
    this.#faults = createFaults(config.faults ?? noFaults, config.seed, config.crashAt);
    this.#network = new SimulatedNetwork(this.#clock, this.#faults);
    this.#random = createSeededRandom(`federation/${config.seed}`);
  }

  async run(): Promise<SimulationResult> {
    const { clients, limitMs = 30 * 86_400_000 } = this.#config;
    const authority = simulatedAuthority(this.#random);
    const identities: SimulatedIdentity[] = [];
    for (const { name } of clients) {
      const identity = await simulatedIdentity(name, authority, this.#crypto, this.#random);
      identities.push(identity);
      const record = {
        client: identity.roster.client,
        name,
        certificate: identity.certificate,
        enrolledAt: this.#clock.now(),
      };
      await this.#store.enrol(record, 1);
    }
    if (this.#config.initial !== undefined) await this.#blobs.put(this.#config.initial);
    const roster = identities.map(({ roster }) => roster).sort((a, b) => (a.client < b.client ? -1 : 1));
    const plan = this.#config.plan(roster, authority.publicKey);
    const policy = parsePolicy(this.#config.policy ?? policyForAll);
    const witness = new Witness(plan);
    this.#openDesk(plan);
    await this.#startCoordinator(witness);
    const signed = signPlan(plan, authority);
    for (const [index, identity] of identities.entries()) {
      // One identity for each client.
      this.#clientProcess(identity, clients[index]!, policy, signed, witness);
      await this.#activity.settled();
    }
    const ends = this.#clock.now() + limitMs;
    let waitsForClients = false;
    let shown = '';
    const runId = await this.#submit(signed);
    for (;;) {
      await this.#activity.settled();
      const progress = this.#progressOf(runId);
      const changed = progress === null ? '' : `${progress.state} ${progress.attempt} ${progress.stage}`;
      if (changed !== shown) {
        const status = this.#statusOf(runId);
        if (status !== null) this.#config.onStatus?.(status);
      }
      shown = changed;
      if (progress !== null && ['finished', 'stopped', 'failed'].includes(progress.state)) break;
      if (!(await this.#goOn(ends))) {
        const status = this.#statusOf(runId);
        waitsForClients = status?.stage === 'idle' && !(await this.#canOpen(runId, signed));
        if (!waitsForClients) {
          this.#violations.push(
            `wedged: ${status?.state ?? 'no coordinator'}, round ${status?.round ?? '?'}, stage ${status?.stage ?? '?'}`,
          );
        }
        break;
      }
    }
    const lingersTo = this.#clock.now() + (this.#config.lingerMs ?? 0);
    while (lingersTo > this.#clock.now() && (await this.#goOn(lingersTo))) await this.#activity.settled();
    const checked = await checkRun({
      runId,
      plan,
      store: this.#store,
      blobs: this.#blobs,
      ledgers: this.#ledgers,
      budget: policy.budget,
      witness,
      sums: this.#config.checkSums === false ? null : this.#sums,
    });
    const status = this.#statusOf(runId) ?? this.#lastStatus;
    if (status === null) throw new SottoError('INTERNAL', 'the simulation has no status of its run');
    this.#coordinator?.life.end();
    await this.#coordinator?.driver.close();
    return {
      status,
      runId,
      store: this.#store,
      blobs: this.#blobs,
      plan,
      violations: [...this.#violations, ...witness.violations, ...checked, ...this.#sums.violations],
      releasesChecked: this.#sums.releasesChecked,
      coordinatorCrashes: this.#coordinatorCrashes,
      clientCrashes: this.#clientCrashes,
      waitsForClients,
      lies: [...this.#liars.values()].reduce((sum, liar) => sum + liar.told(), 0),
      notices: this.#notices,
      bytesUp: this.#network.bytesUp,
    };
  }

  async close(): Promise<void> {
    await this.#desk?.close();
  }

  #openDesk(plan: Plan): void {
    const { threads } = this.#config;
    if (threads !== undefined) this.#desk = new WorkDesk(plan, threads, this.#crypto);
  }

  /**
   * The next thing that happens up to that time; false when there is nothing. Work at the desk takes no time, and waits for all that
   * happens at its instant, so that as much as possible is done at once.
   */
  async #goOn(untilMs: number): Promise<boolean> {
    if (this.#desk?.busy !== true) return this.#clock.fireNext(untilMs);
    if (!this.#clock.fireNext(this.#clock.now())) await this.#desk.work();
    return true;
  }

  /** A process's own crypto. What is asked of the desk is not under way: it waits for others to ask. */
  #cryptoOf(life: Life, port: CryptoPort, desk: WorkDesk | null): CryptoPort {
    const own = life.guard(this.#activity.watch(port));
    return desk === null
      ? own
      : { ...own, sha256: life.guard({ hash: (bytes: Uint8Array) => desk.sha256(bytes) }).hash };
  }

  /** One life's contributions, made at the desk. */
  #contributorAt(
    desk: WorkDesk,
    plan: Plan,
    client: string,
    unitsOf: LocalData['unitsOf'],
    drawn: (key: Uint8Array) => void,
  ) {
    const life = ++this.#lives;
    let made = 0;
    const contributor: Contributor = {
      contribute: async (task, weights) => {
        const seed = `contribution/${this.#config.seed}/${client}/${life}/${++made}`;
        const units = new Map<DataPart, UnitBatch>();
        const { heldOut } = queryContext(plan, client);
        for (const part of sessionParts(plan, task.slots))
          for (const dataPart of dataPartsRead(heldOut, part)) units.set(dataPart, await unitsOf(dataPart, plan.split));
        const { integers, noiseKeys } = await desk.contribute({ life, client, seed, task, weights, units });
        noiseKeys.forEach(drawn);
        return integers;
      },
      dispose: async () => desk.end(client, life),
    };
    return contributor;
  }

  /** Submits the plan, again where the coordinator dies over it: the same plan is the same run. */
  async #submit(signed: SignedPlan): Promise<string> {
    for (;;) {
      // A coordinator takes plans on when it has started.
      await this.#activity.settled();
      let runId: string | null = null;
      const asked = this.#coordinator?.driver.submit(signed).then((run) => (runId = run.runId));
      await Promise.race([asked, this.#activity.settled()]);
      await this.#activity.settled();
      if (runId !== null) return runId;
      if (this.#coordinator !== null) throw new SottoError('INTERNAL', 'the coordinator does not answer a submission');
      await this.#goOn(Infinity);
    }
  }

  /** Far cheaper than the whole status, and asked for at every event. */
  #progressOf(runId: string): RunProgress | null {
    try {
      return this.#coordinator?.driver.progress(runId) ?? null;
    } catch {
      return null;
    }
  }

  #statusOf(runId: string): RunStatus | null {
    if (this.#coordinator === null) return null;
    const before = this.#lastStatus?.privacy;
    try {
      this.#lastStatus = this.#coordinator.driver.status(runId);
    } catch {
      return null;
    }
    const after = this.#lastStatus.privacy;
    for (const field of ['epsilonSoFar', 'evaluationEpsilonSoFar', 'reportEpsilonSoFar'] as const) {
      const [had, has] = [before?.[field] ?? 0, after[field] ?? 0];
      if (has < had) this.#violations.push(`the coordinator's ${field} fell from ${had} to ${has}`);
    }
    return this.#lastStatus;
  }

  /** Whether the clients whose processes live are enough for a round: in as many groups as it still lacks. */
  async #canOpen(runId: string, signed: SignedPlan): Promise<boolean> {
    const { plan } = signed;
    const { minSurvivors, colluding } = plan.cohort;
    const released = new Set<number>();
    for (const text of await this.#store.events(runId)) {
      const event = runEventSchema.parse(JSON.parse(text));
      if (event.type === 'released') released.clear();
      if (event.type === 'groupReleased') released.add(event.group);
    }
    const able = groupsOf(signed).filter((members, group) => {
      const alive = members.filter((client) => this.#alive.get(client)?.alive === true).length;
      if (released.has(group)) return true;
      return isSummedSecretly(plan) ? cohortFault(alive, minSurvivors, colluding) === null : alive >= minSurvivors;
    });
    return able.length >= groupsNeeded(plan);
  }

  async #startCoordinator(witness: Witness): Promise<void> {
    const life = new Life();
    const mayCrash =
      (port: string, side: CrashPoint['side']) =>
      (method: PropertyKey): void => {
        const point: CrashPoint = { process: 'coordinator', at: `${port}.${String(method)}`, side };
        if (this.#faults.crashesAt(point)) this.#crashCoordinator(witness);
      };
    const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const ports: RunPorts = {
      clock: {
        now: () => this.#clock.now(),
        after: (ms, action) => this.#clock.after(ms, () => life.alive && action()),
      },
      store: life.guard(this.#activity.watch(this.#store), mayCrash('store', 'before'), mayCrash('store', 'after')),
      blobs: life.guard(this.#activity.watch(this.#blobs), mayCrash('blobs', 'before'), mayCrash('blobs', 'after')),
      transport: {
        send: (client, message, mark) => {
          if (!life.alive) return;
          if (message.type === 'sessionOpen') witness.sessionOpened(message.sessionId, message.header);
          this.#network.send(client, message, mark);
        },
      },
      crypto: this.#cryptoOf(life, this.#crypto, this.#desk),
      random: this.#random,
      log: silent,
      allowInsecureRandom: true,
    };
    const budget = this.#config.budget?.(this.#coordinatorCrashes);
    const books = budget === undefined ? {} : { books: await openFederationBooks(this.#store, budget) };
    const driver = createRunDriver({ ...ports, ...books });
    this.#coordinator = { driver, life };
    // The start itself may crash: then its promise stays open, and the next life goes on.
    const started = driver.start();
    await Promise.race([started, this.#activity.settled()]);
    if (!life.alive) return;
    this.#network.coordinatorStarted({
      received: (client, envelope) => driver.received(client, structuredClone(envelope)),
      uploaded: async (client, upload, vector) => {
        const reply = await driver.uploaded(client, structuredClone(upload), vector);
        if (reply.ok && life.alive) await this.#acknowledged(witness, client, upload);
        return reply;
      },
      clientConnected: (client, heard) => driver.clientConnected(client, heard),
      clientDisconnected: (client) => driver.clientDisconnected(client),
      blob: async (hash) => {
        const bytes = await ports.blobs.get(hash);
        if (bytes === null) throw new SottoError('NOT_FOUND', `no blob ${hash}`);
        return bytes;
      },
    });
  }

  async #acknowledged(witness: Witness, client: string, { sessionId }: Upload): Promise<void> {
    const attempts = new Set<number>();
    for (const { runId } of await this.#store.runs()) {
      for (const { attempt } of await this.#store.charges(runId)) attempts.add(attempt);
    }
    witness.acknowledged(client, sessionId, attempts);
  }

  #crashCoordinator(witness: Witness): void {
    if (this.#coordinator === null) return;
    this.#coordinator.life.end();
    this.#coordinator = null;
    this.#coordinatorCrashes += 1;
    this.#network.coordinatorEnded();
    this.#clock.after(this.#config.restartMs ?? 3_000, () => void this.#startCoordinator(witness));
  }

  #clientProcess(
    who: SimulatedIdentity,
    own: SimulatedClientData,
    policy: Policy,
    signed: SignedPlan,
    witness: Witness,
  ): void {
    const { plan } = signed;
    const { client } = who.roster;
    const { name } = own;
    const durable = createMemoryLedger();
    this.#ledgers.set(client, durable);
    const notices: ClientNotice[] = [];
    this.#notices.set(name, notices);
    const lie = this.#config.liars?.get(name);
    // Somebody of its own group: nobody else is in a session with it.
    const other =
      lie &&
      groupsOf(signed)
        .find((members) => members.includes(client))
        ?.find((one) => one !== client);
    const liar = lie === undefined ? null : createLiar(lie, client, other ?? client);
    if (liar !== null) this.#liars.set(name, liar);
    const ledger: ClientLedgerStore = {
      ...durable,
      commit: async (charges, mark) => {
        await durable.commit(charges, mark);
        witness.booked(client, charges, mark.attempt);
      },
    };
    const start = async (): Promise<void> => {
      const life = new Life();
      this.#alive.set(client, life);
      const crash = (): void => {
        life.end();
        this.#clientCrashes += 1;
        this.#network.clientEnded(client);
        if (this.#faults.happens(this.#faults.rates.clientReturns)) {
          this.#clock.after(500 + 2 * this.#faults.delayMs(), () => void start());
        }
      };
      const mayCrash = (at: string, side: CrashPoint['side']): void => {
        if (this.#faults.crashesAt({ process: name, at, side })) crash();
      };
      const callOf = (method: PropertyKey, parameters: readonly unknown[]): string => {
        const [message] = parameters;
        const type = typeof message === 'object' && message !== null && 'type' in message ? message.type : null;
        return typeof type === 'string' ? `${String(method)} ${type}` : String(method);
      };
      const watch = <T extends object>(port: T): T => life.guard(this.#activity.watch(port));
      const records = this.#config.checkSums !== false;
      const desk = liar === null ? this.#desk : null;
      let unmasked: Int32Array | null = null;
      /** Keys that this client drew noise from, in the order of the layers; those of its latest session last. */
      const noiseKeys = new Map<string, Uint8Array>();
      const drawn = (key: Uint8Array): void => {
        // A client that hides its coin draws twice from the same keys; those that it has wiped draw for nobody.
        if (records && key.some((byte) => byte !== 0)) noiseKeys.set(toHex(key), key.slice());
      };
      const ownCrypto: CryptoPort = {
        ...(liar?.crypto(this.#crypto) ?? this.#crypto),
        addMasks: (target, masks, firstWord) => {
          // The masks go onto the plain integers: what the released sum must be made of.
          if (records) unmasked = new Int32Array(target.slice().buffer);
          return this.#crypto.addMasks(target, masks, firstWord);
        },
        keyStream: (key, drawnBy) => {
          drawn(key);
          return this.#crypto.keyStream(key, drawnBy);
        },
      };
      const crypto = this.#cryptoOf(life, ownCrypto, desk);
      const line = this.#network.transportOf(client, life);
      // What the machine says is witnessed before a liar gets at it.
      const told = liar?.transport(line) ?? line;
      const transport = life.guard<typeof line>(
        {
          ...told,
          send: (message, signal) => {
            witness.sent(client, message);
            return told.send(message, signal);
          },
          upload: (upload, vector, signal) => {
            witness.uploaded(client, upload);
            if (records && !isSummedSecretly(plan)) unmasked = new Int32Array(wordsFromLittleEndian(vector).buffer);
            if (unmasked !== null) {
              this.#sums.contributed(upload.sessionId, client, unmasked, [...noiseKeys.values()]);
              noiseKeys.clear();
            }
            return told.upload(upload, vector, signal);
          },
        },
        (method, parameters) => mayCrash(callOf(method, parameters), 'before'),
        (method, parameters) => mayCrash(callOf(method, parameters), 'after'),
      );
      const { schema } = own.data;
      const unitsOf: LocalData['unitsOf'] = async (part, split) => {
        const ms = this.#faults.trainingMs();
        if (ms > 0) await new Promise<void>((resolve) => this.#clock.after(ms, resolve));
        return own.data.unitsOf(part, split);
      };
      const driver: ClientDriver = await createClientDriver({
        clock: {
          now: () => this.#clock.now(),
          after: (ms, action) => this.#clock.after(ms, () => life.alive && action()),
        },
        transport,
        crypto,
        random: this.#random,
        identity: liar?.identity(who.identity) ?? who.identity,
        authority: plan.authority,
        policy,
        revocations: null,
        ledger: life.guard(
          this.#activity.watch(ledger),
          (method) => mayCrash(`ledger.${String(method)}`, 'before'),
          (method) => mayCrash(`ledger.${String(method)}`, 'after'),
        ),
        ...(desk === null
          ? {
              data: { schema, unitsOf },
              createModel: async (planned: Plan) =>
                watch(referenceModel(planned.topology, inputWidth(planned.schema), planned.loss)),
            }
          : {
              data: { schema },
              createContributor: () => life.guard(this.#contributorAt(desk, plan, client, unitsOf, drawn)),
            }),
        notify: (notice) => {
          if (!life.alive) return;
          notices.push(notice);
          witness.notified(client, notice);
        },
        allowInsecureRandom: true,
      });
      this.#network.clientStarted(client, {
        received: (message) => {
          mayCrash(`receive ${message.type}`, 'before');
          if (life.alive) driver.received(message);
        },
        connected: () => life.alive && driver.connected(),
        disconnected: () => life.alive && driver.disconnected(),
      });
    };
    // A start that is cut short by a crash never ends; the next one is under way.
    void start();
  }
}
