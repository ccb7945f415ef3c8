export { createNodeCrypto } from './node-crypto.ts';
export { nodeKeyStream } from './node-key-stream.ts';
export { createNodeRandom } from './node-random.ts';
