export { createLocalModel, type EngineChoice } from './create-local-model.ts';
