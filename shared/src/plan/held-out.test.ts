import { describe, expect, it } from 'vitest';
import { checkPlan } from './check-plan.ts';
import { expectedUpdates } from './client-sampling.ts';
import { clientsThatTrain, heldOutOf } from './held-out.ts';
import { planHashOf } from './parse-plan.ts';
import { planEpsilons } from './plan-epsilon.ts';
import type { Plan } from './plan-schema.ts';
import { bookedSlots, federationEvent, planSlots, sessionEvent, slotsOf } from './plan-slots.ts';
import { exampleClients, examplePlan, type ExamplePlanOptions } from './testing/index.ts';

const ids = exampleClients(7).map(({ client }) => client);
const away = [ids[1]!, ids[4]!];

const measures = [{ kind: 'performance' as const, bins: 4 }];

function planOf(options: ExamplePlanOptions = {}, heldOut: readonly string[] | undefined = away): Plan {
  const overrides = { ...(heldOut === undefined ? {} : { heldOut: [...heldOut] }), ...options.overrides };
  return examplePlan({ clients: 7, ...options, overrides });
}

const everySlot = {
  split: { validation: 0.2, test: 0.2 },
  survey: { measures, noiseMultiplier: 16 },
  evaluation: {
    every: 2,
    part: 'validation',
    detail: 'accuracy',
    lossMax: 4,
    noiseMultiplier: 16,
    fit: { noiseMultiplier: 16 },
  },
  report: { measures, noiseMultiplier: 16, train: { measures, noiseMultiplier: 16 } },
} satisfies ExamplePlanOptions['overrides'];

describe('a plan that holds clients out', () => {
  it('is sound, states the same ε, and has another hash; without the field hashes are as they were', () => {
    const plan = planOf({ overrides: everySlot });
    const without = planOf({ overrides: everySlot }, undefined as never);
    expect(checkPlan(plan).problems).toEqual([]);
    const none = examplePlan({ clients: 7, overrides: everySlot });
    expect(planEpsilons(plan).map(({ field, stated }) => [field, stated])).toEqual(
      planEpsilons(none).map(({ field, stated }) => [field, stated]),
    );
    expect(planHashOf(plan)).not.toBe(planHashOf(none));
    expect('heldOut' in none).toBe(false);
    expect(planHashOf(without)).toBe(planHashOf(plan));
  });

  it('trains on the others, and reads every unit of a client that is held out under one ε', () => {
    const plan = planOf({ overrides: everySlot });
    expect(clientsThatTrain(plan, ids)).toEqual(ids.filter((id) => !away.includes(id)));
    expect(heldOutOf(plan, away[0]!)).toEqual({ self: true, readTraining: ['evaluation'] });
    expect(heldOutOf(plan, ids[0]!)).toEqual({ self: false, readTraining: ['evaluation'] });
    const one = { ...plan, evaluation: null };
    expect(heldOutOf(one, null)).toEqual({ self: false, readTraining: ['report'] });
    const together = { ...plan, report: { ...plan.report!, part: 'validation' as const } };
    expect(heldOutOf(together, null)?.readTraining).toEqual(['evaluation', 'report']);
    expect(heldOutOf(examplePlan(), ids[0]!)).toBeNull();
  });

  it('costs a client that is held out nothing in training, and the books count what it costs in every part', () => {
    const plan = planOf({ overrides: everySlot });
    const [out, within] = [away[0]!, ids[0]!];
    for (const slot of slotsOf(plan)) {
      const own = sessionEvent(plan, slot, 1, within);
      expect(own?.part).toBe({ evaluation: 'validation', report: 'test' }[slot as 'report'] ?? 'train');
      const apart = sessionEvent(plan, slot, 1, out);
      if (slot === 'evaluation') expect(apart).toEqual({ ...own, part: 'all' });
      else if (slot === 'report') expect(apart).toEqual(own);
      else expect(apart).toBeNull();
      // The federation's books hold for both kinds of client.
      expect(federationEvent(plan, slot, 1, false)).toEqual(slot === 'evaluation' ? apart : own);
    }
    expect(bookedSlots(plan, within)).toEqual(planSlots(plan));
    expect(bookedSlots(plan, out).map(({ slot, events }) => [slot, events[0]!.event.part])).toEqual([
      ['evaluation', 'all'],
      ['report', 'test'],
    ]);
    expect(bookedSlots(plan, null).map(({ slot }) => slot)).toEqual(slotsOf(plan));
  });

  it('expects updates of those alone that train', () => {
    const sampling = { kind: 'hidden', samplingNumerator: 2 ** 31 } as const;
    const query = { kind: 'update', clipNormL2: 1, localEpochs: 1, batchSize: 8, learningRate: 0.1, sampling } as const;
    const training = { query, strategy: { kind: 'fedAvg' }, rounds: 4, noiseMultiplier: 4, paceMs: 20 } as const;
    const plan = planOf({ unit: 'client', overrides: { training } });
    expect(checkPlan(plan).problems).toEqual([]);
    expect(expectedUpdates(plan)).toBe(5 / 2);
  });
});

describe('a plan that holds clients out is refused', () => {
  const banded = {
    kind: 'update',
    clipNormL2: 1,
    localEpochs: 1,
    batchSize: 8,
    learningRate: 0.1,
    sampling: { kind: 'banded', bands: 2, maxParticipations: 2 },
  } as const;
  const cases: readonly [string, Plan, string, RegExp][] = [
    ['a stranger', planOf({}, ['ab'.repeat(20)]), 'plan.heldOut[0]', /not in the roster/],
    ['one twice', planOf({}, [ids[1]!, ids[1]!]), 'plan.heldOut[1]', /held out twice/],
    ['no order', planOf({}, [ids[4]!, ids[1]!]), 'plan.heldOut[1]', /comes after/],
    ['everybody', planOf({}, ids), 'plan.heldOut', /nobody trains/],
    ['nothing that reads them', planOf({ evaluateEvery: null }), 'plan.heldOut', /nothing reads/],
    [
      'banded updates',
      planOf({
        unit: 'client',
        overrides: {
          training: { query: banded, strategy: { kind: 'fedAvg' }, rounds: 4, noiseMultiplier: 16, paceMs: 20 },
        },
      }),
      'plan.training.query.sampling',
      /whose turn/,
    ],
    [
      'no noise, and perhaps one of them alone',
      planOf({ privacy: 'none', minSurvivors: 5 }),
      'plan.heldOut',
      /2 clients of which each is held out, and 2 of all may be missing/,
    ],
    [
      'no noise, and perhaps one that trains alone',
      planOf({ privacy: 'none', minSurvivors: 7 }, ids.slice(1, 6)),
      'plan.heldOut',
      /2 clients of which each trains, and 0 of all may be missing/,
    ],
    ['groups without noise', planOf({ privacy: 'none', trust: 'grouped' }), 'plan.heldOut', /sum of a group/],
  ];
  it.each(cases)('%s', (_, plan, path, problem) => {
    expect(checkPlan(plan).problems).toContainEqual(
      expect.objectContaining({ path, problem: expect.stringMatching(problem) }),
    );
  });

  it('but not where enough of both kinds are left without noise', () => {
    const plan = planOf({ privacy: 'none', minSurvivors: 7 }, ids.slice(0, 3));
    expect(checkPlan(plan).problems).toEqual([]);
  });
});
