import { ed25519 } from '@noble/curves/ed25519.js';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../vector/index.ts';
import { checkPlan, requireSoundPlan } from './check-plan.ts';
import { groupsNeeded, groupsOf, groupSizes, ownGroup } from './groups.ts';
import { planHashOf } from './parse-plan.ts';
import { parsePolicy } from './policy.ts';
import { checkPolicy } from './check-policy.ts';
import type { Plan, SignedPlan } from './plan-schema.ts';
import { sessionHeaderFor } from './session-header.ts';
import { releaseNoiseVariance, sessionParts, sumMaxSteps } from './session-parts.ts';
import { exampleAuthority, exampleClients, examplePlan, type ExamplePlanOptions } from './testing/index.ts';

const groupedPlan = (options: ExamplePlanOptions = {}): Plan =>
  examplePlan({ trust: 'grouped', clients: 10, ...options });
/** Any signature that only the holder of a key can make will do: who verifies it is above this folder. */
const signed = (plan: Plan): SignedPlan => ({
  plan,
  signature: toHex(ed25519.sign(fromHex(planHashOf(plan)), fromHex(exampleAuthority().seed))),
});
const withCohort = (cohort: Partial<Plan['cohort']>): Plan => {
  const plan = groupedPlan();
  return { ...plan, cohort: { ...plan.cohort, ...cohort } };
};

describe('the groups of a plan', () => {
  it('have the planned size at least, and differ by one at most', () => {
    for (const [clients, size, sizes] of [
      [10, 3, [4, 3, 3]],
      [6, 3, [3, 3]],
      [7, 3, [4, 3]],
      [11, 3, [4, 4, 3]],
      [19, 5, [7, 6, 6]],
      [1_000, 100, Array(10).fill(100)],
    ] as const) {
      const plan = groupedPlan({ clients, groups: { size }, unit: 'client', evaluateEvery: null });
      expect(groupSizes(plan)).toEqual(sizes);
      expect(groupsOf(signed(plan)).map(({ length }) => length)).toEqual(sizes);
    }
    expect(groupSizes(examplePlan({ clients: 5 }))).toEqual([5]);
  });

  it('hold every client once, sorted, and are what anybody recomputes', () => {
    const plan = groupedPlan();
    const groups = groupsOf(signed(plan));
    expect(groups.flat().toSorted()).toEqual(plan.roster.clients.map(({ client }) => client));
    for (const members of groups) expect(members).toEqual(members.toSorted());
    expect(groupsOf(signed(plan))).toEqual(groups);
    for (const [number, members] of groups.entries()) {
      for (const client of members) expect(ownGroup(signed(plan), client)).toEqual({ number, members });
    }
    expect(ownGroup(signed(plan), 'ab'.repeat(20))).toBeNull();
    expect(groupsOf(signed(examplePlan({ clients: 4 })))).toEqual([exampleClients(4).map(({ client }) => client)]);
  });

  it('A8: hang on the authority’s signature, so that whoever writes the plan cannot foresee them', () => {
    const plan = groupedPlan();
    const own = signed(plan);
    const groups = groupsOf(own);
    // As if signed with another nonce: the hash, which the author knows, is the same.
    expect(groupsOf({ plan, signature: 'a5'.repeat(32) + own.signature.slice(64) })).not.toEqual(groups);
    expect(groupsOf(signed(groupedPlan({ rounds: 5 })))).not.toEqual(groups);
  });

  it('A8: are not moved by the other half of the signature, which others than the authority can rewrite', () => {
    const own = signed(groupedPlan());
    // S + L is the same scalar; a verifier that is not strict lets it pass.
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const scalar = BigInt(`0x${toHex(fromHex(own.signature.slice(64)).toReversed())}`);
    const rewritten = fromHex((scalar + order).toString(16).padStart(64, '0')).toReversed();
    const signature = own.signature.slice(0, 64) + toHex(rewritten);
    expect(signature).not.toBe(own.signature);
    expect(groupsOf({ ...own, signature })).toEqual(groupsOf(own));
  });

  it('A8: put no two clients together more often than chance does', () => {
    const plan = groupedPlan({ clients: 6, groups: { size: 3 } });
    const draws = 2_000;
    const [one = '', ...others] = plan.roster.clients.map(({ client }) => client);
    const together = new Map(others.map((other) => [other, 0]));
    for (let draw = 0; draw < draws; draw++) {
      const signature = draw.toString(16).padStart(128, '0').slice(64) + '0'.repeat(64);
      const members = ownGroup({ plan, signature }, one)?.members ?? [];
      for (const other of members) if (other !== one) together.set(other, (together.get(other) ?? 0) + 1);
    }
    // Two of five others each time; five deviations of the binomial.
    const [mean, deviation] = [draws * 0.4, Math.sqrt(draws * 0.4 * 0.6)];
    for (const count of together.values()) expect(Math.abs(count - mean)).toBeLessThan(5 * deviation);
  });

  it('are in the header of each session, and in no other mode’s', () => {
    const plan = groupedPlan();
    const facts = {
      planHash: planHashOf(plan),
      runId: 'cd'.repeat(16),
      round: 1,
      attempt: 1,
      modelHash: '11'.repeat(32),
    };
    expect(sessionHeaderFor(plan, { ...facts, group: 2 })).toMatchObject({ trust: 'secure', group: 2 });
    expect(() => sessionHeaderFor(plan, { ...facts, group: 3 })).toThrow(/no group 3/);
    expect(() => sessionHeaderFor(plan, facts)).toThrow(/no group null/);
    expect(sessionHeaderFor(examplePlan(), { ...facts, group: 0 })).not.toHaveProperty('group');
  });
});

describe('a plan in grouped mode', () => {
  it('is sound by the numbers of each group, and summed up by the worst of them', () => {
    const summary = requireSoundPlan(groupedPlan());
    expect(summary.groups).toEqual({ count: 3, least: 3, most: 4, needed: 3 });
    expect(summary.thresholds).toEqual({ clients: 3, threshold: 3, dropsTolerated: 0, colludingMax: 1 });
    const large = requireSoundPlan(groupedPlan({ clients: 21, groups: { size: 10, minGroups: 1 }, colluding: 2 }));
    expect(large.groups).toEqual({ count: 2, least: 10, most: 11, needed: 1 });
    expect(large.thresholds).toEqual({ clients: 10, threshold: 8, dropsTolerated: 2, colludingMax: 3 });
  });

  it('has the noise of each group in its sum: that of one cohort times the square root of the groups', () => {
    const plan = groupedPlan({ clients: 9 });
    const [part] = sessionParts(plan, ['training']);
    const [alone] = sessionParts(examplePlan({ clients: 3 }), ['training']);
    expect(part!.noiseVarianceSteps).toBe(alone!.noiseVarianceSteps);
    expect(releaseNoiseVariance(plan, part!, 9)).toBe(3 * releaseNoiseVariance(plan, part!, 3));
    // The sum of all groups fits as well as each.
    const noise = 16 * Math.sqrt(releaseNoiseVariance(plan, part!, 9));
    expect(9 * part!.sumLimitSteps + noise).toBeLessThanOrEqual(sumMaxSteps);
  });

  it('costs a unit what a group’s sum costs: ε is that of one cohort with the same numbers', () => {
    const one = examplePlan({ clients: 3 });
    expect(groupedPlan({ clients: 9 }).privacy).toEqual(one.privacy);
  });

  it.each([
    ['cohort.groups', withCohort({ groups: undefined }), 'needs the size of its groups'],
    ['cohort.groups.size', withCohort({ groups: { size: 6 } }), '10 clients make one group of 6'],
    ['cohort.groups.minGroups', withCohort({ groups: { size: 3, minGroups: 4 } }), 'needs 4 groups, 10 clients make 3'],
    ['cohort.minSurvivors', withCohort({ minSurvivors: 4 }), 'the smallest group has 3 clients'],
    ['cohort.minSurvivors', withCohort({ groups: { size: 5 } }), '3 is below 4 = max(threshold 4, colluding 1 + 2)'],
    ['cohort.colluding', withCohort({ colluding: 2, minSurvivors: 3 }), 'at most 1 are borne'],
    ['cohort.colluding', withCohort({ colluding: 0 }), 'at least 1 has to be assumed'],
    ['cohort.groups', { ...examplePlan(), cohort: withCohort({}).cohort }, 'trust secure, which has none'],
    [
      'roster.clients',
      { ...groupedPlan({ clients: 1_001 }), trust: 'secure' as const, cohort: { minSurvivors: 900, colluding: 1 } },
      'at most 1000 clients',
    ],
  ] as const)('is refused at plan.%s', (path, plan, text) => {
    const { problems } = checkPlan(plan);
    expect(problems.map((finding) => finding.path)).toContain(`plan.${path}`);
    expect(problems.map(({ problem }) => problem).join()).toContain(text);
  });

  it('is refused with banded updates, which a group that misses a round would break', () => {
    const plan = groupedPlan({ unit: 'client' });
    const { query } = plan.training;
    if (query.kind !== 'update') throw new Error('no update');
    const sampling = { kind: 'banded' as const, bands: 2, maxParticipations: 2 };
    const banded = { ...plan, training: { ...plan.training, query: { ...query, sampling } } } as Plan;
    expect(checkPlan(banded).problems.map(({ path }) => path)).toContain('plan.training.query.sampling');
  });

  it('needs a policy that names it, and suite and floors as in secure mode', () => {
    const plan = groupedPlan();
    const lines = (policy: object) =>
      checkPolicy(parsePolicy({ version: 1, maxEpsilon: 100, ...policy }), plan).map(({ line }) => line);
    expect(lines({})).toEqual(['trust']);
    expect(lines({ trust: ['secure', 'local', 'trusted'] })).toEqual(['trust']);
    expect(lines({ trust: ['grouped'] })).toEqual([]);
    expect(lines({ trust: ['grouped'], minSurvivors: 4, minColluding: 2, suites: ['x25519'] })).toEqual([
      'suites',
      'minSurvivors',
      'minColluding',
    ]);
  });

  it('asks for all groups, unless it says less', () => {
    expect(groupsNeeded(groupedPlan())).toBe(3);
    expect(groupsNeeded(groupedPlan({ groups: { size: 3, minGroups: 2 } }))).toBe(2);
    expect(groupsNeeded(examplePlan())).toBe(1);
  });
});
