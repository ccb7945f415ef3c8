// npx tsx --conditions source shared/src/crypto/testing/write-edge-vectors.ts: writes the edge cases of X25519 and Ed25519 with
// what three libraries that share no code say of each: OpenSSL, noble, tweetnacl. They must agree on every X25519 secret. On
// Ed25519 they do not (see each case): a signature is one where all three say so.
import { createPrivateKey, createPublicKey, diffieHellman, verify } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import nacl from 'tweetnacl';
import { createSeededRandom } from '../../random/index.ts';
import { concatBytes, fromHex, toHex, utf8 } from '../../vector/index.ts';

const p = 2n ** 255n - 19n;
const { Point } = ed25519;
const order = Point.Fn.ORDER;
const random = createSeededRandom('edge vectors');

function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
}

function toInteger(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
}

const jwk = (kty: string, crv: string, raw: Uint8Array) => ({ kty, crv, x: Buffer.from(raw).toString('base64url') });

/** The shared secret, or null where it is all zeros and refused. */
function agreed(scalar: Uint8Array, u: Uint8Array): string | null {
  const own = createPrivateKey({
    key: { ...jwk('OKP', 'X25519', new Uint8Array(32)), d: Buffer.from(scalar).toString('base64url') },
    format: 'jwk',
  });
  const said = [
    () =>
      diffieHellman({ privateKey: own, publicKey: createPublicKey({ key: jwk('OKP', 'X25519', u), format: 'jwk' }) }),
    () => x25519.getSharedSecret(scalar, u),
    () => nacl.scalarMult(scalar, u),
  ].map((compute) => {
    try {
      const secret = toHex(compute());
      return /^0+$/.test(secret) ? null : secret;
    } catch {
      return null;
    }
  });
  if (new Set(said).size !== 1) throw new Error(`the libraries disagree about ${toHex(u)}: ${said.join(' ')}`);
  return said[0]!;
}

/** Whether u belongs to the curve or to its twist: whether u³ + 486662u² + u is a square. */
function isOnCurve(u: bigint): boolean {
  const x = u % p;
  const right = (((x * x) % p) * x + 486_662n * x * x + x) % p;
  let [power, base, exponent] = [1n, right, (p - 1n) / 2n];
  for (; exponent > 0n; exponent >>= 1n, base = (base * base) % p) if (exponent & 1n) power = (power * base) % p;
  return power !== p - 1n;
}

const coordinates: [string, bigint][] = [
  ...[0n, 1n, p - 1n].map((u): [string, bigint] => ['low order', u]),
  ['low order', toInteger(fromHex('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800'))],
  ['low order', toInteger(fromHex('5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157'))],
  ...Array.from({ length: 19 }, (_, i): [string, bigint] => ['not reduced', p + BigInt(i)]),
  ...Array.from({ length: 30 }, (_, i): [string, bigint] => ['small', BigInt(i + 2)]),
  ...Array.from({ length: 20 }, (_, i): [string, bigint] => ['close to p', p - BigInt(i + 2)]),
  ...[31n, 32n, 51n, 63n, 64n, 102n, 127n, 128n, 153n, 204n, 254n].flatMap((bit): [string, bigint][] => [
    ['a power of two', 2n ** bit],
    ['one below a power of two', 2n ** bit - 1n],
  ]),
  ...Array.from({ length: 20 }, (): [string, bigint] => ['random', toInteger(random.bytes(32)) % 2n ** 255n]),
];
const scalars: [string, Uint8Array][] = [
  ['random', random.bytes(32)],
  ['all zeros', new Uint8Array(32)],
  ['all ones', new Uint8Array(32).fill(255)],
  ['small', littleEndian(8n)],
];
const x25519Cases = coordinates.flatMap(([name, u], i) =>
  [u, u + 2n ** 255n].flatMap((spelled) => {
    const publicKey = littleEndian(spelled);
    const [of, scalar] = scalars[i % scalars.length]!;
    return [
      {
        name: `${name}${spelled === u ? '' : ', top bit set'}, ${isOnCurve(u) ? 'curve' : 'twist'}; scalar ${of}`,
        secret: toHex(scalar),
        publicKey: toHex(publicKey),
        shared: agreed(scalar, publicKey),
      },
    ];
  }),
);

function judged(name: string, publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) {
  const asks = {
    openssl: () =>
      verify(null, message, createPublicKey({ key: jwk('OKP', 'Ed25519', publicKey), format: 'jwk' }), signature),
    noble: () => ed25519.verify(signature, message, publicKey, { zip215: false }),
    tweetnacl: () => nacl.sign.detached.verify(message, signature, publicKey),
  };
  const said = Object.fromEntries(
    Object.entries(asks).map(([library, ask]) => {
      try {
        return [library, ask()];
      } catch {
        return [library, false];
      }
    }),
  );
  const valid = Object.values(said).every(Boolean);
  return { name, publicKey: toHex(publicKey), message: toHex(message), signature: toHex(signature), said, valid };
}

const torsion = Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a');
const ed25519Cases: ReturnType<typeof judged>[] = [];
for (let round = 0; round < 8; round++) {
  const secret = toInteger(random.bytes(32)) % order;
  const nonce = toInteger(random.bytes(32)) % order;
  const message = utf8(`message ${round}`);
  const small = torsion.multiplyUnsafe(BigInt(round));
  const sign = (A: typeof torsion, R: typeof torsion): Uint8Array => {
    const k = toInteger(sha512(concatBytes(R.toBytes(), A.toBytes(), message))) % order;
    return concatBytes(R.toBytes(), littleEndian((nonce + k * secret) % order));
  };
  const A = Point.BASE.multiply(secret);
  const R = Point.BASE.multiply(nonce);
  const plain = sign(A, R);
  const s = toInteger(plain.subarray(32));
  const withS = (value: bigint) => concatBytes(plain.subarray(0, 32), littleEndian(value));
  ed25519Cases.push(
    judged('as it should be', A.toBytes(), message, plain),
    judged('S + L', A.toBytes(), message, withS(s + order)),
    judged('S = 0', A.toBytes(), message, withS(0n)),
    judged('S = L', A.toBytes(), message, withS(order)),
    judged('S = 2^253 - 1', A.toBytes(), message, withS(2n ** 253n - 1n)),
    judged(
      'a bit of R',
      A.toBytes(),
      message,
      plain.map((byte, i) => (i === round ? byte ^ 1 : byte)),
    ),
    judged(
      'the other sign of R',
      A.toBytes(),
      message,
      plain.map((byte, i) => (i === 31 ? byte ^ 0x80 : byte)),
    ),
    judged(
      'the other sign of A',
      A.toBytes().map((byte, i) => (i === 31 ? byte ^ 0x80 : byte)),
      message,
      plain,
    ),
    judged('another message', A.toBytes(), utf8('another'), plain),
    judged(`R plus a point of order dividing 8 (${round})`, A.toBytes(), message, sign(A, R.add(small))),
    judged(`A plus a point of order dividing 8 (${round})`, A.add(small).toBytes(), message, sign(A.add(small), R)),
    judged(`both plus that (${round})`, A.add(small).toBytes(), message, sign(A.add(small), R.add(small))),
    // Under a key of small order R = S·B fits one message in 1, 2, 4 or 8, whoever chose it.
    judged(`A of small order (${round})`, small.toBytes(), message, concatBytes(R.toBytes(), littleEndian(nonce))),
  );
}
for (const [name, key] of [
  ['y = p', littleEndian(p)],
  ['y = p + 1', littleEndian(p + 1n)],
  ['y = p + 1, sign set', littleEndian(p + 1n + 2n ** 255n)],
  ['y = 1, sign set', littleEndian(1n + 2n ** 255n)],
  ['y = p - 1, sign set', littleEndian(p - 1n + 2n ** 255n)],
  ['y = 2^255 - 1', littleEndian(2n ** 255n - 1n)],
] as const) {
  for (let nonce = 1n; nonce <= 4n; nonce++) {
    const signature = concatBytes(Point.BASE.multiply(nonce).toBytes(), littleEndian(nonce));
    ed25519Cases.push(judged(`A with ${name}`, key, utf8('m'), signature));
  }
}

write('x25519-edges', x25519Cases);
write('ed25519-edges', ed25519Cases);

function write(name: string, cases: readonly unknown[]): void {
  const lines = cases.map((entry) => JSON.stringify(entry)).join(',\n');
  writeFileSync(fileURLToPath(new URL(`../vectors/${name}.json`, import.meta.url)), `[\n${lines}\n]\n`);
}
