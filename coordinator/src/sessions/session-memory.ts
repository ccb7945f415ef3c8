import type { Reply } from '@sotto/shared/protocol';
import { addVector } from '@sotto/shared/secure-sum';

/** What the coordinator holds of an open session besides the protocol's state: the running sum. Lost with the process. */
export type SessionMemory = {
  readonly sessionId: string;
  /** The sum so far modulo 2^32, [dimension]. Masked until the end in secure mode. In memory that threads can share. */
  readonly accumulator: Uint32Array;
  /** Answers to uploads, so that a repeated one is counted once. */
  readonly replies: Map<string, Reply>;
};

/** Memory of a fresh session. */
export function openSessionMemory(sessionId: string, dimension: number): SessionMemory {
  const accumulator = new Uint32Array(new SharedArrayBuffer(4 * dimension));
  return { sessionId, accumulator, replies: new Map() };
}

/** Adds one client's vector, little-endian words. The caller has checked length, hash and signature. */
export function addUpload(memory: SessionMemory, vector: Uint8Array): void {
  addVector(memory.accumulator, vector);
}
