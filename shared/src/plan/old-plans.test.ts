import { expect, it } from 'vitest';
import { parsePlan, planHashOf } from './parse-plan.ts';
import { examplePlan } from './testing/index.ts';

/** Hashes of plans as they were before there were surveys and reports: what is signed keeps its meaning, so nothing may be filled in. */
it.each([
  [{}, '07900feddf313513d55ba46610c51a5c0314b27736eef1c1c0701a1c7f7872c1'],
  [{ unit: 'client' }, '82f24c2575d888c21609e75f75b0a72e4db685b9f0be8252140baae66604e987'],
  [{ privacy: 'none' }, 'df4101b3f9700ca6eab0ebeeb28968c17247dc9fa083720f5924ede48da95099'],
  [{ data: 'digits' }, 'b003e08017311f5d4bfcc3cef781c65c4276359092ea3885e9139115a709627c'],
] as const)('a plan that asks for nothing new keeps its hash: %j', (options, hash) => {
  expect(planHashOf(parsePlan(JSON.parse(JSON.stringify(examplePlan(options)))))).toBe(hash);
});
