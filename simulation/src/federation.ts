import { createClientDriver, createMemoryLedger, type ClientDriver, type ClientNotice } from '@sotto/client/session';
import { createRunDriver, transcriptEntrySchema, type RunDriver, type RunPorts } from '@sotto/coordinator/runs';
import { createMemoryBlobs, createMemoryStore, type Blobs, type Store } from '@sotto/coordinator/store';
import type { CryptoPort } from '@sotto/shared/crypto';
import { createNodeCrypto } from '@sotto/shared/crypto/node';
import { SottoError } from '@sotto/shared/errors';
import { referenceModel } from '@sotto/shared/model';
import {
  inputWidth,
  parsePolicy,
  sessionHeaderFor,
  type Plan,
  type PolicyInput,
  type RosterClient,
  type SignedPlan,
} from '@sotto/shared/plan';
import { signPlan, type RunStatus } from '@sotto/shared/protocol';
import { createSeededRandom } from '@sotto/shared/random';
import { sessionIdOf } from '@sotto/shared/secure-sum';
import { wordsFromLittleEndian } from '@sotto/shared/vector';
import { Activity } from './activity.ts';
import { simulatedAuthority, simulatedIdentity, type SimulatedIdentity } from './authority.ts';
import { createFaults, noFaults, type FaultRates } from './faults.ts';
import { Life } from './life.ts';
import { SimulatedNetwork } from './network.ts';
import { RecordedSums } from './recorded-sums.ts';
import type { SimulatedClientData } from './simulated-data.ts';
import { VirtualClock } from './virtual-clock.ts';

export type SimulationConfig = {
  readonly seed: string;
  readonly clients: readonly SimulatedClientData[];
  /** The plan for this roster and authority. */
  readonly plan: (roster: readonly RosterClient[], authority: string) => Plan;
  readonly faults?: FaultRates;
  readonly policy?: PolicyInput;
  /** Gives up at this virtual time after the start: a run that neither ended nor failed by then is wedged. */
  readonly limitMs?: number;
  /** Restarts of a dead coordinator, in virtual milliseconds. */
  readonly restartMs?: number;
  /** Keeps every client's integers to compare with the releases; costs memory. Default true. */
  readonly checkSums?: boolean;
  readonly onStatus?: (status: RunStatus) => void;
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
  readonly notices: ReadonlyMap<string, readonly ClientNotice[]>;
  readonly bytesUp: number;
};

const policyForAll: PolicyInput = {
  version: 1,
  maxEpsilon: 1_000,
  maxDelta: 0.5,
  budget: { epsilon: 1_000_000, delta: 1e-5 },
  trust: ['secure', 'trusted'],
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
  return new Federation(config).run();
}

class Federation {
  readonly #config: SimulationConfig;
  readonly #clock = new VirtualClock();
  readonly #activity = new Activity();
  readonly #network: SimulatedNetwork;
  readonly #faults;
  readonly #sums = new RecordedSums();
  readonly #store = createMemoryStore();
  readonly #blobs = createMemoryBlobs();
  readonly #crypto = createNodeCrypto();
  readonly #random;
  readonly #notices = new Map<string, ClientNotice[]>();
  readonly #violations: string[] = [];
  #coordinator: { readonly driver: RunDriver; readonly life: Life } | null = null;
  #coordinatorCrashes = 0;
  #clientCrashes = 0;
  #lastStatus: RunStatus | null = null;

  constructor(config: SimulationConfig) {
    this.#config = config;
    this.#faults = createFaults(config.faults ?? noFaults, config.seed);
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
    const roster = identities.map(({ roster }) => roster).sort((a, b) => (a.client < b.client ? -1 : 1));
    const plan = this.#config.plan(roster, authority.publicKey);
    await this.#startCoordinator();
    for (const [index, identity] of identities.entries()) {
      // One identity for each client.
      await this.#clientProcess(identity, clients[index]!, authority.publicKey, plan);
    }
    const signed = signPlan(plan, authority);
    const ends = this.#clock.now() + limitMs;
    const runId = await this.#submit(signed);
    for (;;) {
      await this.#activity.settled();
      const status = this.#statusOf(runId);
      if (status !== null && ['finished', 'stopped', 'failed'].includes(status.state)) break;
      if (!this.#clock.fireNext(ends)) {
        this.#violations.push(
          `wedged: ${status?.state ?? 'no coordinator'}, round ${status?.round ?? '?'}, stage ${status?.stage ?? '?'}`,
        );
        break;
      }
    }
    if (this.#config.checkSums !== false) await this.#checkReleases(runId, plan);
    await this.#checkLedger(runId);
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
      violations: [...this.#violations, ...this.#sums.violations],
      releasesChecked: this.#sums.releasesChecked,
      coordinatorCrashes: this.#coordinatorCrashes,
      clientCrashes: this.#clientCrashes,
      notices: this.#notices,
      bytesUp: this.#network.bytesUp,
    };
  }

  /** Submits the plan, again where the coordinator dies over it: the same plan is the same run. */
  async #submit(signed: SignedPlan): Promise<string> {
    for (;;) {
      let runId: string | null = null;
      const asked = this.#coordinator?.driver.submit(signed).then((run) => (runId = run.runId));
      await Promise.race([asked, this.#activity.settled()]);
      await this.#activity.settled();
      if (runId !== null) return runId;
      if (this.#coordinator !== null) throw new SottoError('INTERNAL', 'the coordinator does not answer a submission');
      this.#clock.fireNext();
    }
  }

  #statusOf(runId: string): RunStatus | null {
    if (this.#coordinator === null) return null;
    try {
      this.#lastStatus = this.#coordinator.driver.status(runId);
    } catch {
      return null;
    }
    return this.#lastStatus;
  }

  async #startCoordinator(): Promise<void> {
    const life = new Life();
    const mayCrash = (): void => {
      if (this.#faults.happens(this.#faults.rates.coordinatorCrashes)) this.#crashCoordinator();
    };
    const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const ports: RunPorts = {
      clock: {
        now: () => this.#clock.now(),
        after: (ms, action) => this.#clock.after(ms, () => life.alive && action()),
      },
      store: life.guard(this.#activity.watch(this.#store), mayCrash, mayCrash),
      blobs: life.guard(this.#activity.watch(this.#blobs)),
      transport: { send: (client, message) => life.alive && this.#network.send(client, message) },
      crypto: life.guard(this.#activity.watch(this.#crypto)),
      random: this.#random,
      log: silent,
      allowInsecureRandom: true,
    };
    const driver = createRunDriver(ports);
    this.#coordinator = { driver, life };
    // The start itself may crash: then its promise stays open, and the next life goes on.
    const started = driver.start();
    await Promise.race([started, this.#activity.settled()]);
    if (!life.alive) return;
    if (this.#config.onStatus !== undefined) driver.onStatus(this.#config.onStatus);
    this.#network.coordinatorStarted({
      received: (client, envelope) => driver.received(client, structuredClone(envelope)),
      uploaded: (client, upload, vector) => driver.uploaded(client, structuredClone(upload), vector.slice()),
      clientConnected: (client) => driver.clientConnected(client),
      clientDisconnected: (client) => driver.clientDisconnected(client),
      blob: async (hash) => {
        const bytes = await ports.blobs.get(hash);
        if (bytes === null) throw new SottoError('NOT_FOUND', `no blob ${hash}`);
        return bytes;
      },
    });
  }

  #crashCoordinator(): void {
    if (this.#coordinator === null) return;
    this.#coordinator.life.end();
    this.#coordinator = null;
    this.#coordinatorCrashes += 1;
    this.#network.coordinatorEnded();
    this.#clock.after(this.#config.restartMs ?? 3_000, () => void this.#startCoordinator());
  }

  async #clientProcess(who: SimulatedIdentity, own: SimulatedClientData, authority: string, plan: Plan): Promise<void> {
    const { client } = who.roster;
    const ledger = createMemoryLedger();
    const notices: ClientNotice[] = [];
    this.#notices.set(own.name, notices);
    const start = async (): Promise<void> => {
      const life = new Life();
      const watch = <T extends object>(port: T): T => life.guard(this.#activity.watch(port));
      let unmasked: Int32Array | null = null;
      const seen = new WeakSet<object>();
      const crypto: CryptoPort = watch({
        ...this.#crypto,
        addMask: (target, key, sign, firstWord) => {
          // The first mask goes onto the plain integers: what the released sum must be made of.
          if (!seen.has(target)) unmasked = new Int32Array(target.slice().buffer);
          seen.add(target);
          return this.#crypto.addMask(target, key, sign, firstWord);
        },
      });
      const line = this.#network.transportOf(client);
      const transport = life.guard<typeof line>({
        ...line,
        upload: (upload, vector, signal) => {
          const integers = plan.trust === 'trusted' ? new Int32Array(wordsFromLittleEndian(vector).buffer) : unmasked;
          if (integers !== null && this.#config.checkSums !== false) {
            this.#sums.contributed(upload.sessionId, client, integers);
          }
          return line.upload(upload, vector, signal);
        },
      });
      const driver: ClientDriver = await createClientDriver({
        clock: {
          now: () => this.#clock.now(),
          after: (ms, action) => this.#clock.after(ms, () => life.alive && action()),
        },
        transport,
        crypto,
        random: this.#random,
        identity: who.identity,
        authority,
        policy: parsePolicy(this.#config.policy ?? policyForAll),
        ledger: watch(ledger),
        data: own.data,
        createModel: async (planned) =>
          watch(referenceModel(planned.topology, inputWidth(planned.schema), planned.loss)),
        notify: (notice) => life.alive && notices.push(notice),
        allowInsecureRandom: true,
      });
      const crash = (): void => {
        life.end();
        this.#clientCrashes += 1;
        this.#network.clientEnded(client);
        if (this.#faults.happens(this.#faults.rates.clientReturns)) {
          this.#clock.after(5_000 + this.#faults.delayMs(), () => void start());
        }
      };
      this.#network.clientStarted(client, {
        received: (message) => {
          if (this.#faults.happens(this.#faults.rates.clientCrashes)) crash();
          else driver.received(message);
        },
        connected: () => driver.connected(),
        disconnected: () => driver.disconnected(),
      });
    };
    await start();
  }

  /** Every release is the exact sum of its declared survivors' integers. */
  async #checkReleases(runId: string, plan: Plan): Promise<void> {
    const releases = await this.#store.releases(runId);
    for (const { entry } of await this.#store.transcript(runId)) {
      const parsed = transcriptEntrySchema.parse(JSON.parse(entry));
      if (parsed.type !== 'release') continue;
      const record = releases.find(({ round, attempt }) => round === parsed.round && attempt === parsed.attempt);
      const bytes = record === undefined ? null : await this.#blobs.get(record.sumBlob);
      if (bytes === null) {
        this.#violations.push(`round ${parsed.round}: the transcript has a release that the store has not`);
        continue;
      }
      if (plan.trust === 'trusted' && plan.privacy.kind === 'dp') continue;
      const header = sessionHeaderFor(plan, { ...parsed, modelHash: parsed.modelBefore });
      const sum = new Int32Array(wordsFromLittleEndian(bytes).buffer);
      this.#sums.released(sessionIdOf(header), header, parsed.survivors, sum);
    }
  }

  /** Every release was charged before, and no round was released twice. */
  async #checkLedger(runId: string): Promise<void> {
    const charges = new Set((await this.#store.charges(runId)).map(({ attempt, slot }) => `${attempt}/${slot}`));
    const rounds = new Set<number>();
    for (const { entry } of await this.#store.transcript(runId)) {
      const parsed = transcriptEntrySchema.parse(JSON.parse(entry));
      if (parsed.type !== 'release') continue;
      if (rounds.has(parsed.round)) this.#violations.push(`round ${parsed.round} was released twice`);
      rounds.add(parsed.round);
      for (const slot of parsed.slots) {
        if (!charges.has(`${parsed.attempt}/${slot}`)) {
          this.#violations.push(
            `round ${parsed.round}: the ${slot} release of attempt ${parsed.attempt} was not charged`,
          );
        }
      }
    }
  }
}
