import type { Strategy } from './strategy.ts';
import type { ConfigOf } from './strategy-schema.ts';

/**
 * Adds the clients' mean update, times the server's learning rate.
 * @see McMahan et al. 2017, Algorithm 1; Reddi et al. 2021, Algorithm 1 for the learning rate.
 */
export function fedAvg(config: ConfigOf<'fedAvg'>): Strategy {
  return {
    needs: 'update',
    figures: 0,
    moments: 0,
    scalars: [],
    step(state, mean) {
      const weights = new Float64Array(mean.length);
      for (let i = 0; i < mean.length; i++) weights[i] = state.weights[i]! + config.learningRate * mean[i]!;
      return { weights, moments: [], scalars: [] };
    },
  };
}
