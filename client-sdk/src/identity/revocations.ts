import { SottoError } from '@sotto/shared/errors';
import { verifyRevocations, type RevocationList } from '@sotto/shared/protocol';
import { canonicalJson } from '@sotto/shared/vector';

/** Where a client keeps the newest revocation list that it has seen, beside its identity. Durable when `save` resolves. */
export type RevocationStore = {
  load(): Promise<RevocationList | null>;
  save(list: RevocationList): Promise<void>;
};

/** Whom the authority revoked, as far as a client can know. */
export type Revocations = {
  /**
   * The newest list, asked for afresh; null where there never was one.
   * @throws {SIGNATURE_INVALID} when the authority did not sign what the coordinator gives.
   * @throws {REVOCATIONS_STALE} when the coordinator gives an older list than was seen before, or none any more.
   * @throws {CONFLICT} when it gives another list under the number that was seen before.
   */
  newest(): Promise<RevocationList | null>;
};

/**
 * The lists that a coordinator gives, checked by the authority's signature and by the newest list that was seen before. Lists only
 * grow, so whoever goes back to an older one would bring revoked clients back. A newer list that the coordinator never gave to
 * this client is not missed: it cannot be known of.
 *
 * @param authority - the pinned authority: Ed25519 public key, hex
 */
export function createRevocations(
  authority: string,
  fetchList: () => Promise<RevocationList | null>,
  store: RevocationStore,
): Revocations {
  let last: Promise<unknown> = Promise.resolve();

  async function newest(): Promise<RevocationList | null> {
    const given = await fetchList();
    const kept = await store.load();
    if (given === null) {
      if (kept === null) return null;
      throw stale(`the coordinator gives no revocation list, this client has seen list ${kept.number}`);
    }
    verifyRevocations(given, authority);
    if (kept !== null && given.number < kept.number) {
      throw stale(`the coordinator gives revocation list ${given.number}, this client has seen list ${kept.number}`);
    }
    if (kept?.number !== given.number) {
      await store.save(given);
      return given;
    }
    if (canonicalJson(kept.revoked) === canonicalJson(given.revoked)) return kept;
    const two = `revocation list ${given.number} is not the one that this client has seen: the authority signed two`;
    throw new SottoError('CONFLICT', two, { told: two });
  }

  return {
    newest() {
      // One after the other: two offers at a time must not put the older of two lists last.
      const next = last.then(newest, newest);
      last = next.catch(() => undefined);
      return next;
    },
  };
}

function stale(message: string): SottoError {
  return new SottoError('REVOCATIONS_STALE', message);
}
