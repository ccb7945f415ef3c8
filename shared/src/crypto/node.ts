export { createNodeCrypto } from './node-crypto.ts';
export { memoryReleaser } from './node-memory.ts';
export { createNodeRandom } from './node-random.ts';
