import type { Plan } from '@sotto/shared/plan';
import type { LedgerCharge } from '@sotto/shared/privacy';

/** The newest attempt of a plan that a client answered; it never falls. */
export type AttemptMark = {
  readonly planHash: string;
  readonly attempt: number;
  /** The attempt uploads without differential privacy: there is no charge that would tell of it. */
  readonly unprotected?: boolean;
};

/** Everything that a data source remembers of what it was asked. */
export type LedgerRecord = {
  /** The RDP order that was chosen when the ledger was opened; null before. */
  readonly order: number | null;
  /** In the order in which they were made. */
  readonly charges: readonly LedgerCharge[];
  /** Attempt marks by plan hash. */
  readonly marks: ReadonlyMap<string, number>;
  /** Uploads without differential privacy, by plan hash. */
  readonly unprotected: ReadonlyMap<string, number>;
  /** The split of the units into parts, fixed by the first accepted plan; null before. */
  readonly split: Plan['split'] | null;
  /** By what rows were told to be of one unit when the split was fixed: `row`, or `column NAME`; null before. */
  readonly unit: string | null;
};

/**
 * The durable books of one data source: they belong to the data, not to a node, a run or a federation. One process at a time
 * may hold them.
 */
export type ClientLedgerStore = {
  load(): Promise<LedgerRecord>;
  /** Fixes what is fixed once; a value that is already fixed stays. Durable when it resolves. */
  pin(fixed: { readonly order?: number; readonly split?: Plan['split']; readonly unit?: string }): Promise<void>;
  /**
   * Books all charges (or one more unprotected upload) and raises the mark in one transaction. Durable on disk when it resolves.
   * @throws {DISK_FULL | STORE_FAILED} when nothing was booked.
   */
  commit(charges: readonly LedgerCharge[], mark: AttemptMark): Promise<void>;
};

/** Books in memory, for simulation and tests: they outlive a simulated crash as long as the object is kept. */
export function createMemoryLedger(): ClientLedgerStore {
  let order: number | null = null;
  let split: Plan['split'] | null = null;
  let unit: string | null = null;
  const charges: LedgerCharge[] = [];
  const marks = new Map<string, number>();
  const unprotected = new Map<string, number>();
  return {
    async load() {
      return { order, split, unit, charges: [...charges], marks: new Map(marks), unprotected: new Map(unprotected) };
    },
    async pin(fixed) {
      order ??= fixed.order ?? null;
      split ??= fixed.split ?? null;
      unit ??= fixed.unit ?? null;
    },
    async commit(more, mark) {
      charges.push(...more);
      if (mark.unprotected) unprotected.set(mark.planHash, (unprotected.get(mark.planHash) ?? 0) + 1);
      marks.set(mark.planHash, Math.max(marks.get(mark.planHash) ?? 0, mark.attempt));
    },
  };
}
