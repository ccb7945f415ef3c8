export type { CryptoPort, KeyStream, Mask } from './port.ts';
export { mlKemSizes, type MlKem } from './ml-kem.ts';
export { sha256 } from './sha256.ts';
export { addWords } from './word-kernel.ts';
export { open, seal, sealOverheadBytes } from './seal.ts';
export { signedBytes, withFields } from './signed-bytes.ts';
