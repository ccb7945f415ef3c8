import { createNodeCrypto } from '@sotto/shared/crypto/node';
import type { Plan, SignedPlan } from '@sotto/shared/plan';
import type { LedgerOpening } from '@sotto/shared/privacy';
import { exampleAuthority, exampleClients } from '@sotto/shared/plan/testing';
import {
  authorityKeyOf,
  issueCertificate,
  issueInvitation,
  signPlan,
  type ServerMessage,
} from '@sotto/shared/protocol';
import { createSeededRandom } from '@sotto/shared/random';
import { createRunDriver } from '../runs/driver.ts';
import { openFederationBooks } from '../runs/federation-books.ts';
import type { RunDriver, RunLog } from '../runs/ports.ts';
import { createMemoryBlobs } from '../store/memory-blobs.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import type { Blobs, Store } from '../store/store.ts';
import { createFakeClient, type FakeClient } from './fake-client.ts';
import { createManualClock, type ManualClock } from './manual-clock.ts';

const quiet: RunLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A coordinator with fake clients in one process, for tests. */
export type Federation = {
  readonly plan: Plan;
  readonly signedPlan: SignedPlan;
  readonly clock: ManualClock;
  readonly store: Store;
  readonly blobs: Blobs;
  readonly clients: readonly FakeClient[];
  driver(): RunDriver;
  /** Kills the coordinator as it stands and starts another on the same store; clients connect again. */
  restart(): Promise<void>;
  connect(client: FakeClient): void;
  disconnect(client: FakeClient): void;
  /** Lets everything happen until `done`, or `ms` of the clock have passed; returns whether it was done. */
  until(done: () => boolean, ms?: number): Promise<boolean>;
};

/**
 * A federation for a plan whose roster is the first example clients, all enrolled and none connected. Fake clients add no noise, so
 * the plan is changed to one that takes none out.
 */
export async function createFederation(
  given: Plan,
  options: { store?: Store; blobs?: Blobs; seed?: string; budget?: LedgerOpening } = {},
): Promise<Federation> {
  const plan: Plan = { ...given, cohort: { ...given.cohort, noise: 'kept' } };
  const crypto = createNodeCrypto();
  const random = createSeededRandom(options.seed ?? 'federation');
  const key = authorityKeyOf(exampleAuthority().seed);
  const signedPlan = signPlan(plan, key);
  const clock = createManualClock();
  const store = options.store ?? createMemoryStore();
  const blobs = options.blobs ?? createMemoryBlobs();
  const connected = new Set<string>();
  let driver = await newDriver();
  const identities = exampleClients(plan.roster.clients.length);
  const clients = identities.map((identity, index) =>
    createFakeClient(
      identity,
      plan,
      { crypto, random },
      (attempt, coordinate) => (index + 1) * 1_000 + attempt * 10 + (coordinate % 7),
      {
        received: (client, envelope) => driver.received(client, envelope),
        uploaded: (client, upload, vector) => driver.uploaded(client, upload, vector),
      },
    ),
  );
  for (const identity of identities) {
    const terms = {
      coordinator: 'https://127.0.0.1:1',
      tlsFingerprint: null,
      role: 'silo',
      quota: 1,
      expiresAt: '2040-01-01T00:00:00Z',
    } as const;
    const invitation = issueInvitation(key, terms, random);
    const certificate = await issueCertificate(invitation, identity.identity, identity.name, crypto);
    await store.enrol({ client: identity.client, name: identity.name, certificate, enrolledAt: 0 }, 1);
  }

  async function newDriver(): Promise<RunDriver> {
    const { budget } = options;
    return createRunDriver({
      clock,
      store,
      blobs,
      crypto,
      random,
      log: quiet,
      allowInsecureRandom: true,
      authority: key.publicKey,
      ...(budget === undefined ? {} : { books: await openFederationBooks(store, budget) }),
      transport: { send: (client, message) => deliver(client, message) },
    });
  }

  function deliver(client: string, message: ServerMessage): void {
    const sentBy = driver;
    // A network hop: the receiver never runs inside the sender's turn.
    clock.after(1, () => {
      if (connected.has(client) && sentBy === driver) {
        inFlight.add(
          clientOf(client)
            .receive(message)
            .catch((error: unknown) => faults.push(error)),
        );
      }
    });
  }

  const inFlight = new Set<Promise<unknown>>();
  const faults: unknown[] = [];
  const clientOf = (id: string): FakeClient => {
    const found = clients.find(({ client }) => client === id);
    if (found === undefined) throw new Error(`no client ${id}`);
    return found;
  };

  async function settle(): Promise<void> {
    while (inFlight.size > 0) {
      const now = [...inFlight];
      await Promise.all(now);
      for (const work of now) inFlight.delete(work);
    }
    await driver.idle();
    if (faults.length > 0) throw faults[0];
  }

  return {
    plan,
    signedPlan,
    clock,
    store,
    blobs,
    clients,
    driver: () => driver,
    async restart() {
      await driver.close();
      driver = await newDriver();
      await driver.start();
      for (const client of connected) driver.clientConnected(client);
    },
    connect({ client }) {
      connected.add(client);
      driver.clientConnected(client);
    },
    disconnect({ client }) {
      connected.delete(client);
      driver.clientDisconnected(client);
    },
    async until(done, ms = 3_600_000) {
      const end = clock.now() + ms;
      for (;;) {
        await settle();
        if (done()) return true;
        if (!clock.next(Math.max(0, end - clock.now()))) return done();
      }
    },
  };
}
