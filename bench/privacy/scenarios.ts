/** A plan that the peer is timed on too: Poisson sampling of rate q, noise multiplier, rounds, δ. */
export type Scenario = {
  readonly q: number;
  readonly sigma: number;
  readonly steps: number;
  readonly delta: number;
  /** How many times faster PLD has to be. */
  readonly pldGoal: number;
};

export const scenarios: readonly Scenario[] = [
  { q: 0.01, sigma: 1, steps: 1_000, delta: 1e-5, pldGoal: 5 },
  { q: 256 / 60_000, sigma: 1.1, steps: 3_516, delta: 1e-5, pldGoal: 5 },
  { q: 1e-3, sigma: 1, steps: 10_000, delta: 1e-6, pldGoal: 5 },
  { q: 0.1, sigma: 5, steps: 1_000, delta: 1e-5, pldGoal: 2 },
  { q: 0.5, sigma: 8, steps: 400, delta: 1e-6, pldGoal: 2 },
];

export const rdpGoal = 10;

/** Time to ε, as wall clock and as CPU of the process, which other processes do not slow down. */
export type Timing = {
  readonly epsilon: number;
  readonly milliseconds: readonly number[];
  readonly cpuMilliseconds: readonly number[];
};
