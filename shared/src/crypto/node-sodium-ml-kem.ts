import { randomBytes } from 'node:crypto';
import type { Libsodium } from 'libsodium';
import { SottoError } from '../errors/index.ts';
import { malformedKey, mlKemSizes, requireCiphertext, requireSeed, type MlKem } from './ml-kem.ts';

/** What lies in libsodium's memory during a call, and its bytes. */
const sizes = { ...mlKemSizes, secretKey: 2_400, secret: 32 } as const;
type Place = keyof typeof sizes;
type Places = Readonly<Record<Place, number>>;

type Workspace = { readonly sodium: Libsodium; readonly at: Places };

/** One for the process: a call runs without a pause, so no two are in it at once. */
let loading: Promise<Workspace> | null = null;

/**
 * On libsodium's C code as WebAssembly, which is loaded when it is first used: three to seven times as fast as JavaScript, and
 * written without branches and addresses that depend on secrets. Not for pages: they would load 135 kB for it, compressed.
 */
export function createSodiumMlKem(): MlKem {
  const ownKeys = new WeakMap<Uint8Array, Readonly<Record<'publicKey' | 'secretKey', Uint8Array>>>();
  const ownKey = async (seed: Uint8Array) => {
    requireSeed(seed);
    const workspace = await theWorkspace();
    const own = ownKeys.get(seed) ?? keygen(workspace, seed);
    ownKeys.set(seed, own);
    return own;
  };
  return {
    mlKemPublicKey: async (seed) => (await ownKey(seed)).publicKey.slice(),
    mlKemEncapsulate: async (publicKey, coins) => {
      if (publicKey.length !== sizes.publicKey) throw malformedKey();
      if (coins.length !== sizes.coins) {
        throw new SottoError('INVALID_INPUT', `expected ${sizes.coins} random bytes, got ${coins.length}`);
      }
      const made = run(await theWorkspace(), { publicKey, coins }, ['secret', 'ciphertext'], ({ sodium, at }) =>
        sodium._crypto_kem_mlkem768_enc_deterministic(at.ciphertext, at.secret, at.publicKey, at.coins),
      );
      if (made === null) throw malformedKey();
      return made;
    },
    mlKemDecapsulate: async (seed, ciphertext) => {
      requireCiphertext(ciphertext);
      const { secretKey } = await ownKey(seed);
      const opened = run(await theWorkspace(), { secretKey, ciphertext }, ['secret'], ({ sodium, at }) =>
        sodium._crypto_kem_mlkem768_dec(at.secret, at.ciphertext, at.secretKey),
      );
      if (opened === null) throw new SottoError('INTERNAL', 'libsodium did not take its own ML-KEM key');
      return opened.secret;
    },
  };
}

function keygen(workspace: Workspace, seed: Uint8Array): Readonly<Record<'publicKey' | 'secretKey', Uint8Array>> {
  const own = run(workspace, { seed }, ['publicKey', 'secretKey'], ({ sodium, at }) =>
    sodium._crypto_kem_mlkem768_seed_keypair(at.publicKey, at.secretKey, at.seed),
  );
  if (own === null) throw new SottoError('INTERNAL', 'libsodium made no ML-KEM key');
  return own;
}

/**
 * One call on copies of what is given, which have the lengths of their places. What it gave is taken out, and all of it
 * overwritten. What libsodium lays down in between it wipes itself, but for the secret by which it would reject the last ciphertext
 * (FIPS 203 §6.3), which opens nothing.
 * @returns null where libsodium refused
 */
function run<Wanted extends Place>(
  workspace: Workspace,
  given: Readonly<Partial<Record<Place, Uint8Array>>>,
  wanted: readonly Wanted[],
  call: (workspace: Workspace) => number,
): Readonly<Record<Wanted, Uint8Array>> | null {
  const { sodium, at } = workspace;
  const places = Object.keys(sizes) as Place[];
  try {
    for (const place of places) if (given[place] !== undefined) sodium.HEAPU8.set(given[place], at[place]);
    if (call(workspace) !== 0) return null;
    const taken = wanted.map((place) => [place, sodium.HEAPU8.slice(at[place], at[place] + sizes[place])] as const);
    return Object.fromEntries(taken) as Record<Wanted, Uint8Array>;
  } finally {
    for (const place of places) sodium.HEAPU8.fill(0, at[place], at[place] + sizes[place]);
  }
}

function theWorkspace(): Promise<Workspace> {
  return (loading ??= load());
}

async function load(): Promise<Workspace> {
  const { default: create } = await import('libsodium');
  // Its own generator wants a source before it starts; nothing that is called here draws from it.
  const sodium = await create({ getRandomValue: () => randomBytes(4).readUInt32LE() });
  if (sodium._sodium_init() < 0) throw new SottoError('UNSUPPORTED', 'libsodium does not start');
  const place = (name: Place): number => sodium._malloc(sizes[name]);
  return {
    sodium,
    at: {
      seed: place('seed'),
      coins: place('coins'),
      publicKey: place('publicKey'),
      secretKey: place('secretKey'),
      ciphertext: place('ciphertext'),
      secret: place('secret'),
    },
  };
}
