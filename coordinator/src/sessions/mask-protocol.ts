import type { Mask } from '@sotto/shared/crypto';

/** Asks a thread to add masks to a range of a sum. */
export type MaskRequest = {
  readonly id: number;
  /** In shared memory. */
  readonly target: Uint32Array;
  readonly masks: readonly Mask[];
  /** Word of the key streams at which the range begins. */
  readonly firstWord: number;
};

export type MaskReply = {
  readonly id: number;
  /** Why it did not work; null when it did. */
  readonly failed: string | null;
};
