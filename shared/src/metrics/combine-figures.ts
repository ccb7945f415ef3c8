import type { Figure } from './interval.ts';

/**
 * Mean of independent figures: each side's distances are added in quadrature (MOVER). Null without a figure.
 * @see Zou, Donner 2008, "Construction of confidence limits about effect measures: a general approach", eq. 5.
 */
export function meanOfFigures(figures: readonly Figure[]): Figure | null {
  if (figures.length === 0) return null;
  const mean = (of: (figure: Figure) => number): number =>
    figures.reduce((sum, one) => sum + of(one), 0) / figures.length;
  const side = (of: (figure: Figure) => number): number => Math.hypot(...figures.map(of)) / figures.length;
  const value = mean((one) => one.value);
  return {
    value,
    low: value - side((one) => one.value - one.low),
    high: value + side((one) => one.high - one.value),
    noiseHalfWidth: side((one) => one.noiseHalfWidth),
  };
}

/**
 * Difference a - b of independent figures (MOVER).
 * @see Zou, Donner 2008, eq. 6; for two Wilson intervals it is Newcombe 1998, method 10.
 */
export function differenceOfFigures(a: Figure, b: Figure): Figure {
  const value = a.value - b.value;
  return {
    value,
    low: value - Math.hypot(a.value - a.low, b.high - b.value),
    high: value + Math.hypot(a.high - a.value, b.value - b.low),
    noiseHalfWidth: Math.hypot(a.noiseHalfWidth, b.noiseHalfWidth),
  };
}

/**
 * Ratio a / b of independent figures that are not negative (MOVER-R). Null where b is 0. Where b's interval reaches 0 the ratio
 * has no upper bound.
 *
 * @see Donner, Zou 2012, "Closed-form confidence intervals for functions of the normal mean and standard deviation", §2.2.
 */
export function ratioOfFigures(a: Figure, b: Figure): Figure | null {
  if (b.value <= 0) return null;
  const value = a.value / b.value;
  const limit = (aSide: number, bSide: number, sign: 1 | -1): number => {
    const spread = bSide * (2 * b.value - bSide);
    if (spread <= 0) return sign === 1 ? Infinity : 0;
    const product = a.value * b.value;
    const root = Math.sqrt(
      Math.max(0, product * product - aSide * bSide * (2 * a.value - aSide) * (2 * b.value - bSide)),
    );
    return (product + sign * root) / spread;
  };
  return {
    value,
    low: Math.max(0, Math.min(value, limit(a.low, b.high, -1))),
    high: b.low <= 0 ? Infinity : Math.max(value, limit(a.high, b.low, 1)),
    noiseHalfWidth: Math.hypot(a.noiseHalfWidth, value * b.noiseHalfWidth) / b.value,
  };
}
