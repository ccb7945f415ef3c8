import type { Strategy } from './strategy.ts';
import type { ConfigOf } from './strategy-schema.ts';

/**
 * One gradient step a round with heavy-ball momentum: v ← momentum·v + g, w ← w - learningRate·v. Keeps v. With weight decay g is the
 * gradient of the loss plus weightDecay/2·|w|², the L2 penalty: on the server, from the model that everybody knows, so that it needs no
 * room below the clients' clip and costs no ε.
 * @see Sutskever et al. 2013, eq. 1–2, with the learning rate outside of v.
 */
export function fedSgd(config: ConfigOf<'fedSgd'>): Strategy {
  const { weightDecay = 0 } = config;
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
        const gradient = weightDecay === 0 ? mean[i]! : mean[i]! + weightDecay * state.weights[i]!;
        const speed = config.momentum * before[i]! + gradient;
        velocity[i] = speed;
        weights[i] = state.weights[i]! - config.learningRate * speed;
      }
      return { weights, moments: [velocity], scalars: [] };
    },
  };
}
