import { sha256 } from '@sotto/shared/crypto';
import { slotNames } from '@sotto/shared/privacy';
import { canonicalJson, toHex, utf8 } from '@sotto/shared/vector';
import { z } from 'zod';
import type { TranscriptRecord } from '../store/store.ts';
import { noiseLeftSchema } from './noise-left.ts';

const hash = z.string().regex(/^[0-9a-f]{64}$/);

/** The beginning of a run's transcript: which plan, which first model. */
export const transcriptRunSchema = z.strictObject({
  type: z.literal('run'),
  version: z.literal(1),
  previous: hash,
  runId: z.string(),
  planHash: hash,
  modelHash: hash,
});

/** The sum of one group of a round. The round's release follows it, unless the run ends before. */
export const transcriptGroupSchema = z.strictObject({
  type: z.literal('group'),
  version: z.literal(1),
  previous: hash,
  runId: z.string(),
  planHash: hash,
  round: z.int(),
  attempt: z.int(),
  group: z.int(),
  slots: z.array(z.enum(slotNames)),
  survivors: z.array(z.string()),
  /** SHA-256 of the group's noisy sum's bytes, little-endian signed 32-bit words. */
  sumHash: hash,
  modelBefore: hash,
});

/** One release. Its hash covers the entry before it, so the last hash stands for all. */
export const transcriptReleaseSchema = z.strictObject({
  type: z.literal('release'),
  version: z.literal(1),
  previous: hash,
  runId: z.string(),
  planHash: hash,
  round: z.int(),
  attempt: z.int(),
  slots: z.array(z.enum(slotNames)),
  survivors: z.array(z.string()),
  noise: noiseLeftSchema.optional(),
  /** The groups whose sums, told of before, are added up in this one; absent where the round had one session. */
  groups: z.array(z.int()).optional(),
  /** SHA-256 of the noisy sum's bytes, little-endian signed 32-bit words. */
  sumHash: hash,
  modelBefore: hash,
  modelAfter: hash,
  /** SHA-256 of the server's state after the release. */
  stateHash: hash,
});

export const transcriptEntrySchema = z.discriminatedUnion('type', [
  transcriptRunSchema,
  transcriptGroupSchema,
  transcriptReleaseSchema,
]);
export type TranscriptEntry = z.infer<typeof transcriptEntrySchema>;

/** What the first entry's `previous` says. */
export const transcriptGenesis = '0'.repeat(64);

/** An entry as it is stored: the canonical JSON and its hash. */
export function transcriptRecord(sequence: number, entry: TranscriptEntry): TranscriptRecord {
  const text = canonicalJson(entry);
  return { sequence, entry: text, hash: toHex(sha256(utf8(text))) };
}
