import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { applyRelease, decodeServerState, encodeServerState, initialServerState } from '../learning/index.ts';
import {
  bandCoefficients,
  calibrateNoiseMultiplier,
  effectiveNoiseMultiplier,
  type MechanismEvent,
} from '../privacy/index.ts';
import { createSeededRandom } from '../random/index.ts';
import { bandedTurn, turnsUpTo, bandedSchedule } from './banded-schedule.ts';
import { checkPlan, findingText } from './check-plan.ts';
import { planEpsilons, accountedEpsilon } from './plan-epsilon.ts';
import type { Plan } from './plan-schema.ts';
import {
  federationEvent,
  planSlots,
  sessionEvent,
  slotAllows,
  trainingChargedAtMost,
  uncharged,
} from './plan-slots.ts';
import { releaseFormOf } from './release-form.ts';
import { sessionParts } from './session-parts.ts';
import { examplePlan, trainingRounds, type ExamplePlanOptions } from './testing/index.ts';

type Banded = { readonly bands: number; readonly maxParticipations: number };

function bandedPlan(
  banded: Banded,
  rounds: number,
  { noiseMultiplier = 4, ...change }: ExamplePlanOptions & { noiseMultiplier?: number } = {},
): Plan {
  return examplePlan({
    clients: 8,
    unit: 'client',
    evaluateEvery: null,
    spareAttempts: 0,
    ...change,
    overrides: {
      training: {
        query: {
          kind: 'update',
          clipNormL2: 1,
          localEpochs: 1,
          batchSize: 8,
          learningRate: 0.1,
          sampling: { kind: 'banded', ...banded },
        },
        strategy: { kind: 'fedAvg' },
        rounds,
        ...(change.privacy === 'none' ? {} : { noiseMultiplier }),
      },
      ...change.overrides,
    },
  });
}

/** Banded Toeplitz mechanisms: rounds, bands, participations, and what an independent program gives for them. */
const golden = [
  { rounds: 16, bands: 4, most: 4, sensitivity: 2.439902661992892, rms: 1.591207230240118, max: 2.02406999636288 },
  { rounds: 64, bands: 8, most: 8, sensitivity: 3.7076992964473234, rms: 2.0745237518885657, max: 2.73774844213979 },
  {
    rounds: 128,
    bands: 128,
    most: 1,
    sensitivity: 1.6155815871614085,
    rms: 1.5157549037980136,
    max: 1.6155815871614088,
  },
] as const;

/** Σ count / z² of the events: the squared μ of the Gaussian that they compose to. */
function muSquaredOf(plan: Plan): number {
  const [slot] = planSlots(plan);
  return slot!.events.reduce((sum, { event, count }) => sum + count / effectiveNoiseMultiplier(event) ** 2, 0);
}

describe('the banded mechanism', () => {
  it.each(golden)('has the sensitivity of $rounds rounds, $bands bands, $most participations', (mechanism) => {
    const { rounds, bands, most, sensitivity } = mechanism;
    const plan = bandedPlan({ bands, maxParticipations: most }, rounds, { clients: 3 });
    // As the composition of its rounds: exactly, up to D_j = ⌊c_j·D⌋ and z_eff a little below z.
    const D = sessionParts(plan, ['training'])[0]!.normBoundSteps;
    const squares = bandCoefficients(bands).reduce((sum, value) => sum + most * Math.floor(value * D) ** 2, 0);
    expect(muSquaredOf(plan)).toBeCloseTo(squares / (16 * D * D - 4), 10);
    expect(Math.abs(Math.sqrt(muSquaredOf(plan)) / (sensitivity / 4) - 1)).toBeLessThan(1e-3);
    // And as one matrix: k disjoint columns of C.
    const column = bandCoefficients(bands).reduce((sum, value) => sum + value * value, 0);
    expect(Math.sqrt(most * column)).toBeCloseTo(sensitivity, 12);
  });

  it('is no larger for any allowed participation of one client, by brute force over the matrix', () => {
    const [rounds, bands, most] = [9, 3, 2];
    const coefficients = bandCoefficients(bands);
    const plan = bandedPlan({ bands, maxParticipations: most }, rounds);
    let largest = 0;
    const grow = (sum: readonly number[], from: number, left: number): void => {
      largest = Math.max(largest, Math.sqrt(sum.reduce((total, value) => total + value * value, 0)));
      if (left === 0) return;
      for (let round = from; round < rounds; round++) {
        const added = sum.map((value, row) => value + (coefficients[row - round] ?? 0));
        grow(added, round + bands, left - 1);
      }
    };
    grow(
      Array.from({ length: rounds }, () => 0),
      0,
      most,
    );
    expect(Math.sqrt(muSquaredOf(plan)) / (largest / 4)).toBeCloseTo(1, 3);
  });

  it.each(golden)(
    'decodes with the stated prefix error: $rounds rounds, $bands bands',
    ({ rounds, bands, rms, max }) => {
      const form = { adaptiveClip: null, bands };
      const strategy = { kind: 'fedAvg', learningRate: 1 } as const;
      let state = initialServerState(strategy, new Float32Array(rounds), form);
      const errors: number[] = [];
      for (let round = 0; round < rounds; round++) {
        // Unit noise of round t in coordinate t: the weights become row t of A·C^-1.
        const noise = new Float64Array(rounds);
        noise[round] = 1;
        state = applyRelease(strategy, state, noise, form);
        errors.push(Math.sqrt(state.weights.reduce((sum, value) => sum + value * value, 0)));
      }
      expect(Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / rounds)).toBeCloseTo(rms, 10);
      expect(Math.max(...errors)).toBeCloseTo(max, 10);
    },
  );

  const file = join(process.env['SOTTO_SHARED'] ?? '/nowhere', 'golden/dp-accounting.json');
  it.skipIf(!existsSync(file))('has the ε of the golden cases (needs SOTTO_SHARED)', () => {
    const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: GoldenCase[] };
    const ours = cases.filter(({ family }) => family === 'matrix-factorization');
    expect(ours).toHaveLength(3);
    for (const { events, query, expect: expected } of ours) {
      const [{ rounds, bands, maxParticipations, noiseStddevOverClip }] = events;
      const plan = bandedPlan({ bands, maxParticipations }, rounds, {
        clients: 3,
        noiseMultiplier: noiseStddevOverClip,
      });
      const { epsilon } = accountedEpsilon(planSlots(plan), query.delta);
      expect(expected.sensitivity).toBeCloseTo(golden.find((one) => one.rounds === rounds)!.sensitivity, 12);
      expect(Math.abs(epsilon / expected.exact.epsilon - 1)).toBeLessThan(1e-3);
    }
  });
});

type GoldenCase = {
  readonly family: string;
  readonly events: readonly [{ rounds: number; bands: number; maxParticipations: number; noiseStddevOverClip: number }];
  readonly query: { readonly delta: number };
  readonly expect: { readonly sensitivity: number; readonly exact: { readonly epsilon: number } };
};

describe('the turns of a run', () => {
  it('keep separation and limit for every client, and nobody has more than the first', () => {
    for (const [bands, maxParticipations, rounds, clients] of [
      [3, 2, 10, 8],
      [2, 100, 9, 3],
      [4, 1, 9, 30],
      [5, 3, 5, 4],
    ] as const) {
      const plan = bandedPlan({ bands, maxParticipations }, rounds, { clients });
      const schedule = bandedSchedule(plan)!;
      for (const { client } of plan.roster.clients) {
        const turns = Array.from({ length: rounds + 3 }, (_, round) => bandedTurn(plan, client, round));
        const made = turns.flatMap((turn, round) => (turn?.age === 0 ? [round] : []));
        expect(made.length).toBeLessThanOrEqual(maxParticipations);
        made.slice(1).forEach((round, index) => expect(round - made[index]!).toBeGreaterThanOrEqual(bands));
        turns.forEach((turn, round) => {
          if (turn === null) return;
          expect(made).toContain(turn.madeIn);
          expect(round - turn.madeIn).toBe(turn.age);
          expect(turn.age).toBeLessThan(bands);
          expect(round).toBeLessThanOrEqual(rounds);
        });
        for (let round = 0; round <= rounds; round++) {
          turnsUpTo(plan, schedule, round).forEach((most, age) => {
            const own = turns.slice(0, round + 1).filter((turn) => turn?.age === age).length;
            expect(own).toBeLessThanOrEqual(most);
          });
        }
      }
    }
  });

  it('in the federation’s books cost at any time at least what they cost each client, and never more than the plan', () => {
    const plan = bandedPlan({ bands: 3, maxParticipations: 2 }, 9, { clients: 8, spareAttempts: 4 });
    const [slot] = planSlots(plan);
    const random = createSeededRandom('attempts');
    for (let run = 0; run < 20; run++) {
      // Each round is attempted once, and again while spare attempts are left and a coin says so.
      let spare = 4;
      const attempts: number[] = [];
      for (let round = 1; round <= 9; round++) {
        attempts.push(round);
        while (spare > 0 && random.bytes(1)[0]! < 80) {
          attempts.push(round);
          spare -= 1;
        }
      }
      const muSquared = (events: readonly (MechanismEvent | null)[]): number =>
        events.reduce((sum, event) => sum + (event === null ? 0 : effectiveNoiseMultiplier(event) ** -2), 0);
      for (let made = 1; made <= attempts.length; made++) {
        const until = attempts.slice(0, made);
        const booked = until.map((round, index) =>
          federationEvent(plan, 'training', round, until.indexOf(round) < index),
        );
        for (const { client } of plan.roster.clients) {
          const own = until.map((round) => sessionEvent(plan, 'training', round, client));
          expect(muSquared(booked)).toBeGreaterThanOrEqual(muSquared(own) - 1e-12);
        }
        expect(
          uncharged(
            slot!,
            booked.filter((event) => event !== null),
          ),
        ).not.toBeNull();
      }
    }
  });

  it('cost a client what its turn says, and nobody more than the youngest', () => {
    const plan = bandedPlan({ bands: 2, maxParticipations: 1 }, 6, { clients: 4 });
    const D = sessionParts(plan, ['training'])[0]!.normBoundSteps;
    const costs = (client: string | null) =>
      [1, 2, 3, 4, 5, 6].map((round) => sessionEvent(plan, 'training', round, client)?.normBoundSteps ?? 0);
    const [first, second] = plan.roster.clients;
    expect(costs(first!.client)).toEqual([D, Math.floor(D / 2), 0, 0, 0, 0]);
    expect(costs(second!.client)).toEqual([0, D, Math.floor(D / 2), 0, 0, 0]);
    expect(costs(null)).toEqual([D, D, D, D, Math.floor(D / 2), 0]);
    expect(costs('ff'.repeat(20))).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

describe('what a client’s books allow of a banded plan', () => {
  const plan = bandedPlan({ bands: 3, maxParticipations: 2 }, 6, { spareAttempts: 1 });
  const [slot] = planSlots(plan);
  const [whole, half, third] = slot!.events.map(({ event }) => event) as [
    MechanismEvent,
    MechanismEvent,
    MechanismEvent,
  ];

  it('is each turn as often as it comes, and spare attempts at the price of a whole update', () => {
    expect(slot!.events.map(({ count }) => count)).toEqual([3, 2, 2]);
    const all = [whole, half, third, whole, half, third];
    all.forEach((event, index) => expect(slotAllows(slot!, all.slice(0, index), event)).toBe(true));
    for (const event of [whole, half, third]) {
      expect(slotAllows(slot!, all, event)).toBe(true);
      expect(slotAllows(slot!, [...all, event], whole)).toBe(false);
      expect(slotAllows(slot!, [...all, event], third)).toBe(false);
    }
    expect(uncharged(slot!, [whole, half])!.map(({ count }) => count)).toEqual([2, 1, 2]);
    expect(uncharged(slot!, [half, half, half])!.map(({ count }) => count)).toEqual([2, 0, 2]);
  });

  it('never passes the stated ε, in whatever order a coordinator asks', () => {
    const { delta } = plan.privacy as { delta: number };
    const stated = (plan.privacy as { epsilon: number }).epsilon;
    const random = createSeededRandom('orders');
    for (let order = 0; order < 30; order++) {
      const charged: MechanismEvent[] = [];
      for (const byte of random.bytes(40)) {
        const event = [whole, half, third][byte % 3]!;
        if (slotAllows(slot!, charged, event)) charged.push(event);
      }
      const events = charged.map((event) => ({ event, count: 1 }));
      expect(accountedEpsilon([{ ...slot!, events }], delta).epsilon).toBeLessThanOrEqual(stated);
    }
  });

  it('never passes the stated ε where ages come to the same number of steps', () => {
    const many = bandedPlan({ bands: 256, maxParticipations: 3 }, 768, { spareAttempts: 2 });
    const [slots] = planEpsilons(many)[0]!.slots;
    const { delta, epsilon: stated } = many.privacy as { delta: number; epsilon: number };
    const multipliers = new Set(slots!.events.map(({ event }) => event.noiseMultiplier));
    expect(multipliers.size).toBeLessThan(256);
    const [most, ...smaller] = slots!.events.map(({ event }) => event);
    const charged: MechanismEvent[] = [];
    const ask = (event: MechanismEvent) => {
      if (slotAllows(slots!, charged, event)) charged.push(event);
    };
    // A cycle of what is due, then whole updates over and over.
    for (const event of smaller) ask(event);
    for (let again = 0; again < 300; again++) ask(most!);
    expect(charged.filter((event) => event === most)).toHaveLength(slots!.events[0]!.count);
    const events = charged.map((event) => ({ event, count: 1 }));
    expect(accountedEpsilon([{ ...slots!, events }], delta).epsilon).toBeLessThanOrEqual(stated);
  });

  it('so far is at most what was charged, and never more than the plan', () => {
    const { delta } = plan.privacy as { delta: number };
    const epsilons = [0, 1, 2, 3, 4, 5, 6].map((rounds) => {
      const events = trainingChargedAtMost(plan, rounds, rounds);
      return accountedEpsilon([{ ...slot!, events }], delta).epsilon;
    });
    expect(epsilons).toEqual([...epsilons].sort((a, b) => a - b));
    const most = trainingChargedAtMost(plan, 7, 6);
    expect(accountedEpsilon([{ ...slot!, events: most }], delta)).toEqual(
      accountedEpsilon(planEpsilons(plan)[0]!.slots, delta),
    );
  });
});

describe('a banded run', () => {
  const deltaOf = (client: number, round: number): Float64Array => {
    const delta = new Float64Array(14);
    delta[(client + round) % 14] = 0.5 + 0.01 * client;
    return delta;
  };

  it('without noise gives the model that the updates sum to', async () => {
    const plan = bandedPlan({ bands: 3, maxParticipations: 4 }, 12, { privacy: 'none' });
    let weights: Float64Array = new Float64Array(14);
    for await (const { state } of trainingRounds(plan, deltaOf, createSeededRandom('exact'))) weights = state.weights;
    const expected = new Float64Array(14);
    plan.roster.clients.forEach(({ client }, place) => {
      for (let round = 1; round <= 12; round++) {
        if (bandedTurn(plan, client, round)?.age !== 0) continue;
        // Eight clients, each every third round.
        deltaOf(place, round).forEach((value, index) => (expected[index]! += value / (8 / 3)));
      }
    });
    weights.forEach((value, index) => expect(value).toBeCloseTo(expected[index]!, 2));
  });

  it('leaves less than half of the noise in the model that independent noise of the same ε would', async () => {
    const plan = bandedPlan({ bands: 8, maxParticipations: 4 }, 32);
    const { epsilon, delta } = plan.privacy as { epsilon: number; delta: number };
    let squares = 0;
    for (const seed of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) {
      let weights: Float64Array = new Float64Array(14);
      const rounds = trainingRounds(plan, () => new Float64Array(14), createSeededRandom(seed));
      for await (const { state } of rounds) ({ weights } = state);
      squares += weights.reduce((sum, value) => sum + value * value, 0);
    }
    // One new update a round is the denominator, so the error is in units of the clip norm; eight clients add noise for four.
    const [part] = sessionParts(plan, ['training']);
    const perMultiplier = Math.sqrt(8 * part!.noiseVarianceSteps) / part!.normBoundSteps / 4;
    const error = Math.sqrt(squares / (8 * 14)) / perMultiplier;
    // The same four updates of each client, sent once: their 32 sums add up 32 independent noises.
    const alone = calibrateNoiseMultiplier(planSlots(plan)[0]!.event!, 4, epsilon, delta);
    expect(error).toBeLessThan(0.5 * Math.sqrt(32) * alone);
  });

  it('keeps every share within its round’s bound', async () => {
    const plan = bandedPlan({ bands: 4, maxParticipations: 3 }, 12, { privacy: 'none' });
    const D = sessionParts(plan, ['training'])[0]!.normBoundSteps;
    const coefficients = bandCoefficients(4);
    const large = (): Float64Array => new Float64Array(14).fill(1e3);
    for await (const { round, contributions } of trainingRounds(plan, large, createSeededRandom('bounds'))) {
      contributions.forEach((integers, place) => {
        const turn = bandedTurn(plan, plan.roster.clients[place]!.client, round);
        const bound = turn === null ? 0 : Math.floor(coefficients[turn.age]! * D);
        const norm = Math.sqrt(integers.reduce((sum, value) => sum + value * value, 0));
        expect(norm).toBeLessThanOrEqual(bound);
        expect(norm).toBeGreaterThan(0.99 * bound - 1e-9);
      });
    }
  });

  it('replays bit for bit, also from stored bytes', () => {
    const plan = bandedPlan({ bands: 3, maxParticipations: 2 }, 6);
    const form = releaseFormOf(plan);
    const { strategy } = plan.training;
    const means = [0, 1, 2, 3].map((round) => Float64Array.from({ length: 14 }, (_, i) => (i + 1) / (round + 3)));
    let direct = initialServerState(strategy, new Float32Array(14), form);
    let stored = encodeServerState(direct);
    for (const mean of means) {
      direct = applyRelease(strategy, direct, mean, form);
      stored = encodeServerState(applyRelease(strategy, decodeServerState(stored), mean, form));
      expect(stored).toEqual(encodeServerState(direct));
    }
    expect(direct.moments).toHaveLength(2);
  });
});

describe('a plan with banded updates', () => {
  it.each<[Plan, RegExp]>([
    [
      bandedPlan({ bands: 7, maxParticipations: 1 }, 6),
      /sampling\.bands: an update is to be sent in 7 rounds, the plan has 6/,
    ],
    [
      { ...bandedPlan({ bands: 2, maxParticipations: 1 }, 6), unit: 'record' },
      /sampling\.kind: banded at unit record is unsound/,
    ],
  ])('is refused where it cannot hold', (plan, message) => {
    expect(checkPlan(plan).problems.map(findingText).join('\n')).toMatch(message);
  });

  it('does not go together with adaptive clipping', () => {
    const plan = bandedPlan({ bands: 2, maxParticipations: 2 }, 6);
    const query = {
      ...plan.training.query,
      adaptiveClip: { quantile: 0.5, learningRate: 0.2, clippedCountStddev: 9, clipNormMin: 0.1, clipNormMax: 9 },
    };
    const both = { ...plan, training: { ...plan.training, query } } as Plan;
    expect(checkPlan(both).problems.map(findingText).join('\n')).toMatch(/adaptiveClip: with banded sampling/);
  });

  it('finds the noise for a stated ε, and holds it', () => {
    const { noiseMultiplier: _, ...training } = bandedPlan({ bands: 4, maxParticipations: 2 }, 16).training;
    const plan = examplePlan({
      clients: 8,
      unit: 'client',
      evaluateEvery: null,
      overrides: { training, privacy: { kind: 'dp', delta: 1e-5, epsilon: 2 } },
    });
    expect(checkPlan(plan).problems).toEqual([]);
    const { recomputed } = checkPlan(plan).summary!.epsilons[0]!;
    expect(recomputed).toBeLessThanOrEqual(2);
    expect(recomputed).toBeGreaterThan(1.99);
  });
});
