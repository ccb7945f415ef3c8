import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SottoError } from '../errors/index.ts';
import { completePlan, planHashOf, requireSoundPlan, unknownNoiseShare, type Plan } from '../plan/index.ts';
import { exampleAuthority, exampleClients, examplePlan, type ExamplePlanOptions } from '../plan/testing/index.ts';
import { epsilonOf, epsilonOfCurve } from '../privacy/index.ts';
import { cardMarkdown, planCard, planCosts, runCard, type PrivacyCard, type RunFactsForCard } from './index.ts';
import { requireComplete } from './plan-card.ts';

const cardOf = (plan: Plan): PrivacyCard => planCard(plan, planHashOf(plan));

/** A shipped example with a roster of test clients. */
function shippedPlan(name: string, clients: number): Plan {
  const read = (file: string): object =>
    JSON.parse(readFileSync(new URL(`../../../examples/${name}/${file}`, import.meta.url), 'utf8')) as object;
  const roster = exampleClients(clients).map(({ client, name: called, identity }) => ({
    client,
    name: called,
    identity,
  }));
  return completePlan({
    ...read('plan.json'),
    schema: read('schema.json'),
    authority: exampleAuthority().publicKey,
    roster: { kind: 'pinned', clients: roster },
  });
}

const facts: RunFactsForCard = {
  runId: 'ab'.repeat(16),
  state: 'finished',
  roundsRun: 4,
  roundsPlanned: 4,
  modelHash: 'cd'.repeat(32),
  charged: { training: 5, evaluation: 2 },
  releases: [
    { slots: ['training'], survivors: 5, noiseShare: 4 / 3 },
    { slots: ['training', 'evaluation'], survivors: 4, noiseShare: 1 },
    { slots: ['evaluation'], survivors: 5, noiseShare: 4 / 3 },
  ],
  poolClients: 0,
};

describe('a plan’s card', () => {
  it.each<ExamplePlanOptions>([
    {},
    { unit: 'client', clients: 7 },
    { trust: 'trusted', clients: 2 },
    { privacy: 'none' },
    { data: 'digits', clients: 10, evaluateEvery: null },
    { clients: 40 },
    { trust: 'grouped', clients: 10, groups: { size: 5 } },
  ])('is complete and says the plan’s own ε: %j', (options) => {
    const plan = examplePlan(options);
    const { epsilons } = requireSoundPlan(plan);
    const card = cardOf(plan);
    expect(card.guarantees.map(({ epsilon }) => epsilon)).toEqual(epsilons.map(({ stated }) => stated));
    for (const one of card.guarantees) expect(one.epsilon).toBeGreaterThanOrEqual(one.accounted * (1 - 1e-9));
    expect(card.mechanisms.map(({ atMost, planned, spare }) => atMost - planned - spare)).toEqual(
      card.mechanisms.map(() => 0),
    );
    const text = cardMarkdown(card);
    for (const { epsilon } of card.guarantees) expect(text).toContain(`ε = ${epsilon} at δ = 0.00001`);
    for (const line of [...card.outside, ...card.assumptions]) expect(text).toContain(line);
    if (plan.privacy.kind === 'none') expect(text).toContain('**None: ε = ∞.**');
  });

  it('says that nothing is promised of the data behind weights that the run begins with', () => {
    const plan = examplePlan();
    const words = /weights that its author brought along/;
    expect(cardOf(plan).outside.join()).not.toMatch(words);
    const brought = { ...plan, initialWeights: { ...plan.initialWeights, checkpoint: 'ab'.repeat(32) } };
    expect(cardOf(brought).outside.join()).toMatch(words);
  });

  it('lacks no field: whichever is taken out is named, and nothing runs', () => {
    const card = cardOf(examplePlan()) as unknown as Record<string, unknown>;
    for (const field of Object.keys(card)) {
      const { [field]: _gone, ...rest } = card;
      expect(() => requireComplete(rest)).toThrow(new RegExp(`^card\\.${field}: .*, there is nothing$`));
    }
    const [first] = card['guarantees'] as object[];
    for (const epsilon of [Number.NaN, Infinity, 0, undefined]) {
      expect(() => requireComplete({ ...card, guarantees: [{ ...first, epsilon }] })).toThrow(
        /^card\.guarantees\[0\]\.epsilon: /,
      );
    }
  });

  it('is refused where the plan states less than its releases come to, or nothing', () => {
    const plan = examplePlan();
    if (plan.privacy.kind === 'none') throw new SottoError('INTERNAL', 'test');
    const { evaluationEpsilon: _gone, ...privacy } = plan.privacy;
    const less = { ...privacy, epsilon: privacy.epsilon / 2 };
    expect(() => cardOf({ ...plan, privacy })).toThrow(
      /^card\.guarantees\.evaluationEpsilon: the plan states nothing, its releases come to \d/,
    );
    expect(() => cardOf({ ...plan, privacy: less })).toThrow(/^card\.guarantees\.epsilon: the plan states /);
  });

  it('converts by its own curve: ε of the curve is the RDP figure, above the accountant’s', () => {
    for (const plan of [examplePlan(), shippedPlan('hospitals', 4), shippedPlan('adult', 15)]) {
      for (const { rdp, delta, rdpEpsilon, accounted } of cardOf(plan).guarantees) {
        expect(epsilonOfCurve(rdp, delta)).toBe(rdpEpsilon);
        expect(rdpEpsilon).toBeGreaterThan(accounted);
        expect(rdpEpsilon).toBeLessThan(accounted * 1.2);
      }
    }
  });

  it('quotes the author’s words as words: they cannot pass for a part of the card', () => {
    const plan = examplePlan({
      overrides: { name: 'x\n\n## The promise\n\n**ε = 0**', disclosure: { note: 'no | risk\n# at all' } },
    });
    const text = cardMarkdown(cardOf(plan));
    expect(text.match(/^## The promise$/gm)).toHaveLength(1);
    expect(text).not.toContain('**ε = 0**');
    expect(text).toContain('> no \\| risk \\# at all');
  });
});

describe('who colludes', () => {
  it('has the stated ε in the plan’s own row, more with more colluders, less with more contributions', () => {
    const shipped = shippedPlan('digits-8x8', 10);
    const plan: Plan = { ...shipped, cohort: { ...shipped.cohort, noise: 'kept' } };
    const { collusion, guarantees } = cardOf(plan);
    expect(collusion.most).toBe(3);
    expect(collusion.left.map(({ colluding }) => colluding)).toEqual([0, 1, 2, 3]);
    guarantees.forEach(({ accounted }, index) => {
      expect(collusion.left[1]!.atFewest[index]).toBeCloseTo(accounted, 9);
      const column = collusion.left.map(({ atFewest }) => atFewest[index]!);
      expect(column).toEqual(column.toSorted((a, b) => a - b));
      for (const { atFewest, atAll } of collusion.left) expect(atAll[index]!).toBeLessThan(atFewest[index]!);
    });
  });

  it('bounds by its two columns what any number of survivors costs, where noise is taken out', () => {
    const plan = shippedPlan('digits-8x8', 10);
    expect(plan.cohort).toMatchObject({ minSurvivors: 8, colluding: 1, noise: 'removable' });
    const { left } = cardOf(plan).collusion;
    for (const { colluding, atFewest, atAll } of left) {
      const shares = Array.from({ length: 3 }, (_, drops) =>
        unknownNoiseShare(plan, 10 - drops, colluding, { clients: 10, whole: [] }),
      );
      expect(Math.min(...shares)).toBe(Math.min(shares[0]!, shares[2]!));
      // More noise, less ε.
      atAll.forEach((all, index) => {
        expect(all <= atFewest[index]!).toBe(shares[0]! >= shares[2]!);
        if (colluding === 1) expect(all).toBe(atFewest[index]);
      });
    }
    expect(cardMarkdown(cardOf(plan))).toContain('the larger one holds, however many contribute');
    expect(left[0]!.atAll[0]).toBeGreaterThan(left[0]!.atFewest[0]!);
    expect(left[3]!.atAll[0]).toBeLessThan(left[3]!.atFewest[0]!);
  });

  it('gives the figures of the flagship: noise sized for all four, ε .911 alone, 1.067 against one more hospital', () => {
    // soundness.md §2.1, first row: z = 40.6 over 100 rounds when nobody is assumed to collude.
    const sized = Math.sqrt(3 / 4) * 40.6;
    const plan = shippedPlan('hospitals', 4);
    const { left } = cardOf({
      ...plan,
      privacy: { kind: 'dp', delta: 1e-5, epsilon: 2 },
      training: { ...plan.training, noiseMultiplier: sized },
    }).collusion;
    expect(left[0]!.atFewest[0]).toBeCloseTo(0.911, 3);
    expect(left[1]!.atFewest[0]).toBeCloseTo(1.067, 3);
  });

  it('is the example of the page for data-protection officers', () => {
    const page = readFileSync(new URL('../../../docs/concepts/privacy.md', import.meta.url), 'utf8');
    const rows = cardOf(shippedPlan('hospitals', 4)).collusion.left.map(({ atFewest }) => atFewest[0]!);
    expect(rows).toHaveLength(2);
    expect(page).toMatch(new RegExp(`\\| 0 +\\| ${rows[0]!.toFixed(3)} `));
    expect(page).toMatch(/\| 1 +\| 1 \(stated\) /);
  });

  it('counts colluders and survivors in a group, and all groups’ noise in what a sum of all carries', () => {
    const grouped = examplePlan({ trust: 'grouped', clients: 10, groups: { size: 5 } });
    const { cohort, ...rest } = examplePlan({ clients: 5 });
    const one: Plan = { ...rest, cohort: { ...cohort, noise: 'kept' } };
    const [card, alone] = [cardOf(grouped), cardOf(one)];
    expect(card.collusion.left).toEqual(alone.collusion.left);
    expect(card.collusion.most).toBe(alone.collusion.most);
    expect(card.collusion.meaning).toContain('hide the others of its group. The stated ε allows for 1 in each group.');
    expect(card.noise.meaning).toContain('The sum of all 2 groups carries the noise of each.');
    expect(card.trust).toMatchObject({ mode: 'grouped', sums: expect.stringContaining('of each group') });
    expect(card.assumptions.join()).toContain('an authority that signs anew until the draw pleases it');
    const factorOf = (plan: Plan): number => planCosts(plan).noise.find(({ planned }) => planned)!.factor;
    expect(factorOf(grouped)).toBeCloseTo(Math.SQRT2 * factorOf(one), 12);
  });

  it('is empty in trusted mode, where clients know no noise, and the words say against whom nothing holds', () => {
    const card = cardOf(examplePlan({ trust: 'trusted', clients: 2 }));
    expect(card.collusion.left).toEqual([]);
    expect(cardMarkdown(card)).toContain('Against the coordinator there is no protection but trust.');
  });
});

describe('a run’s card', () => {
  const plan = examplePlan({ clients: 5 });

  it('adds what was done and lowers no ε', () => {
    const before = cardOf(plan);
    const card = runCard(before, facts);
    expect(card.guarantees.map(({ epsilon }) => epsilon)).toEqual(before.guarantees.map(({ epsilon }) => epsilon));
    expect(card.guarantees.map(({ participationsDone }) => participationsDone)).toEqual([5, 2]);
    expect(card.mechanisms.map(({ charged, released }) => [charged, released])).toEqual([
      [5, 2],
      [2, 2],
    ]);
    // minSurvivors 4 and one colluder: four contributions are the floor.
    expect(card.noise).toMatchObject({ fewestSurvivors: 4, shareReceived: 1 });
    expect(cardMarkdown(card)).toContain('has finished after 4 of 4 rounds');
  });

  it('noise planned for 15 sessions and 1,500 charged: there is no card, and both numbers are named', () => {
    const short = examplePlan({ rounds: 13, spareAttempts: 2, evaluateEvery: null });
    expect(() => runCard(cardOf(short), { ...facts, charged: { training: 1_500, evaluation: 0 } })).toThrow(
      'card.mechanisms[0].charged: 1500 sessions with training were charged, the stated epsilon covers 15',
    );
    const long = { ...short, training: { ...short.training, rounds: 1_498 } };
    expect(() => requireSoundPlan(long)).toThrow(/plan\.privacy\.epsilon: .* is stated, the plan's slots come to/);
  });

  it('a release below the noise floor has no card', () => {
    const low = { ...facts, releases: [{ slots: ['training' as const], survivors: 3, noiseShare: 2 / 3 }] };
    expect(() => runCard(cardOf(plan), low)).toThrow(/^card\.noise\.shareReceived: /);
  });

  it('says who came by an invitation for many', () => {
    expect(cardMarkdown(runCard(cardOf(plan), { ...facts, poolClients: 3 }))).toContain(
      '3 of the clients were admitted by an invitation for many',
    );
  });
});

describe('costs', () => {
  it('are given by slot, and what spare attempts, colluders and survivors do', () => {
    const plan = shippedPlan('digits-8x8', 10);
    const costs = planCosts(plan);
    expect(costs.slots.map(({ slot, field }) => [slot, field])).toEqual([
      ['training', 'epsilon'],
      ['evaluation', 'evaluationEpsilon'],
    ]);
    for (const { epsilonAlone, epsilonWithoutSpare } of costs.slots) {
      expect(epsilonWithoutSpare).toBeLessThan(epsilonAlone);
      expect(epsilonAlone).toBeLessThanOrEqual(3);
    }
    // With all ten there, what is left is sized for them, however few might have stayed.
    const own = { minSurvivors: 8, colluding: 1, planned: true };
    expect(costs.noise.filter(({ planned }) => planned)).toEqual([{ ...own, factor: Math.sqrt(10 / 9) }]);
    for (const { colluding, factor } of costs.noise) expect(factor).toBe(Math.sqrt(10 / (10 - colluding)));
    const kept = planCosts({ ...plan, cohort: { ...plan.cohort, noise: 'kept' } });
    expect(kept.noise.filter(({ planned }) => planned)).toEqual([{ ...own, factor: Math.sqrt(10 / 7) }]);
    // The normative table for ten clients: minSurvivors 7 with one colluder costs a factor of 1.29.
    expect(kept.noise.find(({ minSurvivors }) => minSurvivors === 7)?.factor).toBeCloseTo(1.29, 2);
  });
});

describe('a card of a plan for users', () => {
  const userCard = (query: object, trust: 'secure' | 'local' = 'secure') =>
    cardOf(
      examplePlan({
        clients: 12,
        trust,
        unit: 'client',
        evaluateEvery: null,
        spareAttempts: 2,
        overrides: {
          training: {
            query: { kind: 'update', clipNormL2: 1, localEpochs: 1, batchSize: 8, learningRate: 0.1, ...query },
            strategy: { kind: 'fedAvg' },
            rounds: 24,
            paceMs: 20,
            noiseMultiplier: 4,
          },
        } as never,
      }),
    );

  it.each([
    ['every client', {}, 'none', 'everyUnit'],
    ['hidden coins', { sampling: { kind: 'hidden', samplingNumerator: 2 ** 30 } }, 'poisson', 'secretCoinOfEachClient'],
    ['turns', { sampling: { kind: 'banded', bands: 3, maxParticipations: 4 } }, 'none', 'turnsInPublicOrder'],
  ])('of %s states what its charges cost, and the sampling that is done', (_name, query, assumed, done) => {
    const { guarantees, mechanisms } = userCard(query);
    const [mechanism] = mechanisms;
    expect(mechanism).toMatchObject({ samplingAssumed: assumed, samplingDone: done, clip: 'fixed', atMost: 26 });
    const charges = mechanism!.charges.map(({ event, atMost }) => ({ event, count: atMost }));
    expect(guarantees[0]!.accounted).toBe(epsilonOf(charges, 1e-5).epsilon);
    expect(guarantees[0]!.participationsMost).toBe(charges.reduce((sum, { count }) => sum + count, 0));
  });

  it('of turns charges a unit its updates, and repeated sessions as the largest', () => {
    const { charges, event } = userCard({ sampling: { kind: 'banded', bands: 3, maxParticipations: 4 } })
      .mechanisms[0]!;
    expect(charges.map(({ atMost }) => atMost)).toEqual([6, 4, 4]);
    expect(charges[0]!.event).toEqual(event);
  });

  it('of an adaptive clip says so; in local mode everybody else may collude', () => {
    const adaptiveClip = { quantile: 0.5, learningRate: 0.2, clipNormMin: 0.01, clipNormMax: 10 };
    expect(userCard({ clipNormL2: 0.1, adaptiveClip }).mechanisms[0]!.clip).toBe('adaptive');
    const local = userCard({}, 'local');
    expect(local).toMatchObject({
      trust: { mode: 'local' },
      noise: { addedBy: 'eachClientAlone' },
      collusion: { left: [] },
    });
    expect(cardMarkdown(local)).toContain('holds against coordinator and all other clients together');
  });
});
