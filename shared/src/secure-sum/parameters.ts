import { graphCorruptOneIn, graphParametersFor } from './graph-parameters.ts';

/** Clients of one complete graph at most, where every pair shares a mask; more stand on a ring of neighbours (`graph.ts`). */
export const completeGraphMaxClients = 200;

/** Clients of one session at most; larger cohorts are several sessions. */
export const cohortMaxClients = 1_000;

/**
 * Clients that have to sign the same sets before anybody gives a share: ⌊2n/3⌋ + 1. On the complete graph as many shares
 * rebuild a secret. @see Bonawitz et al. 2017 §6.2
 */
export function thresholdFor(n: number): number {
  return Math.floor((2 * n) / 3) + 1;
}

/** Shares that rebuild a secret: on the complete graph of all n, on the ring of those that the neighbours hold. */
export function sharesNeeded(n: number): number {
  return n <= completeGraphMaxClients ? thresholdFor(n) : graphParametersFor(n).threshold;
}

/**
 * Colluders that can never collect both shares of one client. On the complete graph 2t − n − 1: each honest holder gives one
 * kind, so a coordinator with c holders gets t of both kinds only if 2t ≤ n + c. On the ring the tenth of all that its numbers
 * are made for: whoever they are, too few of them are neighbours of one client but with the probability 2^-40.
 */
export function colludersTolerated(n: number): number {
  return n <= completeGraphMaxClients ? 2 * thresholdFor(n) - n - 1 : Math.floor(n / graphCorruptOneIn);
}

/**
 * Clients that may drop out after they dealt: all that t does not need; on the ring a tenth at random, of whom every client keeps t
 * neighbours but with the probability 2^-30.
 */
export function dropsTolerated(n: number): number {
  return n <= completeGraphMaxClients ? n - thresholdFor(n) : Math.floor(n / graphCorruptOneIn);
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
