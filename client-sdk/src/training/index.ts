export { createContributionThread } from './contribution-thread.ts';
export type { ContributionThread } from './contributions-apart.ts';
export { createLocalModel, type EngineChoice } from './create-local-model.ts';
