import { selectUnits } from '../model/index.ts';
import { createNoiseSampler } from '../privacy/index.ts';
import { contributeSession } from '../queries/index.ts';
import type { RandomSource } from '../random/index.ts';
import type { AuditSetup } from './audit-setup.ts';
import { canaryModel, canaryUnits } from './canary-model.ts';
import { checkNoise, type NoiseCheck } from './noise-check.ts';

/**
 * The noise that stands between an adversary and a unit, drawn through the door itself: sessions of the honest clients of the floor
 * without a single unit, each client's share as the plan makes it, added up; in `trusted` mode the coordinator's.
 */
export async function noiseThroughDoor(
  setup: AuditSetup,
  draws: number,
  random: RandomSource,
  options: { readonly allowInsecureRandom?: boolean } = {},
): Promise<Int32Array> {
  const { part, context, roles, coordinatorVariance } = setup;
  const { allowInsecureRandom = false } = options;
  const model = canaryModel(part.dimension, part.clipNormL2);
  const weights = new Float32Array(part.dimension);
  const nobody = selectUnits(canaryUnits([0]), []);
  const noise = new Int32Array(draws);
  for (let first = 0; first < draws; first += part.dimension) {
    const target = noise.subarray(first, first + part.dimension);
    for (let client = 0; client < roles.honest; client += 1) {
      const unitsOf = () => nobody;
      const input = { context, parts: [part], unitsOf, model, weights, random, allowInsecureRandom };
      const integers = await contributeSession(input);
      for (let place = 0; place < target.length; place += 1) target[place] = target[place]! + integers[place]!;
    }
    createNoiseSampler(coordinatorVariance, { allowInsecureRandom }).add(target, 0, target.length, random);
  }
  return noise;
}

/**
 * Holds the noise of the real code path against what the accountant counts: z·D steps in each coordinate of what an adversary
 * does not know, whatever share each client was told to add.
 */
export async function auditNoise(
  setup: AuditSetup,
  draws: number,
  random: RandomSource,
  options: { readonly allowInsecureRandom?: boolean } = {},
): Promise<NoiseCheck> {
  const std = setup.event.noiseMultiplier * setup.part.normBoundSteps;
  return checkNoise(await noiseThroughDoor(setup, draws, random, options), std * std);
}
