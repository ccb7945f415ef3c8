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

/** Orders of the golden values and of dp-accounting's default, for figures that are to be compared. */
export const standardOrders: readonly number[] = rdpOrders.filter((order) => ![80, 96, 192].includes(order));

/**
 * log δ that RDP gives at ε ≥ 0: the least over the orders of (α−1)(rdp − ε + log(1 − 1/α)) − log α and of
 * ½·log(1 − e^{−rdp}), the total variation.
 *
 * @see Canonne, Kamath & Steinke 2020, arXiv 2004.00010, Proposition 12; Bretagnolle & Huber 1979
 */
export function logDeltaOfRdp(
  orders: readonly number[],
  rdps: readonly number[],
  epsilon: number,
): { logDelta: number; order: number } {
  let best = { logDelta: 0, order: orders[0] ?? Number.NaN };
  orders.forEach((order, index) => {
    const rdp = rdps[index] ?? Infinity;
    if (rdp === Infinity) return;
    const apart = rdp === 0 ? -Infinity : 0.5 * Math.log(-Math.expm1(-rdp));
    const bound = (order - 1) * (rdp - epsilon + Math.log1p(-1 / order)) - Math.log(order);
    const logDelta = Math.min(apart, order > 1.01 ? bound : 0);
    if (logDelta < best.logDelta) best = { logDelta, order };
  });
  return best;
}
