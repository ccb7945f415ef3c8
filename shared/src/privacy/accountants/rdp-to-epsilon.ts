/** Orders at which RDP is composed: those of the golden values, and more where sampled curves have their optimum. */
export const rdpOrders: readonly number[] = [
  ...Array.from({ length: 99 }, (_, index) => (11 + index) / 10),
  ...Array.from({ length: 53 }, (_, index) => 11 + index),
  80,
  96,
  128,
  192,
  256,
  512,
  1_024,
];

/** What the few operations below may lose to rounding. */
const upward = 1 + 1e-13;

/**
 * ε that RDP at one order gives, rounded up.
 *
 * @param rdp - total RDP at the order, ≥ 0
 * @param order - α > 1
 * @param delta - in (0, 1)
 * @see Canonne, Kamath & Steinke 2020, arXiv 2004.00010, Proposition 12; for ε = 0 Bretagnolle & Huber 1979: the total
 *   variation is at most √(1 − e^{−rdp})
 */
export function epsilonOfRdp(rdp: number, order: number, delta: number): number {
  if (!(rdp < Infinity)) return Infinity;
  if (rdp <= -Math.log1p(-delta * delta) * (1 - 1e-12)) return 0;
  const epsilon = rdp + conversionCost(order, delta);
  return Math.max(0, epsilon + (Math.abs(epsilon) + rdp) * (upward - 1));
}

/**
 * The largest total RDP at one order for which ε is still kept, rounded down; negative where there is none.
 *
 * @param epsilon - ≥ 0
 */
export function rdpBudget(epsilon: number, order: number, delta: number): number {
  return epsilon - conversionCost(order, delta) - (epsilon + 1) * 1e-12;
}

/** log((α−1)/α) − (log δ + log α)/(α−1) */
function conversionCost(order: number, delta: number): number {
  return Math.log1p(-1 / order) - (Math.log(delta) + Math.log(order)) / (order - 1);
}
