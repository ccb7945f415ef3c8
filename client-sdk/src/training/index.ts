export { createContributionThread, type ContributionThread } from './contribution-thread.ts';
export { createLocalModel, type EngineChoice } from './create-local-model.ts';
