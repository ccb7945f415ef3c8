import { scrypt } from 'node:crypto';
import { open, seal, sealOverheadBytes } from '@sotto/shared/crypto';
import { SottoError } from '@sotto/shared/errors';
import { authorityKeyOf, type AuthorityKey } from '@sotto/shared/protocol';
import type { RandomSource } from '@sotto/shared/random';
import { fromHex, toHex } from '@sotto/shared/vector';

/**
 * The authority's key at rest: its Ed25519 seed in a tweetnacl secretbox under a key that scrypt derives from a passphrase
 * and a salt of this file alone. The public key lies beside it, so that the fingerprint can be read without the passphrase.
 */
export type AuthorityKeyFile = {
  readonly kind: 'sotto-authority-key';
  readonly version: 1;
  readonly publicKey: string;
  /** @see RFC 7914; memory 128 · N · r bytes. */
  readonly kdf: {
    readonly name: 'scrypt';
    readonly n: number;
    readonly r: number;
    readonly p: number;
    readonly salt: string;
  };
  readonly box: string;
};

/** Shortest passphrase of a new key, in characters. */
export const passphraseMinCharacters = 12;

/** 2^17 rounds over 128 MiB: about half a second for each guess. */
const workFactor = { n: 131_072, r: 8, p: 1 } as const;
/** Above this, a file is not opened: it would only exhaust the memory. */
const nMax = 4_194_304;

/**
 * A key sealed under a passphrase.
 * @throws {INVALID_INPUT} when the passphrase is shorter than {@link passphraseMinCharacters}.
 */
export async function sealKey(key: AuthorityKey, passphrase: string, random: RandomSource): Promise<AuthorityKeyFile> {
  if (passphrase.length < passphraseMinCharacters) {
    throw new SottoError(
      'INVALID_INPUT',
      `passphrase: expected at least ${passphraseMinCharacters} characters, got ${passphrase.length}`,
    );
  }
  const kdf = { name: 'scrypt', ...workFactor, salt: toHex(random.bytes(32)) } as const;
  const box = toHex(seal(await stretch(passphrase, kdf), fromHex(key.seed)));
  return { kind: 'sotto-authority-key', version: 1, publicKey: key.publicKey, kdf, box };
}

/**
 * The key of a sealed file.
 * @throws {WRONG_PASSPHRASE} when the passphrase does not open it, or the file was altered.
 */
export async function openKey(file: AuthorityKeyFile, passphrase: string): Promise<AuthorityKey> {
  const seed = open(await stretch(passphrase, file.kdf), fromHex(file.box));
  if (seed === null) {
    throw new SottoError('WRONG_PASSPHRASE', 'the passphrase does not open the key file (or the file was altered)');
  }
  const key = authorityKeyOf(toHex(seed));
  if (key.publicKey !== file.publicKey) {
    throw new SottoError('INVALID_INPUT', `the key file names ${file.publicKey}, but holds the key ${key.publicKey}`);
  }
  return key;
}

/**
 * A key file of JSON of unknown form.
 * @throws {INVALID_INPUT} naming the field.
 */
export function parseKeyFile(value: unknown): AuthorityKeyFile {
  const file = record(value, 'the key file');
  const kdf = record(file['kdf'], 'kdf');
  expect(file['kind'] === 'sotto-authority-key', 'kind', 'sotto-authority-key');
  expect(file['version'] === 1, 'version', '1');
  expect(kdf['name'] === 'scrypt', 'kdf.name', 'scrypt');
  const { n, r, p } = kdf;
  const isPower = typeof n === 'number' && Number.isInteger(Math.log2(n)) && n >= workFactor.n && n <= nMax;
  expect(isPower, 'kdf.n', `a power of two in [${workFactor.n}, ${nMax}]`);
  expect(r === workFactor.r && p === workFactor.p, 'kdf.r, kdf.p', `${workFactor.r} and ${workFactor.p}`);
  return {
    kind: 'sotto-authority-key',
    version: 1,
    publicKey: hexOf(file['publicKey'], 32, 'publicKey'),
    kdf: { name: 'scrypt', n: Number(n), r: workFactor.r, p: workFactor.p, salt: hexOf(kdf['salt'], 32, 'kdf.salt') },
    box: hexOf(file['box'], 32 + sealOverheadBytes, 'box'),
  };
}

function stretch(passphrase: string, kdf: AuthorityKeyFile['kdf']): Promise<Uint8Array> {
  const { n: N, r, p } = kdf;
  return new Promise((resolve, reject) => {
    // NFKC: the same passphrase typed on another keyboard is the same bytes.
    scrypt(passphrase.normalize('NFKC'), fromHex(kdf.salt), 32, { N, r, p, maxmem: 160 * N * r }, (error, key) => {
      if (error === null) resolve(new Uint8Array(key));
      else reject(error);
    });
  });
}

function record(value: unknown, name: string): Readonly<Record<string, unknown>> {
  expect(typeof value === 'object' && value !== null, name, 'an object');
  return value as Readonly<Record<string, unknown>>;
}

function hexOf(value: unknown, bytes: number, name: string): string {
  const valid = typeof value === 'string' && value.length === 2 * bytes && /^[0-9a-f]+$/.test(value);
  expect(valid, name, `${bytes} bytes of hexadecimal`);
  return value as string;
}

function expect(holds: boolean, name: string, expected: string): void {
  if (!holds) throw new SottoError('INVALID_INPUT', `key file, ${name}: expected ${expected}`);
}
