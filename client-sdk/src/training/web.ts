/** Training in a page's worker: `createLocalModel(plan, { candidates: webEngines({ wasmFolder }) }, chosen)`. */
export { createLocalModel, type EngineChoice, type Engines, type EngineTrial } from './create-local-model.ts';
export type { DeviceWish } from './engine.ts';
export { webEngines, type WebEngineOptions } from './web-engines.ts';
