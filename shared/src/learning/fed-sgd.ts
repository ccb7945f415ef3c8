import type { Strategy } from './strategy.ts';
import type { ConfigOf } from './strategy-schema.ts';

/**
 * One gradient step a round with heavy-ball momentum: v ← momentum·v + g, w ← w - learningRate·v. Keeps v.
 * @see Sutskever et al. 2013, eq. 1–2, with the learning rate outside of v.
 */
export function fedSgd(config: ConfigOf<'fedSgd'>): Strategy {
  return {
    needs: 'gradient',
    figures: 0,
    moments: 1,
    scalars: [],
    step(state, mean) {
      const before = state.moments[0]!;
      const velocity = new Float64Array(mean.length);
      const weights = new Float64Array(mean.length);
      for (let i = 0; i < mean.length; i++) {
        const speed = config.momentum * before[i]! + mean[i]!;
        velocity[i] = speed;
        weights[i] = state.weights[i]! - config.learningRate * speed;
      }
      return { weights, moments: [velocity], scalars: [] };
    },
  };
}
