// Runs in a browser's worker: the WebCrypto port against the noble one and against vectors, and its speed.
import { createWebCrypto } from '@sotto/shared/crypto/web';
import { isSottoError } from '@sotto/shared/errors';
import { fromHex, toHex } from '@sotto/shared/vector';
import { createNobleCrypto } from '../../shared/src/crypto/noble-crypto.ts';
import type { CryptoAnswer, CryptoRequest } from './browser-crypto.ts';

declare const self: {
  onmessage: ((event: { readonly data: CryptoRequest }) => void) | null;
  postMessage(answer: CryptoAnswer | { readonly error: string }): void;
};

self.onmessage = ({ data }) => {
  const work = data.type === 'vectors' ? vectors(data) : data.type === 'masks' ? masks(data) : kem(data.rounds);
  work.then(
    (answer) => self.postMessage(answer),
    (error: unknown) => self.postMessage({ error: String(error) }),
  );
};

/** What differs from the vectors, or from noble. */
async function vectors({ agreements, signatures, streams }: Extract<CryptoRequest, { type: 'vectors' }>) {
  const [web, noble] = [await createWebCrypto(crypto.subtle), createNobleCrypto()];
  const faults: string[] = [];
  let checked = 0;
  const same = (name: string, given: unknown, expected: unknown): void => {
    checked += 1;
    if (JSON.stringify(given) !== JSON.stringify(expected)) faults.push(name);
  };
  for (const [i, { secret, publicKey, shared }] of agreements.entries()) {
    const agreed = await web.x25519(fromHex(secret), fromHex(publicKey)).then(toHex, (error: unknown) => {
      if (!isSottoError(error, 'KEY_MISMATCH')) throw error;
      return null;
    });
    same(`agreement ${i}`, agreed, shared);
  }
  for (const [i, { publicKey, message, signature, valid }] of signatures.entries()) {
    same(`signature ${i}`, await web.ed25519Verify(fromHex(publicKey), fromHex(message), fromHex(signature)), valid);
  }
  for (const { key, words, firstWord } of streams) {
    const [a, b] = [new Uint32Array(words), new Uint32Array(words)];
    const given = [{ key: fromHex(key), sign: 1 } as const, { key: fromHex(key).reverse(), sign: -1 } as const];
    await web.addMasks(a, given, firstWord);
    await noble.addMasks(b, given, firstWord);
    same(
      `stream of ${words} words from ${firstWord}`,
      toHex(new Uint8Array(a.buffer)),
      toHex(new Uint8Array(b.buffer)),
    );
  }
  for (let round = 0; round < 5; round++) {
    const draw = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));
    const [secret, peer, seed, message] = [draw(32), draw(32), draw(64), draw(100 * round)];
    same('hkdf', toHex(await web.hkdf(secret, message, 48)), toHex(await noble.hkdf(secret, message, 48)));
    same('sha256', toHex(await web.sha256(message)), toHex(await noble.sha256(message)));
    same('x25519 key', toHex(await web.x25519PublicKey(peer)), toHex(await noble.x25519PublicKey(peer)));
    same('ed25519 key', toHex(await web.ed25519PublicKey(secret)), toHex(await noble.ed25519PublicKey(secret)));
    const signature = await web.ed25519Sign(secret, message);
    same('ed25519 signature', toHex(signature), toHex(await noble.ed25519Sign(secret, message)));
    const key = await web.mlKemPublicKey(seed);
    same('ml-kem key', toHex(key), toHex(await noble.mlKemPublicKey(seed)));
    for (const [one, other] of [
      [web, noble],
      [noble, web],
    ] as const) {
      const sent = await one.mlKemEncapsulate(key, draw(32));
      same('ml-kem secret', toHex(await other.mlKemDecapsulate(seed, sent.ciphertext)), toHex(sent.secret));
    }
    const bad = await web
      .mlKemEncapsulate(
        key.map(() => 255),
        draw(32),
      )
      .then(
        () => 'taken',
        (error: unknown) => isSottoError(error, 'KEY_MISMATCH'),
      );
    same('malformed ml-kem key', bad, true);
  }
  return { checked, faults };
}

/** Bytes of key stream expanded and added in a second, the best of some passes by the clock. */
async function masks({ words, count, passes }: Extract<CryptoRequest, { type: 'masks' }>) {
  const web = await createWebCrypto(crypto.subtle);
  const target = new Uint32Array(words);
  const given = Array.from({ length: count }, (_, i) => {
    return { key: crypto.getRandomValues(new Uint8Array(32)), sign: i % 2 ? 1 : -1 } as const;
  });
  let best = Infinity;
  for (let pass = 0; pass < passes; pass++) {
    const began = performance.now();
    await web.addMasks(target, given);
    best = Math.min(best, performance.now() - began);
  }
  return { bytesPerSecond: (4 * words * count) / (best / 1e3) };
}

/** Milliseconds of one encapsulation and one opening, the mean. */
async function kem(rounds: number) {
  const web = await createWebCrypto(crypto.subtle);
  const seed = crypto.getRandomValues(new Uint8Array(64));
  const key = await web.mlKemPublicKey(seed);
  const began = performance.now();
  for (let round = 0; round < rounds; round++) {
    const { ciphertext } = await web.mlKemEncapsulate(key, crypto.getRandomValues(new Uint8Array(32)));
    await web.mlKemDecapsulate(seed, ciphertext);
  }
  return { milliseconds: (performance.now() - began) / rounds };
}
