import nacl from 'tweetnacl';

const zeroNonce = new Uint8Array(nacl.secretbox.nonceLength);

/** Bytes that sealing adds to a plaintext. */
export const sealOverheadBytes = nacl.secretbox.overheadLength;

/**
 * XSalsa20-Poly1305 under a key that seals exactly one message ever; the nonce is zero for that reason. The context
 * (who, to whom, in which session) is bound by deriving the key from it.
 * @param key - 32 bytes, used once
 */
export function seal(key: Uint8Array, plaintext: Uint8Array): Uint8Array {
  return nacl.secretbox(plaintext, zeroNonce, key);
}

/** The sealed plaintext, or null when the box was not made under this key or was altered. */
export function open(key: Uint8Array, box: Uint8Array): Uint8Array | null {
  return nacl.secretbox.open(box, zeroNonce, key);
}
