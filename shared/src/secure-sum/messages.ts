import { z } from 'zod';
import { mlKemSizes } from '../crypto/index.ts';
import { slotNames } from '../privacy/index.ts';
import { cohortMaxClients } from './parameters.ts';

/**
 * The messages of one secure sum, as data. `hex` fields are lower-case hexadecimal; clients are named by their id
 * (`protocol/identity.ts`) and every list is sorted by it, without duplicates.
 */
const hex = (bytes: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`), `expected ${bytes} bytes of hexadecimal`);
const clientId = hex(20);
const hash = hex(32);
const signature = hex(64);
/** So many bytes, two more than a multiple of three, as base64url in its one spelling: the last two bits are zero. */
const base64 = (bytes: number) =>
  z
    .string()
    .regex(
      new RegExp(`^[A-Za-z0-9_-]{${Math.floor((bytes * 4) / 3)}}[AEIMQUYcgkosw048]$`),
      `expected ${bytes} bytes of base64url`,
    );
const kemKey = base64(mlKemSizes.publicKey).optional();
const kemCiphertext = base64(mlKemSizes.ciphertext).optional();

/** How keys are exchanged: by X25519 alone, or so that whoever breaks one of X25519 and ML-KEM-768 has nothing yet. */
export const suiteSchema = z.enum(['x25519', 'x25519+mlkem768']);
export type Suite = z.infer<typeof suiteSchema>;

/**
 * What a session is: every key, share, tag and signature of the session is bound to its hash, the session id. The clients
 * recompute every field but `runId` and `attempt` from the signed plan and the model bytes that they received.
 */
export const sessionHeaderSchema = z.strictObject({
  protocol: z.literal(1),
  suite: suiteSchema,
  trust: z.enum(['secure', 'local', 'trusted']),
  planHash: hash,
  runId: hex(16),
  /** 1 … rounds, 0 for the survey before the first, or rounds + 1 for evaluation and report of the last model. */
  round: z.int().min(0).max(1_000_000),
  /** Counts all sessions of the run from 1, so it also orders them: each client answers an attempt once. */
  attempt: z.int().min(1).max(10_000_000),
  modelHash: hash,
  /** The slots that ride in this session, in the order of their segments. */
  slots: z.array(z.enum(slotNames)).min(1).max(slotNames.length),
  /** Length of the summed vector. */
  dimension: z.int().min(1).max(268_435_456),
  /** The public bound that clients clip their deltas to, where it is not the plan's constant: follows from the releases before. */
  clipNormL2: z.number().positive().optional(),
  /** The group whose sum it is, where a round has several: each with clients, threshold and noise of its own. */
  group: z.int().min(0).max(9_999).optional(),
});
export type SessionHeader = z.infer<typeof sessionHeaderSchema>;

/**
 * Stage advertise: fresh public keys of one session. The mask keys come from the recovery seed r, the seal keys from seeds of
 * their own. Fields of ML-KEM are there in the hybrid suite alone, here and below.
 */
export const advertiseSchema = z.strictObject({
  type: z.literal('advertise'),
  sessionId: hash,
  client: clientId,
  maskKey: hash,
  sealKey: hash,
  maskKemKey: kemKey,
  sealKemKey: kemKey,
  signature,
});
export type Advertise = z.infer<typeof advertiseSchema>;

/** A client of the roster and the hash of what it advertised. */
const rosterMemberSchema = z.strictObject({ client: clientId, entryHash: hash });
export type RosterMember = z.infer<typeof rosterMemberSchema>;

/**
 * Coordinator → each: everybody who advertised in time. Fixes n and, by it, the graph and its numbers. Up to 200 clients all
 * entries; above, the receiver's own and its neighbours', and of everybody the hash.
 */
export const rosterSchema = z.strictObject({
  type: z.literal('roster'),
  sessionId: hash,
  entries: z.array(advertiseSchema).min(1).max(200),
  members: z.array(rosterMemberSchema).min(1).max(cohortMaxClients).optional(),
});
export type Roster = z.infer<typeof rosterSchema>;

/** What one holder gets: the sealed pair (share of b, share of r) and the published hash of each share. */
const dealing = {
  sealed: z.string().regex(/^([0-9a-f]{2}){80,200}$/),
  selfMaskShareHash: hash,
  recoveryShareHash: hash,
  /** To the holder's seal key: its secret is part of the seal's. */
  sealCiphertext: kemCiphertext,
  /** To the mask key of a holder that comes after the dealer: its secret is part of the pair's. */
  maskCiphertext: kemCiphertext,
};

/** One holder's part of a dealing. */
export const dealtShareSchema = z.strictObject({ holder: clientId, ...dealing });
export type DealtShare = z.infer<typeof dealtShareSchema>;

/** Stage share: a sealed share of b and r for every holder: on the complete graph all, the dealer among them; else its neighbours. */
export const shareSchema = z.strictObject({
  type: z.literal('share'),
  sessionId: hash,
  client: clientId,
  rosterHash: hash,
  shares: z.array(dealtShareSchema).min(1).max(200),
  /** The secrets of the mask ciphertexts, in order, sealed under a key from r: what r must open that no key pair does. */
  maskKemSecrets: z
    .string()
    .regex(/^[A-Za-z0-9_-]{22,8600}$/)
    .optional(),
  signature,
});
export type Share = z.infer<typeof shareSchema>;

/** Coordinator → each: what the sharers dealt to this holder. The other dealers are the clients whose masks pair up with its own. */
export const inboxSchema = z.strictObject({
  type: z.literal('inbox'),
  sessionId: hash,
  dealt: z
    .array(z.strictObject({ dealer: clientId, ...dealing }))
    .min(1)
    .max(200),
});
export type Inbox = z.infer<typeof inboxSchema>;

/** Stage confirm: one tag for each other dealer; both ends of a pair must give the same. */
export const confirmSchema = z.strictObject({
  type: z.literal('confirm'),
  sessionId: hash,
  client: clientId,
  tags: z.array(z.strictObject({ peer: clientId, tag: hex(16) })).max(199),
});
export type Confirm = z.infer<typeof confirmSchema>;

/** Stage upload: what is signed about the masked vector, whose bytes (little-endian 32-bit words) travel over HTTP. */
export const uploadSchema = z.strictObject({
  type: z.literal('upload'),
  sessionId: hash,
  client: clientId,
  rosterHash: hash,
  vectorHash: hash,
  /** The end of the client's noise chain, where noise can be taken out: keys that it gives away later must lead here. */
  noiseEnd: hash.optional(),
  signature,
});
export type Upload = z.infer<typeof uploadSchema>;

/** Coordinator → survivors: the sets that the sum is to be taken over. */
export const agreeRequestSchema = z.strictObject({
  type: z.literal('agreeRequest'),
  sessionId: hash,
  sharers: z.array(clientId).min(1).max(cohortMaxClients),
  survivors: z.array(clientId).min(1).max(cohortMaxClients),
});
export type AgreeRequest = z.infer<typeof agreeRequestSchema>;

/** Stage agree: the signature on (session, roster, sharers, survivors). It enforces the noise floor and is never skipped. */
export const agreeSchema = z.strictObject({ type: z.literal('agree'), sessionId: hash, client: clientId, signature });
export type Agree = z.infer<typeof agreeSchema>;

/** Coordinator → survivors: the signatures of those who agreed on the same sets. */
export const unmaskRequestSchema = z.strictObject({
  type: z.literal('unmaskRequest'),
  sessionId: hash,
  agreed: z
    .array(z.strictObject({ client: clientId, signature }))
    .min(1)
    .max(cohortMaxClients),
});
export type UnmaskRequest = z.infer<typeof unmaskRequestSchema>;

/**
 * Stage unmask: for each dealer that survived a share of b, for a lost one a share of r, never both; and the key of those layers of
 * the own noise that so many survivors do not need.
 */
export const unmaskSchema = z.strictObject({
  type: z.literal('unmask'),
  sessionId: hash,
  client: clientId,
  shares: z.array(z.strictObject({ dealer: clientId, kind: z.enum(['selfMask', 'recovery']), share: hash })).max(200),
  noiseKey: hash.optional(),
});
export type Unmask = z.infer<typeof unmaskSchema>;

/** Everything that a client sends in a session as a control message. */
export const sumMessageSchema = z.discriminatedUnion('type', [
  advertiseSchema,
  shareSchema,
  confirmSchema,
  uploadSchema,
  agreeSchema,
  unmaskSchema,
]);
export type SumMessage = z.infer<typeof sumMessageSchema>;

/** Everything that a coordinator sends in a session after its opening. */
export const sumRequestSchema = z.discriminatedUnion('type', [
  rosterSchema,
  inboxSchema,
  agreeRequestSchema,
  unmaskRequestSchema,
]);
export type SumRequest = z.infer<typeof sumRequestSchema>;
