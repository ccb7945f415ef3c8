export type { ClipRule } from './adaptive-clip.ts';
export { nothingSeen, watchEvaluation, type StoppingFigures, type StoppingState } from './early-stopping.ts';
export type { EarlyStoppingConfig } from './early-stopping-schema.ts';
export { publishedClipNorm, type ReleaseForm } from './release-form.ts';
export { applyRelease, initialServerState, publishWeights, withWeights } from './server-state.ts';
export { decodeServerState, encodeServerState } from './state-bytes.ts';
export { strategyFor } from './strategies.ts';
export { strategySchema, type StrategyConfig } from './strategy-schema.ts';
export type { ServerState, Strategy } from './strategy.ts';
