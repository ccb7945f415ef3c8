export { nobleKeyStream as webKeyStream } from './noble-key-stream.ts';
export { createWebCrypto } from './web-crypto.ts';
export { createWebRandom } from './web-random.ts';
