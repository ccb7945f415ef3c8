/** Clients of one complete graph at most; larger cohorts are several sessions. */
export const cohortMaxClients = 200;

/** Shares that rebuild a secret in a cohort of `n`: ⌊2n/3⌋ + 1. @see Bonawitz et al. 2017 §6.2 */
export function thresholdFor(n: number): number {
  return Math.floor((2 * n) / 3) + 1;
}

/**
 * Colluders that can never collect both shares of one client: 2t − n − 1. Each honest holder gives one kind, so a coordinator
 * with c holders gets t of both kinds only if 2t ≤ n + c.
 */
export function colludersTolerated(n: number): number {
  return 2 * thresholdFor(n) - n - 1;
}

/**
 * Why a cohort of `n` clients cannot be summed under these rules, or null when it can.
 * @param minSurvivors - the noise floor: fewest clients that a sum may be taken over
 * @param colluding - clients that may pool what they know with the coordinator
 */
export function cohortFault(n: number, minSurvivors: number, colluding: number): string | null {
  if (n > cohortMaxClients) return `${n} clients, at most ${cohortMaxClients} stand on one graph`;
  if (n < 3) return `${n} clients, a secure sum needs at least 3`;
  if (n < minSurvivors) return `${n} clients, the plan needs at least ${minSurvivors}`;
  const least = Math.max(thresholdFor(n), colluding + 2);
  if (minSurvivors < least) return `minSurvivors ${minSurvivors} is below ${least}, the least for ${n} clients`;
  const most = colludersTolerated(n);
  if (colluding > most) return `colluding ${colluding} is above ${most}, the most that ${n} clients tolerate`;
  return null;
}
