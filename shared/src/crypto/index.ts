export type { CryptoPort } from './port.ts';
