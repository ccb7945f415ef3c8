export { createContributionThread } from './contribution-thread.ts';
export type { ContributionThread } from './contributions-apart.ts';
export { createLocalModel, type EngineChoice, type Engines, type EngineTrial } from './create-local-model.ts';
export type { DeviceWish } from './engine.ts';
export { nodeEngines } from './node-engines.ts';
