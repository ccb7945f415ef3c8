import { SottoError } from '../errors/index.ts';
import { concatBytes, fromBase64Url, fromHex } from '../vector/index.ts';
import { counterBlock } from './counter-block.ts';
import { isSoundEd25519Key } from './ed25519-key.ts';
import { nobleKeyStream } from './noble-key-stream.ts';
import type { CryptoPort, Mask } from './port.ts';
import { createWebMlKem } from './web-ml-kem.ts';
import { addStreams, pieceWords, wipeKernel } from './word-kernel.ts';

// oxlint-disable-next-line no-restricted-globals -- its type, which has no other name; the thing itself is passed in
type Subtle = typeof crypto.subtle;
type Curve = 'X25519' | 'Ed25519';
type Key = Awaited<ReturnType<Subtle['importKey']>>;

/** What stands before a secret of 32 bytes in PKCS #8; a secret has no raw form in WebCrypto. @see RFC 8410 §7 */
const privatePrefixes = {
  X25519: fromHex('302e020100300506032b656e04220420'),
  Ed25519: fromHex('302e020100300506032b657004220420'),
};

const basePoint = Uint8Array.of(9, ...new Uint8Array(31));

/** Words that one call encrypts: a call crosses to another thread, so larger pieces than the kernel's pay. */
const callWords = 2 * pieceWords;

/** Masks that are encrypted side by side, 256 KiB each. */
const callsAtOnce = 4;

/**
 * The port on a platform's WebCrypto, for browsers and their workers. What a platform lacks (Ed25519 or X25519 before 2025, ML-KEM
 * in most) is taken from the noble libraries, which are loaded only then. Imported secrets are remembered as long as the
 * caller keeps the very array that holds the secret, which must not be changed in between.
 *
 * @param subtle - `crypto.subtle`; a page has it over https and on localhost alone
 */
export async function createWebCrypto(subtle: Subtle): Promise<CryptoPort> {
  const native = createNative(subtle);
  const [agrees, signs] = [await works(native.x25519Probe), await works(native.ed25519Probe)];
  const noble = agrees && signs ? null : (await import('./noble-crypto.ts')).createNobleCrypto();
  return {
    ...native.port,
    ...(await createWebMlKem()),
    ...(noble !== null && !agrees && agreementOf(noble)),
    ...(noble !== null && !signs && signaturesOf(noble)),
  };
}

function agreementOf(port: CryptoPort): Pick<CryptoPort, 'x25519' | 'x25519PublicKey'> {
  return {
    x25519: (secret, peer) => port.x25519(secret, peer),
    x25519PublicKey: (secret) => port.x25519PublicKey(secret),
  };
}

function signaturesOf(port: CryptoPort): Pick<CryptoPort, 'ed25519PublicKey' | 'ed25519Sign' | 'ed25519Verify'> {
  return {
    ed25519PublicKey: (seed) => port.ed25519PublicKey(seed),
    ed25519Sign: (seed, message) => port.ed25519Sign(seed, message),
    ed25519Verify: (key, message, signature) => port.ed25519Verify(key, message, signature),
  };
}

async function works(probe: () => Promise<unknown>): Promise<boolean> {
  try {
    await probe();
    return true;
  } catch {
    return false;
  }
}

function createNative(subtle: Subtle) {
  const privateKeys = { X25519: new WeakMap<Uint8Array, Key>(), Ed25519: new WeakMap<Uint8Array, Key>() };

  async function privateKey(curve: Curve, secret: Uint8Array): Promise<Key> {
    const known = privateKeys[curve].get(secret);
    if (known !== undefined) return known;
    if (secret.length !== 32) throw new SottoError('INVALID_INPUT', `expected a key of 32 bytes, got ${secret.length}`);
    const usage = curve === 'X25519' ? 'deriveBits' : 'sign';
    // Extractable, because a public key is to be had no other way on every platform.
    const key = await subtle.importKey(
      'pkcs8',
      owned(concatBytes(privatePrefixes[curve], secret)),
      { name: curve },
      true,
      [usage],
    );
    privateKeys[curve].set(secret, key);
    return key;
  }

  async function agree(secret: Uint8Array, peer: Uint8Array): Promise<Uint8Array> {
    const own = await privateKey('X25519', secret);
    try {
      const other = await subtle.importKey('raw', peer.slice(), { name: 'X25519' }, false, []);
      const shared = new Uint8Array(await subtle.deriveBits({ name: 'X25519', public: other }, own, 256));
      // Not every platform fails on the all-zero result of a low-order key.
      if (shared.every((byte) => byte === 0)) throw lowOrder();
      return shared;
    } catch {
      throw lowOrder();
    }
  }

  const port: Omit<CryptoPort, 'mlKemPublicKey' | 'mlKemEncapsulate' | 'mlKemDecapsulate'> = {
    name: 'web',
    sha256: async (data) => new Uint8Array(await subtle.digest('SHA-256', owned(data))),
    hkdf: async (secret, info, length) => {
      const key = await subtle.importKey('raw', owned(secret), 'HKDF', false, ['deriveBits']);
      const terms = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(0), info: owned(info) };
      return new Uint8Array(await subtle.deriveBits(terms, key, 8 * length));
    },
    x25519PublicKey: (secret) => agree(secret, basePoint),
    x25519: agree,
    ed25519PublicKey: async (seed) => {
      const { x } = await subtle.exportKey('jwk', await privateKey('Ed25519', seed));
      return fromBase64Url(x ?? '');
    },
    ed25519Sign: async (seed, message) =>
      new Uint8Array(await subtle.sign({ name: 'Ed25519' }, await privateKey('Ed25519', seed), owned(message))),
    ed25519Verify: async (raw, message, signature) => {
      if (!isSoundEd25519Key(raw) || signature.length !== 64) return false;
      try {
        const key = await subtle.importKey('raw', owned(raw), { name: 'Ed25519' }, false, ['verify']);
        return await subtle.verify({ name: 'Ed25519' }, key, owned(signature), owned(message));
      } catch {
        return false;
      }
    },
    addMasks: (target, masks, firstWord = 0) => addWebMasks(subtle, target, masks, firstWord),
    keyStream: nobleKeyStream,
  };
  return {
    port,
    x25519Probe: () => agree(new Uint8Array(32).fill(9), basePoint),
    ed25519Probe: async () => {
      const seed = new Uint8Array(32).fill(9);
      const [key, signature] = [await port.ed25519PublicKey(seed), await port.ed25519Sign(seed, seed)];
      if (!(await port.ed25519Verify(key, seed, signature))) throw new SottoError('UNSUPPORTED', 'no Ed25519');
    },
  };
}

/** Some masks are encrypted side by side, then added piece by piece; whoever else adds meanwhile comes between pieces. */
async function addWebMasks(
  subtle: Subtle,
  target: Uint32Array,
  masks: readonly Mask[],
  firstWord: number,
): Promise<void> {
  const words = new Int32Array(target.buffer, target.byteOffset, target.length);
  const zeros = new Uint8Array(4 * callWords);
  const keys = await Promise.all(
    masks.map(({ key }) => subtle.importKey('raw', owned(key), 'AES-CTR', false, ['encrypt'])),
  );
  // Also of no words at all: a mask that cannot begin here is an error.
  counterBlock(firstWord);
  try {
    for (let start = 0; start < words.length; start += callWords) {
      const call = words.subarray(start, start + callWords);
      const terms = { name: 'AES-CTR', length: 64, counter: owned(counterBlock(firstWord + start)) };
      for (let first = 0; first < keys.length; first += callsAtOnce) {
        const streams = await Promise.all(
          keys
            .slice(first, first + callsAtOnce)
            .map((key) => subtle.encrypt(terms, key, zeros.subarray(0, 4 * call.length))),
        );
        for (let at = 0; at < call.length; at += pieceWords) {
          addStreams(
            call.subarray(at, at + pieceWords),
            streams.map((stream, i) => ({
              next: (bytes) => new Uint8Array(stream, 4 * at, bytes),
              sign: masks[first + i]!.sign,
            })),
            (bytes) => void bytes.fill(0),
          );
        }
      }
    }
  } finally {
    wipeKernel();
  }
}

/** WebCrypto takes no views of shared memory, and its types none that might be. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : bytes.slice();
}

function lowOrder(): SottoError {
  return new SottoError('KEY_MISMATCH', 'the other X25519 key is of low order or malformed');
}
