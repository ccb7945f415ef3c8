import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createNodeCrypto, createNodeRandom } from '@sotto/shared/crypto/node';
import { SottoError } from '@sotto/shared/errors';
import { certificateSchema, clientIdOf, type Certificate } from '@sotto/shared/protocol';
import type { SumIdentity } from '@sotto/shared/secure-sum';
import { fromHex, toHex } from '@sotto/shared/vector';
import { z } from 'zod';

/** What a node knows about itself and whom it trusts, as it lies in its folder. The seed never leaves. */
const identityFileSchema = z.strictObject({
  version: z.literal(1),
  /** Ed25519 seed, made here. */
  seed: z.string().regex(/^[0-9a-f]{64}$/),
  certificate: certificateSchema,
});

export type NodeIdentity = {
  readonly sum: SumIdentity;
  readonly certificate: Certificate;
  /** The pinned authority's Ed25519 public key, hex. */
  readonly authority: string;
  readonly coordinator: string;
  /** SHA-256 of the coordinator's TLS certificate, hex; null only where TLS is off, for tests. */
  readonly tlsFingerprint: string | null;
};

const fileName = 'identity.json';

/** A fresh Ed25519 key pair: seed and public key, hex. */
export async function createIdentityKey(): Promise<{ seed: string; identity: string }> {
  const seed = createNodeRandom().bytes(32);
  return { seed: toHex(seed), identity: toHex(await createNodeCrypto().ed25519PublicKey(seed)) };
}

/**
 * Writes the identity, readable by its owner alone, in one step: an interrupted write leaves the old file or none.
 * @throws {CONFLICT} when the folder holds an identity already.
 */
export async function saveIdentity(folder: string, seed: string, certificate: Certificate): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const path = join(folder, fileName);
  if ((await readIfThere(path)) !== null) {
    throw new SottoError('CONFLICT', `${path}: this node has joined already; use another folder to join again`);
  }
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(`${JSON.stringify({ version: 1, seed, certificate }, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

/**
 * The identity in a folder.
 * @throws {FILE_NOT_FOUND} when the node has not joined.
 * @throws {INVALID_INPUT} when the file was altered.
 */
export async function loadIdentity(folder: string): Promise<NodeIdentity> {
  const path = join(folder, fileName);
  const text = await readIfThere(path);
  if (text === null) {
    throw new SottoError('FILE_NOT_FOUND', `${path}: this node has not joined; run: sotto-node join INVITATION`);
  }
  const { seed, certificate } = parseIdentity(path, text);
  const crypto = createNodeCrypto();
  const secret = fromHex(seed);
  const identity = toHex(await crypto.ed25519PublicKey(secret));
  if (identity !== certificate.identity) {
    throw new SottoError(
      'INVALID_INPUT',
      `${path}: the seed gives identity ${identity}, the certificate names ${certificate.identity}`,
    );
  }
  const { voucher } = certificate;
  return {
    sum: { client: clientIdOf(identity), sign: (message) => crypto.ed25519Sign(secret, message) },
    certificate,
    authority: voucher.authority,
    coordinator: voucher.coordinator,
    tlsFingerprint: voucher.tlsFingerprint,
  };
}

function parseIdentity(path: string, text: string): z.infer<typeof identityFileSchema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new SottoError('INVALID_INPUT', `${path}: not JSON`);
  }
  const parsed = identityFileSchema.safeParse(value);
  if (!parsed.success) {
    throw new SottoError('INVALID_INPUT', `${path}: ${parsed.error.issues[0]?.path.join('.') ?? ''} is malformed`);
  }
  return parsed.data;
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'ENOENT') return null;
    throw new SottoError('FILE_NOT_FOUND', `${path}: cannot be read (${code})`);
  }
}
