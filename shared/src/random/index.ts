export type { RandomSource } from './source.ts';
