export { createWebCrypto } from './web-crypto.ts';
