import type { Plan } from '../plan/index.ts';
import { auditBound } from '../privacy/index.ts';
import type { RandomSource } from '../random/index.ts';
import { auditSetup } from './audit-setup.ts';
import { auditNoise } from './noise-through-door.ts';
import { correctGuesses, drawCanaries } from './guess-canaries.ts';
import { scoreCanaries } from './score-canaries.ts';

export type PowerOptions = {
  readonly canaries: number;
  readonly guesses: number;
  readonly significance?: number;
  readonly repeats: number;
  /** Draws of each noise check; default 10^6. */
  readonly noiseDraws?: number;
  /** Standard deviation of the noise that each client really adds, over the planned one; 1 is a correct client. */
  readonly noiseFactor: number;
  /** A stream of its own for each purpose: the canaries' coins, the devices. */
  readonly randomOf: (purpose: string) => RandomSource;
  readonly allowInsecureRandom?: boolean;
};

export type AuditPower = {
  /** ε lower bound of each repeat. */
  readonly bounds: readonly number[];
  /** Share of the repeats whose bound is above the plan's ε: what the canaries alone find. */
  readonly flaggedByBound: number;
  /** Share whose noise check failed. */
  readonly flaggedByNoise: number;
  /** Share that either of them flags, as an audit's verdict does. */
  readonly flagged: number;
};

/**
 * What an audit of this size is worth: how often it would flag the plan if every client added `noiseFactor` times the noise
 * that it should. The door, the clip, the coin and the sampler are the real ones, the clients' contributions are added
 * directly: the secure sum gives the very same sums and is too slow for hundreds of repeats.
 *
 * @throws as `auditPlan`
 */
export async function auditPower(plan: Plan, options: PowerOptions): Promise<AuditPower> {
  const {
    canaries,
    guesses,
    significance = 0.05,
    repeats,
    noiseFactor,
    randomOf,
    allowInsecureRandom = false,
  } = options;
  const setup = auditSetup(plan, canaries);
  const { delta, epsilon } = setup.stated;
  const weakened = {
    ...setup,
    coordinatorVariance: setup.coordinatorVariance * noiseFactor ** 2,
    part: { ...setup.part, noiseVarianceSteps: setup.part.noiseVarianceSteps * noiseFactor ** 2 },
  };
  const bounds: number[] = [];
  const noiseFailed: boolean[] = [];
  for (let repeat = 1; repeat <= repeats; repeat += 1) {
    const present = drawCanaries(canaries, randomOf(`canaries ${repeat}`));
    const scores = await scoreCanaries(weakened, present, {
      releases: setup.releasesMost,
      random: randomOf(`devices ${repeat}`),
      allowInsecureRandom,
      crypto: null,
    });
    const correct = correctGuesses(scores, present, guesses);
    bounds.push(auditBound({ canaries, guesses, correct, delta, significance }).epsilonLowerBound);
    const noise = await auditNoise(weakened, options.noiseDraws ?? 1_000_000, randomOf(`noise ${repeat}`), {
      allowInsecureRandom,
    });
    noiseFailed.push(noise.failed.length > 0);
  }
  const share = (of: (index: number) => boolean) => [...bounds.keys()].filter(of).length / repeats;
  const byBound = (index: number) => bounds[index]! > epsilon;
  return {
    bounds,
    flaggedByBound: share(byBound),
    flaggedByNoise: share((index) => noiseFailed[index]!),
    flagged: share((index) => byBound(index) || noiseFailed[index]!),
  };
}
