import { bandCoefficients } from '../privacy/index.ts';
import type { Strategy } from './strategy.ts';

/**
 * A strategy over releases in which each update is sent again in the rounds after it: y_t = Σ_j c_j·x_{t-j} + noise. Solves for
 * x_t = y_t - Σ_{j≥1} c_j·x_{t-j} row by row, which leaves the sum of all updates so far with little noise. Keeps the last
 * bands - 1 of them, newest first, after the inner strategy's moments.
 * @see docs/decisions/0008 for why this is the banded matrix mechanism.
 */
export function withBandedInverse(inner: Strategy, bands: number): Strategy {
  const coefficients = bandCoefficients(bands);
  const past = bands - 1;
  return {
    ...inner,
    moments: inner.moments + past,
    step(state, mean) {
      const before = state.moments.slice(inner.moments);
      const update = new Float64Array(mean);
      before.forEach((earlier, index) => {
        const coefficient = coefficients[index + 1]!;
        for (let i = 0; i < update.length; i++) update[i] = update[i]! - coefficient * earlier[i]!;
      });
      const step = inner.step({ ...state, moments: state.moments.slice(0, inner.moments) }, update);
      return { ...step, moments: [...step.moments, update, ...before].slice(0, inner.moments + past) };
    },
  };
}
