// Loaded into a process by `node --import`: writes every secret that the process makes or derives to the file that
// SOTTO_TEST_SECRETS names, one JSON object a line, so that a test can look for them where they must not be.
import crypto from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';

const file = process.env['SOTTO_TEST_SECRETS'];
if (file !== undefined) record(file);

/** @param {string} file */
function record(file) {
  /** @param {string} kind @param {Uint8Array} bytes */
  const note = (kind, bytes) => {
    appendFileSync(file, `${JSON.stringify({ kind, hex: Buffer.from(bytes).toString('hex') })}\n`);
  };

  const { hkdfSync, diffieHellman, createCipheriv, createPrivateKey } = crypto;
  crypto.hkdfSync = (digest, secret, salt, info, length) => {
    const derived = hkdfSync(digest, secret, salt, info, length);
    note('secret that keys are derived from', secret);
    // Shorter ones are the pairs' tags, which are meant to be seen.
    if (length === 32) note('derived key', new Uint8Array(derived));
    return derived;
  };
  crypto.diffieHellman = (options) => {
    const shared = diffieHellman(options);
    note('agreed secret', shared);
    return shared;
  };
  crypto.createCipheriv = (algorithm, key, ...rest) => {
    note('mask key', key);
    return createCipheriv(algorithm, key, ...rest);
  };
  crypto.createPrivateKey = (key) => {
    if (typeof key === 'object' && 'key' in key && typeof key.key === 'object' && 'd' in key.key) {
      note('private key', Buffer.from(String(key.key.d), 'base64url'));
    }
    return createPrivateKey(key);
  };
  syncBuiltinESMExports();

  const nacl = createRequire(import.meta.url)('tweetnacl');
  const { secretbox } = nacl;
  nacl.secretbox = Object.assign((message, nonce, key) => {
    note('sealing key', key);
    if (message.length === 64) {
      note('share of a self-mask seed', message.slice(0, 32));
      note('share of a recovery seed', message.slice(32));
    } else {
      // What a client encapsulated, for its recovery: 32 bytes for each.
      for (let at = 0; at < message.length; at += 32) note('encapsulated secret', message.slice(at, at + 32));
    }
    return secretbox(message, nonce, key);
  }, secretbox);
}
