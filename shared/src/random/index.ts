export type { RandomSource } from './source.ts';
export { createSeededRandom } from './seeded.ts';
export { shuffle, uniformBelow } from './uniform.ts';
