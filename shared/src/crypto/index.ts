export type { CryptoPort, Mask } from './port.ts';
export { createNobleCrypto, sha256 } from './noble-crypto.ts';
export { addWords } from './word-kernel.ts';
export { open, seal, sealOverheadBytes } from './seal.ts';
export { signedBytes } from './signed-bytes.ts';
