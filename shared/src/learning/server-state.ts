import { SottoError } from '../errors/index.ts';
import { plainRelease, strategyOver, type ReleaseForm } from './release-form.ts';
import type { StrategyConfig } from './strategy-schema.ts';
import type { ServerState } from './strategy.ts';

/** State before the first release. @param weights - initial weights, float32 [d]. */
export function initialServerState(
  config: StrategyConfig,
  weights: Float32Array,
  form: ReleaseForm = plainRelease,
): ServerState {
  const strategy = strategyOver(config, form);
  return {
    strategy: config.kind,
    steps: 0,
    weights: new Float64Array(weights),
    moments: Array.from({ length: strategy.moments }, () => new Float64Array(weights.length)),
    scalars: strategy.scalars,
  };
}

/**
 * State after a release; the given one is left as it was. Replayable bit for bit.
 *
 * @param mean - the release's mean, float64 [d] and the form's figures, by a public denominator.
 * @throws {INVALID_INPUT} when the state is another strategy's, or the lengths differ.
 */
export function applyRelease(
  config: StrategyConfig,
  state: ServerState,
  mean: Float64Array,
  form: ReleaseForm = plainRelease,
): ServerState {
  const strategy = strategyOver(config, form);
  if (state.strategy !== config.kind || state.moments.length !== strategy.moments) {
    throw new SottoError(
      'INVALID_INPUT',
      `server state: the plan's strategy is ${config.kind} with ${strategy.moments} moments, ` +
        `the state is ${state.strategy}'s with ${state.moments.length}`,
    );
  }
  const expected = state.weights.length + strategy.figures;
  if (mean.length !== expected) {
    const more = strategy.figures === 0 ? '' : ` and ${strategy.figures} more`;
    throw new SottoError(
      'INVALID_INPUT',
      `release: the model has ${state.weights.length} coordinates${more}, got ${mean.length}`,
    );
  }
  return { strategy: config.kind, steps: state.steps + 1, ...strategy.step(state, mean) };
}

/** The state with a published model's weights, float32 [d], in place of its own: where an earlier model is gone back to. */
export function withWeights(state: ServerState, weights: Float32Array): ServerState {
  if (weights.length !== state.weights.length) {
    throw new SottoError(
      'INVALID_INPUT',
      `server state: the model has ${state.weights.length} coordinates, got ${weights.length}`,
    );
  }
  return { ...state, weights: new Float64Array(weights) };
}

/** The weights that clients are sent, float32 [d] in new memory: each rounded to the nearest. */
export function publishWeights(state: ServerState): Float32Array {
  return new Float32Array(state.weights);
}
