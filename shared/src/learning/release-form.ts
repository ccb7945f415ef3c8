import { withAdaptiveClip, type ClipRule } from './adaptive-clip.ts';
import { withBandedInverse } from './banded-inverse.ts';
import { strategyFor } from './strategies.ts';
import type { StrategyConfig } from './strategy-schema.ts';
import type { ServerState, Strategy } from './strategy.ts';

/** What a plan's training releases are besides a mean of the model's length. */
export type ReleaseForm = {
  /** They carry the share of updates that were within the bound, which the next round's bound follows. */
  readonly adaptiveClip: ClipRule | null;
  /** Rounds in which each update is sent; 1: it is sent once. */
  readonly bands: number;
};

/** A mean of the model's length, and nothing else. */
export const plainRelease: ReleaseForm = { adaptiveClip: null, bands: 1 };

/** The strategy that a plan names, over releases of that form. */
export function strategyOver(config: StrategyConfig, form: ReleaseForm): Strategy {
  const named = strategyFor(config);
  const strategy = form.bands === 1 ? named : withBandedInverse(named, form.bands);
  return form.adaptiveClip === null ? strategy : withAdaptiveClip(strategy, form.adaptiveClip);
}

/** The bound that the clients of the next round clip to; null where the plan fixes it. */
export function publishedClipNorm(state: ServerState, form: ReleaseForm): number | null {
  return form.adaptiveClip === null ? null : (state.scalars.at(-1) ?? null);
}
