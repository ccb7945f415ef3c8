// Runs in a browser's worker: the store of a client in IndexedDB against the books in memory, over many operations.
import { createMemoryLedger, type ClientLedgerStore } from '@sotto/client/session';
import { createWebCrypto, createWebRandom } from '@sotto/shared/crypto/web';
import { isSottoError } from '@sotto/shared/errors';
import { sessionEvent } from '@sotto/shared/plan';
import { exampleAuthority, exampleClients, examplePlan } from '@sotto/shared/plan/testing';
import { authorityKeyOf, issueCertificate, issueInvitation, signRevocations } from '@sotto/shared/protocol';
import { createSeededRandom } from '@sotto/shared/random';
import { fromHex, toHex } from '@sotto/shared/vector';
import { createIdentityKey, sumIdentityOf } from '../../client-sdk/src/web/web-identity.ts';
import { openWebStore } from '../../client-sdk/src/web/web-store.ts';

const faults: string[] = [];
let checked = 0;
function same(name: string, given: unknown, expected: unknown): void {
  checked += 1;
  if (JSON.stringify(given) !== JSON.stringify(expected)) faults.push(`${name}: ${JSON.stringify(given)}`);
}
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: unknown) => (isSottoError(error) ? error.code : String(error)),
  );

async function held(ledger: ClientLedgerStore): Promise<unknown> {
  const { marks, unprotected, ...rest } = await ledger.load();
  const sorted = (map: ReadonlyMap<string, number>) => [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return { ...rest, marks: sorted(marks), unprotected: sorted(unprotected) };
}

async function check(): Promise<void> {
  const random = createWebRandom(crypto);
  let store = await openWebStore(indexedDB, 'checked', random);
  const first = { id: store.id, splitKey: toHex(store.splitKey) };
  const memory = createMemoryLedger();
  const plan = examplePlan({ rounds: 40, evaluateEvery: null });
  const event = sessionEvent(plan, 'training', 1, null);
  if (event === null) throw new Error('the example charges nothing');
  const draw = createSeededRandom('operations on two stores');
  const words = new Uint32Array(120);
  draw.words(words);
  for (const [index, word] of words.entries()) {
    const planHash = `${word % 3}f`.repeat(32);
    const charge = { planHash, round: index, slot: 'training', attempt: word % 50, event };
    const both = async (work: (ledger: ClientLedgerStore) => Promise<void>): Promise<void> => {
      await Promise.all([work(store.ledger), work(memory)]);
    };
    if (word % 7 === 0) {
      await both((ledger) => ledger.pin({ order: 2 + (word % 5), split: { validation: (word % 9) / 10, test: 0 } }));
    } else if (word % 7 === 1) {
      await both((ledger) => ledger.commit([], { planHash, attempt: word % 50, unprotected: true }));
    } else await both((ledger) => ledger.commit([charge], { planHash, attempt: charge.attempt }));
    if (index % 20 === 19) {
      // As a tab that closes and opens again.
      store.close();
      store = await openWebStore(indexedDB, 'checked', random);
      same(`books after ${index}`, await held(store.ledger), await held(memory));
    }
  }
  same('the same source', { id: store.id, splitKey: toHex(store.splitKey) }, first);
  const before = await held(store.ledger);
  const [booked] = (await store.ledger.load()).charges;
  const again = [{ ...booked!, round: 9_999 }, booked!];
  same('a charge twice', await codeOf(store.ledger.commit(again, { planHash: 'aa', attempt: 99 })), 'STORE_FAILED');
  same('nothing of it was booked', await held(store.ledger), before);

  const port = await createWebCrypto(crypto.subtle);
  const { key, seed, identity } = await createIdentityKey(crypto.subtle, port, random);
  const terms = { coordinator: 'https://127.0.0.1:1', tlsFingerprint: null, role: 'silo', quota: 1 } as const;
  const invitation = issueInvitation(
    authorityKeyOf(exampleAuthority().seed),
    { ...terms, expiresAt: '2040-01-01T00:00:00Z' },
    random,
  );
  const certificate = await issueCertificate(invitation, identity, exampleClients(1)[0]!.name, port);
  await store.saveIdentity({ key, seed, certificate });
  same('a second identity', await codeOf(store.saveIdentity({ key, seed, certificate })), 'CONFLICT');
  same('no revocation list', await store.revocations.load(), null);
  const lists = [1, 2].map((number) =>
    signRevocations(authorityKeyOf(exampleAuthority().seed), number, [`0${number}`.repeat(20)]),
  );
  for (const list of lists) await store.revocations.save(list);
  store.close();
  store = await openWebStore(indexedDB, 'checked', random);
  same('the newest revocation list', await store.revocations.load(), lists[1]);
  const kept = (await store.identity())!;
  same('an identity that cannot be read out', [kept.key?.extractable, kept.seed], [false, null]);
  const message = random.bytes(100);
  const signature = await sumIdentityOf(kept, crypto.subtle, port).sign(message);
  same('signs as it says', await port.ed25519Verify(fromHex(identity), message, signature), true);
  const soft = random.bytes(32);
  const seeded = {
    key: null,
    seed: soft,
    certificate: { ...certificate, identity: toHex(await port.ed25519PublicKey(soft)) },
  };
  const other = await sumIdentityOf(seeded, crypto.subtle, port).sign(message);
  same('a seed signs too', await port.ed25519Verify(fromHex(seeded.certificate.identity), message, other), true);

  same('no answer yet', await store.consent('aa'), null);
  await store.saveConsent('aa', false);
  await store.saveBeginning({ rows: 3, hash: 'bb' });
  same('kept', [await store.consent('aa'), await store.beginning()], [false, { rows: 3, hash: 'bb' }]);
  store.close();
  const newer = await new Promise<IDBDatabase>((resolve, reject) => {
    const asked = indexedDB.open('sotto checked', 99);
    asked.addEventListener('success', () => resolve(asked.result));
    asked.addEventListener('error', () => reject(asked.error ?? new Error('no database')));
  });
  newer.close();
  same('a newer version', await codeOf(openWebStore(indexedDB, 'checked', random)), 'STORE_TOO_NEW');
}

const scope = globalThis as unknown as { postMessage(answer: object): void };
check().then(
  () => scope.postMessage({ checked, faults }),
  (error: unknown) => scope.postMessage({ checked, faults: [...faults, String(error)] }),
);
