export type { CryptoPort } from './port.ts';
export { createNobleCrypto, sha256 } from './noble-crypto.ts';
export { open, seal, sealOverheadBytes } from './seal.ts';
export { signedBytes } from './signed-bytes.ts';
