export { createNodeCrypto } from './node-crypto.ts';
export { nodeKeyStream } from './node-key-stream.ts';
export { memoryReleaser } from './node-memory.ts';
export { createNodeRandom } from './node-random.ts';
