import { z } from 'zod';

const hex = (bytes: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`), `expected ${bytes} bytes of hexadecimal`);

/** The public part of an invitation: a voucher that the authority signed. */
export const voucherSchema = z.strictObject({
  kind: z.literal('sotto-voucher'),
  version: z.literal(1),
  /** Ed25519 public key of the authority; its SHA-256 is the federation's fingerprint. */
  authority: hex(32),
  /** Base URL of the coordinator. */
  coordinator: z.url(),
  /** SHA-256 of the coordinator's TLS certificate (DER); null only where TLS is off, for tests. */
  tlsFingerprint: hex(32).nullable(),
  role: z.enum(['silo', 'pool']),
  /** Number of identities that the voucher may admit; 1 for a silo. */
  quota: z.int().min(1).max(1_000_000),
  /** Until when the voucher admits identities. */
  expiresAt: z.iso.datetime(),
  /** The name that the certificate must bear; null: its holder chooses. */
  name: z.string().min(1).max(120).nullable(),
  /** The voucher's own Ed25519 public key. */
  voucherKey: hex(32),
  /** The authority's signature over everything above. */
  signature: hex(64),
});
export type Voucher = z.infer<typeof voucherSchema>;

/** An invitation: the voucher and, for its holder alone, the voucher's secret. */
export const invitationSchema = z.strictObject({ voucher: voucherSchema, secret: hex(32) });
export type Invitation = z.infer<typeof invitationSchema>;

/** A client's certificate: checked by the coordinator and by every other client against the pinned authority. */
export const certificateSchema = z.strictObject({
  voucher: voucherSchema,
  /** The client's Ed25519 public key, made by the client itself. */
  identity: hex(32),
  name: z.string().min(1).max(120),
  /** The voucher key's signature over (identity, name). */
  signature: hex(64),
});
export type Certificate = z.infer<typeof certificateSchema>;

/** The authority's list of revoked clients; a higher number replaces a lower one. */
export const revocationListSchema = z.strictObject({
  kind: z.literal('sotto-revocations'),
  version: z.literal(1),
  authority: hex(32),
  number: z.int().min(1),
  revoked: z.array(hex(20)).max(100_000),
  signature: hex(64),
});
export type RevocationList = z.infer<typeof revocationListSchema>;
