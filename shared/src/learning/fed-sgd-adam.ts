import type { Strategy } from './strategy.ts';
import type { ConfigOf } from './strategy-schema.ts';

/**
 * One Adam step a round on the mean gradient. Keeps the first and second moment, and the running products beta1^t and
 * beta2^t for the bias correction, so that no power function is needed. Weight decay is decoupled: w ← w - learningRate·weightDecay·w
 * beside the step, which the moments do not scale.
 * @see Kingma, Ba 2015, Algorithm 1; Loshchilov, Hutter 2019, Algorithm 2.
 */
export function fedSgdAdam(config: ConfigOf<'fedSgdAdam'>): Strategy {
  const { learningRate, beta1, beta2, epsilon, weightDecay = 0 } = config;
  return {
    needs: 'gradient',
    figures: 0,
    moments: 2,
    scalars: [1, 1],
    step(state, mean) {
      const product1 = state.scalars[0]! * beta1;
      const product2 = state.scalars[1]! * beta2;
      const correction1 = 1 - product1;
      const correction2 = 1 - product2;
      const firstBefore = state.moments[0]!;
      const secondBefore = state.moments[1]!;
      const first = new Float64Array(mean.length);
      const second = new Float64Array(mean.length);
      const weights = new Float64Array(mean.length);
      for (let i = 0; i < mean.length; i++) {
        const gradient = mean[i]!;
        const m = beta1 * firstBefore[i]! + (1 - beta1) * gradient;
        const v = beta2 * secondBefore[i]! + (1 - beta2) * (gradient * gradient);
        first[i] = m;
        second[i] = v;
        const before = state.weights[i]!;
        const decayed = weightDecay === 0 ? before : before - learningRate * weightDecay * before;
        weights[i] = decayed - (learningRate * (m / correction1)) / (Math.sqrt(v / correction2) + epsilon);
      }
      return { weights, moments: [first, second], scalars: [product1, product2] };
    },
  };
}
