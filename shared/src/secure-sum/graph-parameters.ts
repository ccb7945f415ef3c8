/**
 * The numbers of a session on the ring of neighbours. Both ends read them from this table by the number of clients alone, so
 * that no engine's logarithm can make two ends differ; `graph-parameters.test.ts` holds each line to the search of
 * `graph-search.ts` for every number of clients that it stands for.
 */
export type GraphParameters = {
  /** k: neighbours of each client, half of them on each side of it on the ring. Even. */
  readonly neighbours: number;
  /** t: shares, of the k that the neighbours hold, that rebuild a secret. */
  readonly threshold: number;
  /** Fewest clients that must have signed the same sets among any k/2 that follow one another on the ring. */
  readonly spread: number;
};

/** One client in so many may pool what it knows with the coordinator, and one in so many may drop out at random. */
export const graphCorruptOneIn = 10;

/**
 * γ = δ = 1/10, σ = 40, η = 30, by the rule for a coordinator that lies: the last number of clients that a line stands for, and
 * the smallest k that the search finds for it.
 * @see Bell et al. 2020, "Secure Single-Server Aggregation with (Poly)Logarithmic Overhead", §3.3; docs/decisions/0013
 */
const table: readonly (readonly [clientsMax: number, neighbours: number, threshold: number, spread: number])[] = [
  [250, 70, 48, 16],
  [300, 76, 52, 17],
  [400, 88, 60, 19],
  [500, 94, 64, 20],
  [600, 100, 68, 21],
  [700, 104, 71, 21],
  [800, 106, 72, 22],
  [900, 110, 75, 22],
  [1_000, 114, 78, 23],
];

/**
 * The numbers for `n` clients.
 * @param n - clients on the ring; above the last line that one is taken, and `cohortFault` refuses the session
 */
export function graphParametersFor(n: number): GraphParameters {
  const [, neighbours, threshold, spread] = table.find(([clientsMax]) => n <= clientsMax) ?? table.at(-1)!;
  return { neighbours, threshold, spread };
}
