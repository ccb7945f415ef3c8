/**
 * The server's half of the model, in float64. Everything in it follows from the initial weights and the releases by
 * + - × ÷ √ in a fixed order, so a replay has the same bits.
 */
export type ServerState = {
  /** Kind of the strategy that made it. */
  readonly strategy: string;
  /** Releases applied so far. */
  readonly steps: number;
  /** Float64 [d], in the order of the model's layout; published rounded to float32. */
  readonly weights: Float64Array;
  /** Running vectors that the strategy keeps, each float64 [d]; each strategy's file says which. */
  readonly moments: readonly Float64Array[];
  /** Running numbers that the strategy keeps. */
  readonly scalars: readonly number[];
};

/** What a strategy makes of a state and a release; the new vectors are new memory. */
export type StrategyStep = Pick<ServerState, 'weights' | 'moments' | 'scalars'>;

/** A pure reducer from releases to weights. One file a strategy. */
export type Strategy = {
  /** What the released mean must be: a gradient to step against, or an update to add. */
  readonly needs: 'gradient' | 'update';
  /** Coordinates of a released mean beyond the model's: public figures of the round. */
  readonly figures: number;
  /** Running vectors that it keeps; they begin at zero. */
  readonly moments: number;
  /** First values of the running numbers that it keeps. */
  readonly scalars: readonly number[];
  /** @param mean - the release's mean, float64 [d + figures]. */
  readonly step: (state: ServerState, mean: Float64Array) => StrategyStep;
};
