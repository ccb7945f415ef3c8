import type { CryptoPort } from '../crypto/index.ts';
import { sessionHeaderFor } from '../plan/index.ts';
import { createNoiseSampler } from '../privacy/index.ts';
import { concludeTraining, contributeSession } from '../queries/index.ts';
import type { RandomSource } from '../random/index.ts';
import type { SumRules } from '../secure-sum/index.ts';
import type { AuditSetup } from './audit-setup.ts';
import { canaryModel, canaryUnits } from './canary-model.ts';
import { auditMembers, sumInMemory, type AuditMember } from './in-memory-session.ts';

export type ScoreOptions = {
  /** Releases of each cohort, from 1 up to the setup's most. */
  readonly releases: number;
  /** The devices' randomness: coin and noise, and the secure sum's keys. */
  readonly random: RandomSource;
  /** For tests and reproducible audits: lets a seeded source stand in for the platform's CSPRNG. */
  readonly allowInsecureRandom?: boolean;
  /** The primitives for real sessions of the secure sum; null adds the contributions directly, which gives the same sums. */
  readonly crypto: CryptoPort | null;
  /** Called after each release of any cohort. */
  readonly onRelease?: () => void;
};

/** What stands for hashes that a session is bound to and an audit has no use for. */
const noHash = '00'.repeat(32);

/**
 * Runs the plan's releases with canaries through the real door, the real secure sum and the real conclusion, and scores each
 * canary: the dot product of what is released with its direction, summed over the releases of its cohort.
 *
 * The strategy and the model are left out: they are made of the releases alone, so they can tell nothing more.
 *
 * @param present - whether each canary is in the data
 * @returns scores, one a canary
 */
export async function scoreCanaries(
  setup: AuditSetup,
  present: readonly boolean[],
  options: ScoreOptions,
): Promise<Float64Array> {
  const scores = new Float64Array(present.length);
  for (let cohort = 0; cohort < setup.cohorts; cohort += 1) {
    const first = cohort * setup.canariesPerCohort;
    const ofCohort = present.slice(first, first + setup.canariesPerCohort);
    const release = await openCohort(setup, ofCohort, options);
    for (let number = 1; number <= options.releases; number += 1) {
      const released = await release(number);
      ofCohort.forEach((_, direction) => {
        scores[first + direction] = scores[first + direction]! + released[direction]!;
      });
      options.onRelease?.();
    }
  }
  return scores;
}

type Survivor = { readonly member: AuditMember; readonly directions: readonly number[]; readonly colludes: boolean };

/** A cohort's clients with their canaries; gives the function that makes the n-th release, in the query's real numbers. */
async function openCohort(
  setup: AuditSetup,
  present: readonly boolean[],
  options: ScoreOptions,
): Promise<(number: number) => Promise<Float64Array>> {
  const { plan, context, part, coordinatorVariance, roles } = setup;
  const { crypto, random, allowInsecureRandom = false } = options;
  const survivorCount = roles.honest + roles.colluding;
  const members =
    crypto === null
      ? Array.from({ length: survivorCount }, () => nobody)
      : await auditMembers(survivorCount + roles.lost, crypto, random);
  const survivors: Survivor[] = members.slice(0, survivorCount).map((member, index) => ({
    member,
    // Canaries go round the honest clients in turn; at unit = client that is one each.
    directions: [...present.keys()].filter((direction) => present[direction]! && direction % roles.honest === index),
    colludes: index >= roles.honest,
  }));
  const model = canaryModel(part.dimension, part.clipNormL2);
  const weights = new Float32Array(part.dimension);
  const contribute = ({ directions, colludes }: Survivor) =>
    contributeSession({
      context,
      parts: [part],
      unitsOf: () => canaryUnits(colludes ? [] : directions),
      model,
      weights,
      random,
      allowInsecureRandom,
    });

  return async (number) => {
    const contributions: Int32Array[] = [];
    for (const survivor of survivors) contributions.push(await contribute(survivor));
    const sum =
      crypto === null
        ? plainSum(contributions)
        : await sumInMemory(
            rulesOf(setup, members, number),
            new Map(members.map(({ identity }, index) => [identity, contributions[index] ?? null])),
            { crypto, random },
          );
    if (coordinatorVariance > 0) {
      createNoiseSampler(coordinatorVariance, { allowInsecureRandom }).add(sum, 0, sum.length, random);
    }
    // What colluding clients brought, the adversary knows.
    survivors.forEach(({ colludes }, index) => {
      if (colludes) contributions[index]!.forEach((value, place) => (sum[place] = (sum[place]! - value) | 0));
    });
    return concludeTraining(part, sum, context, plan.cohort.minSurvivors);
  };
}

const nobody: AuditMember = {
  identity: { client: '', sign: () => Promise.resolve(new Uint8Array(64)) },
  publicKey: noHash,
};

function rulesOf({ plan }: AuditSetup, members: readonly AuditMember[], number: number): SumRules {
  // Releases beyond the planned rounds are spare attempts of the last one.
  const round = Math.min(number, plan.training.rounds);
  const runId = noHash.slice(0, 32);
  return {
    header: sessionHeaderFor(plan, { planHash: noHash, runId, round, attempt: number, modelHash: noHash }),
    identities: new Map(members.map(({ identity, publicKey }) => [identity.client, publicKey])),
    minSurvivors: plan.cohort.minSurvivors,
    colluding: plan.cohort.colluding,
  };
}

function plainSum(contributions: readonly Int32Array[]): Int32Array {
  const sum = new Int32Array(contributions[0]!.length);
  for (const integers of contributions) integers.forEach((value, place) => (sum[place] = (sum[place]! + value) | 0));
  return sum;
}
