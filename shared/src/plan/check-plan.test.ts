import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkDataSchema } from './check-data-schema.ts';
import { checkPlan, findingText, requireSoundPlan } from './check-plan.ts';
import { parseDataSchema } from './data-schema.ts';
import type { PlanReport } from './plan-finding.ts';
import { dpPrivacySchema, type Plan } from './plan-schema.ts';
import { exampleClient, exampleClients, examplePlan, type ExamplePlanOptions } from './testing/index.ts';

type Deep<Value> = {
  readonly [Key in keyof Value]?: Value[Key] extends object ? Deep<Value[Key]> | Value[Key] : Value[Key];
};

/** The plan with some fields replaced at any depth. */
function changed(plan: Plan, change: Deep<Plan>): Plan {
  const merge = (base: unknown, over: unknown): unknown => {
    if (!isRecord(base) || !isRecord(over) || ('kind' in over && over.kind !== base.kind)) return over;
    return {
      ...base,
      ...Object.fromEntries(Object.entries(over).map(([key, value]) => [key, merge(base[key], value)])),
    };
  };
  return merge(plan, change) as Plan;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function problems(plan: Plan): readonly string[] {
  return checkPlan(plan).problems.map(findingText);
}

describe('a sound plan', () => {
  it.each<ExamplePlanOptions>([
    {},
    { data: 'digits', clients: 10, rounds: 40 },
    { unit: 'client', clients: 7 },
    { trust: 'trusted', clients: 1 },
    { trust: 'local', clients: 1 },
    { evaluateEvery: null, clients: 30 },
    { clients: 200 },
  ])('A15: has no problem, and no warning but that a sum believes its clients: %j', (options) => {
    const check = checkPlan(examplePlan(options));
    expect(check.problems).toEqual([]);
    const believed = options.clients === 1 ? [] : [expect.stringMatching(/^plan\.roster: .*can shift it, unseen/)];
    const unusual = expect.stringMatching(
      /^plan\.schema\.columns: columns age \(0\), .*oldpeak \(-9\): what tables often write/,
    );
    expect(check.warnings.map(findingText)).toEqual(options.data === 'digits' ? believed : [unusual, ...believed]);
    expect(check.summary).not.toBeNull();
  });

  it('warns where what stands for a missing value passes as measured', () => {
    const { schema } = examplePlan();
    const warned = (column: object): string[] => {
      const first = {
        ...schema.columns[0],
        name: 'chol',
        min: 0,
        max: 700,
        centre: 220,
        scale: 60,
        missing: [],
        ...column,
      };
      const columns = [first, ...schema.columns.slice(5)] as Plan['schema']['columns'];
      const report: PlanReport = { problems: [], warnings: [] };
      checkDataSchema({ ...schema, columns }, report);
      expect(report.problems).toEqual([]);
      return report.warnings.map(findingText);
    };
    expect(warned({})).toEqual([
      expect.stringMatching(/^plan\.schema\.columns: column chol \(0\): what tables often write/),
    ]);
    const filled = expect.stringMatching(
      /^plan\.schema\.columns: column chol \(220\): a missing value becomes the fill/,
    );
    expect(warned({ missing: ['0'], fill: 220 })).toEqual([filled]);
    expect(warned({ min: 50 })).toEqual([]);
    // Usual by the column's own constants: 0 of most people's gains.
    expect(warned({ transform: 'log1p', max: 1e6, centre: 0.7, scale: 2.5 })).toEqual([]);
    expect(warned({ min: -99, max: 1_000 })).toEqual([expect.stringContaining('chol (0, -9, -99, 999)')]);
    // One of the four hospitals writes 0 for every cholesterol.
    const hospitals = new URL('../../../examples/hospitals/schema.json', import.meta.url);
    const report: PlanReport = { problems: [], warnings: [] };
    checkDataSchema(parseDataSchema(JSON.parse(readFileSync(hospitals, 'utf8'))), report);
    expect(report.warnings.map(findingText)).toEqual([expect.stringMatching(/chol \(0\).*lies inside the range/)]);
  });

  it('is summed up: thresholds, sessions, slots, ε', () => {
    const plan = examplePlan({ clients: 10, data: 'digits', rounds: 20, evaluateEvery: 5, spareAttempts: 3 });
    const summary = requireSoundPlan(plan);
    expect(summary.thresholds).toEqual({ clients: 10, threshold: 7, dropsTolerated: 3, colludingMax: 3 });
    expect(summary.sessions).toEqual({ planned: 21, most: 24 });
    expect(summary.parameters).toBe(64 * 32 + 32 + 32 * 10 + 10);
    expect(summary.slots.map(({ slot, count }) => [slot, count])).toEqual([
      ['training', 23],
      ['evaluation', 7],
    ]);
    for (const slot of summary.slots) expect(slot.worstSumSteps).toBeLessThan(2 ** 31);
    expect(summary.epsilons.map(({ field }) => field)).toEqual(['epsilon', 'evaluationEpsilon']);
    for (const { stated, recomputed } of summary.epsilons) expect(stated).toBeGreaterThanOrEqual(recomputed);
  });

  it('tolerates the drops and colluders of the normative table', () => {
    // soundness.md §5: n, t, drops, colluders with two honest survivors, minSurvivors.
    const table = [
      [3, 3, 0, 1, 3],
      [4, 3, 1, 1, 3],
      [5, 4, 1, 2, 4],
      [6, 5, 1, 3, 5],
      [7, 5, 2, 2, 5],
      [8, 6, 2, 3, 6],
      [9, 7, 2, 4, 7],
      [10, 7, 3, 3, 7],
      [30, 21, 9, 11, 21],
    ] as const;
    for (const [clients, threshold, dropsTolerated, colludingMax, minSurvivors] of table) {
      const plan = examplePlan({ clients, minSurvivors, colluding: colludingMax });
      expect(requireSoundPlan(plan).thresholds).toEqual({ clients, threshold, dropsTolerated, colludingMax });
      expect(problems(changed(plan, { cohort: { colluding: colludingMax + 1 } }))).not.toEqual([]);
    }
  });

  it('tolerates a tenth of more than 200 clients, and warns where those who come may be too few for that', () => {
    const warnings = (colluding: number) => {
      const { summary, warnings } = checkPlan(examplePlan({ clients: 250, minSurvivors: 220, colluding }));
      expect(summary?.thresholds).toEqual({ clients: 250, threshold: 167, dropsTolerated: 25, colludingMax: 25 });
      return warnings.filter(({ path }) => path === 'plan.cohort.colluding').map(({ problem }) => problem);
    };
    expect(warnings(22)).toEqual([]);
    expect(warnings(23)).toEqual([expect.stringMatching(/bears a tenth of them: one of fewer than 230 fails/)]);
  });
});

describe('roster', () => {
  it('an id that is not of its identity key is named', () => {
    const [first, ...others] = examplePlan().roster.clients;
    const swapped = { ...first!, identity: exampleClient(77).identity };
    expect(problems(changed(examplePlan(), { roster: { kind: 'pinned', clients: [swapped, ...others] } }))[0]).toMatch(
      /^plan\.roster\.clients\[0\]\.client: .* the identity key says [0-9a-f]{40}\./,
    );
  });

  it('an unsorted roster and a client listed twice are named', () => {
    const plan = examplePlan({ clients: 4 });
    const clients = plan.roster.clients;
    const reversed = changed(plan, { roster: { kind: 'pinned', clients: [...clients].reverse() } });
    expect(problems(reversed)).toHaveLength(3);
    const twice = changed(plan, { roster: { kind: 'pinned', clients: [clients[0]!, ...clients] } });
    expect(problems(twice).join()).toMatch(/is in the roster twice/);
  });
});

describe('cohort', () => {
  it.each<[ExamplePlanOptions, RegExp]>([
    [
      { clients: 2, minSurvivors: 2, colluding: 0 },
      /plan\.roster\.clients: a secure sum needs 3 to 1000 clients, the roster has 2/,
    ],
    [
      { clients: 210, minSurvivors: 190, colluding: 22 },
      /plan\.cohort\.colluding: 22 colluding .* with 210 clients .* at most 21 are borne/,
    ],
    [
      { clients: 5, minSurvivors: 3 },
      /plan\.cohort\.minSurvivors: 3 is below 4 = max\(threshold 4, colluding 1 \+ 2\)/,
    ],
    [{ clients: 3, minSurvivors: 3, colluding: 2 }, /plan\.cohort\.minSurvivors: 3 is below 4/],
    [{ clients: 4, minSurvivors: 4, colluding: 2 }, /plan\.cohort\.colluding: 2 .* at most 1 /],
    [{ clients: 5, minSurvivors: 6 }, /plan\.cohort\.minSurvivors: 6 survivors are asked for, the roster has 5/],
    [{ clients: 5, colluding: 0 }, /plan\.cohort\.colluding: every client sees the model/],
  ])('A19, S6: is refused: %j', (options, message) => {
    expect(problems(examplePlan(options)).join('\n')).toMatch(message);
  });

  it('local mode without noise is refused: the coordinator would see everything', () => {
    expect(problems(examplePlan({ trust: 'local', privacy: 'none' }))[0]).toMatch(
      /^plan\.trust: .*privacy none adds no noise/,
    );
  });

  it('colluding clients are a remark where they learn nothing of the noise', () => {
    const { problems: none, warnings } = checkPlan(examplePlan({ trust: 'local', colluding: 1, minSurvivors: 2 }));
    expect(none).toEqual([]);
    expect(warnings.map(({ problem }) => problem)).toEqual([
      expect.stringMatching(/in local mode, where each client adds/),
      expect.stringMatching(/what tables often write for a missing value/),
      expect.stringMatching(/^a sum believes its clients/),
    ]);
  });

  it('without privacy nobody knows any noise, so nobody has to collude', () => {
    expect(problems(examplePlan({ clients: 5, colluding: 0, privacy: 'none' }))).toEqual([]);
  });
});

describe('what can stand together', () => {
  const record = examplePlan();
  const client = examplePlan({ unit: 'client' });
  it.each<[string, Plan, RegExp]>([
    [
      'update at unit record',
      changed(record, { training: { query: client.training.query, strategy: client.training.strategy } }),
      /plan\.training\.query\.kind: .*FedAvg's local epochs at unit record are unsound/,
    ],
    [
      'gradient at unit client',
      changed(client, { training: { query: record.training.query, strategy: record.training.strategy } }),
      /plan\.training\.query\.kind: gradient is not offered at unit client/,
    ],
    [
      'fedAvg on gradients',
      changed(record, { training: { strategy: client.training.strategy } }),
      /plan\.training\.strategy\.kind: fedAvg takes the deltas of update/,
    ],
    [
      'fedSgd on deltas',
      changed(client, { training: { strategy: record.training.strategy } }),
      /plan\.training\.strategy\.kind: fedSgd takes the mean gradient/,
    ],
    ['the loss of another target', changed(record, { loss: 'meanSquaredError' }), /plan\.loss: .*binaryCrossEntropy/],
    [
      'a last layer of another width',
      changed(record, { topology: { layers: [{ kind: 'dense', units: 2, activation: 'linear' }] } }),
      /plan\.topology\.layers\[0\]\.units/,
    ],
    [
      'a split that leaves nothing to train on',
      changed(record, { split: { validation: 0.5, test: 0.5 } }),
      /plan\.split: .*nothing to train on/,
    ],
    ['an empty evaluated part', changed(record, { split: { validation: 0 } }), /plan\.split\.validation: .* empty/],
  ])('%s is refused by name', (_, plan, message) => {
    expect(problems(plan).join('\n')).toMatch(message);
  });
});

describe('pace', () => {
  it('a sampled round without a pace is refused: the upload’s time would tell the coin', () => {
    expect(problems(changed(examplePlan(), { training: { paceMs: 0 } }))).toEqual([
      expect.stringMatching(/^plan\.training\.paceMs: .*coin drew\. Set it above/),
    ]);
  });

  it('may be 0 where nothing is sampled, or nothing is promised', () => {
    for (const plan of [
      examplePlan({ unit: 'client', clients: 7, paceMs: 0 }),
      examplePlan({ privacy: 'none', paceMs: 0 }),
    ]) {
      expect(problems(plan)).toEqual([]);
    }
    // In trusted mode the other clients see when a session closes.
    expect(problems(examplePlan({ trust: 'trusted', clients: 1, paceMs: 0 }))).toHaveLength(1);
  });
});

describe('data schema', () => {
  const plan = examplePlan();
  const [age, ...others] = plan.schema.columns;
  it.each([
    ['a column twice', { columns: [age!, age!, ...others] }, /columns\[1\]\.name: column age is listed twice/],
    [
      'the target among the inputs',
      { target: { ...plan.schema.target, column: 'age' } },
      /column age is the target as well/,
    ],
    ['the unit among the inputs', { unitId: 'age' }, /column age names the unit/],
    ['an empty range', { columns: [{ ...age!, min: 5, max: 5 }, ...others] }, /min 5 is not below max 5/],
    ['a fill outside', { columns: [{ ...age!, fill: 500 }, ...others] }, /fill 500 is outside 0 … 120/],
    [
      'log1p below -1',
      { columns: [{ ...age!, min: -3, transform: 'log1p' }, ...others] },
      /log1p is not defined at min -3/,
    ],
  ])('%s is refused', (_, change, message) => {
    const faulty = { ...plan, schema: { ...plan.schema, ...change } } as Plan;
    expect(problems(faulty).join('\n')).toMatch(message);
  });
});

describe('epsilon', () => {
  const plan = examplePlan({ rounds: 30 });
  const [training, evaluation] = requireSoundPlan(plan).epsilons;
  const stating = (epsilon: number, evaluationEpsilon?: number): Plan => ({
    ...plan,
    privacy: dpPrivacySchema.parse({ kind: 'dp', delta: 1e-5, epsilon, evaluationEpsilon }),
  });

  it('may be stated higher than it is, and never lower', () => {
    const { recomputed } = training!;
    expect(problems(stating(recomputed * (1 + 1e-12), 9))).toEqual([]);
    expect(problems(stating(recomputed * (1 - 1e-12), 9))).toEqual([]);
    expect(problems(stating(recomputed * (1 - 1e-6), 9))[0]).toMatch(
      /^plan\.privacy\.epsilon: .* is stated, the plan's slots come to/,
    );
  });

  it('a generous statement is a warning', () => {
    const check = checkPlan(stating(training!.recomputed * 2, evaluation!.recomputed));
    expect(check.problems).toEqual([]);
    expect(check.warnings.map(({ path }) => path)).toEqual([
      'plan.schema.columns',
      'plan.privacy.epsilon',
      'plan.roster',
    ]);
  });

  it('the evaluation part needs its own, and one without an evaluation is refused', () => {
    expect(problems(stating(training!.recomputed))[0]).toMatch(/^plan\.privacy\.evaluationEpsilon: not stated/);
    const without = examplePlan({ evaluateEvery: null });
    const stated = changed(without, { privacy: { kind: 'dp', evaluationEpsilon: 1 } });
    expect(problems(stated)[0]).toMatch(/no evaluation/);
  });

  it('at unit client one ε covers training and evaluation', () => {
    const both = requireSoundPlan(examplePlan({ unit: 'client', evaluateEvery: 1 })).epsilons;
    const alone = requireSoundPlan(examplePlan({ unit: 'client', evaluateEvery: null })).epsilons;
    expect(both).toHaveLength(1);
    expect(both[0]!.recomputed).toBeGreaterThan(alone[0]!.recomputed);
    const split = changed(examplePlan({ unit: 'client' }), { privacy: { kind: 'dp', evaluationEpsilon: 1 } });
    expect(problems(split)[0]).toMatch(/at unit client one ε covers/);
  });

  it('more rounds, more spare attempts and less noise cost more', () => {
    const epsilonOf = (options: ExamplePlanOptions): number =>
      requireSoundPlan(examplePlan(options)).epsilons[0]!.recomputed;
    const base = epsilonOf({ rounds: 10, spareAttempts: 1 });
    expect(epsilonOf({ rounds: 11, spareAttempts: 1 })).toBeGreaterThan(base);
    expect(epsilonOf({ rounds: 10, spareAttempts: 2 })).toBeGreaterThan(base);
    expect(epsilonOf({ rounds: 10, spareAttempts: 1, noise: { training: 12 } })).toBeGreaterThan(base);
  });

  it('missing noise is named', () => {
    const { noiseMultiplier: _, ...rest } = plan.training;
    expect(problems({ ...plan, training: rest })[0]).toMatch(
      /^plan\.training\.noiseMultiplier: .*needs a noise multiplier/,
    );
  });

  it('privacy none says ε = ∞ and takes no noise', () => {
    const none = examplePlan({ privacy: 'none' });
    expect(checkPlan(none).warnings.map(findingText).join()).toMatch(/ε = ∞/);
    expect(problems({ ...none, training: { ...none.training, noiseMultiplier: 2 } })[0]).toMatch(
      /privacy none, which adds no noise/,
    );
  });

  it('a δ that may give a whole unit away is refused, one near to it is a warning', () => {
    const loose = changed(plan, { privacy: { kind: 'dp', delta: 0.01, epsilon: 9, evaluationEpsilon: 9 } });
    expect(problems(loose)).toContainEqual(
      expect.stringMatching(/delta 0.01 is not below 1\/units \(1\/\d+\): the guarantee would allow exposing a unit/),
    );
    const near = changed(plan, { privacy: { kind: 'dp', delta: 0.001, epsilon: 9, evaluationEpsilon: 9 } });
    expect(problems(near)).toEqual([]);
    expect(checkPlan(near).warnings.map(findingText).join()).toMatch(/δ 0.001 is above a tenth of 1\/units/);
  });
});

describe('32 bits', () => {
  it('noise that does not fit is refused', () => {
    const loud = changed(examplePlan({ clients: 200, data: 'digits', evaluateEvery: null }), {
      training: { noiseMultiplier: 1e4 },
    });
    expect(problems(loud).join()).toMatch(/^plan\.training: .*2\^31/);
  });

  it('sums that could be clamped for ordinary clients are a warning', () => {
    const crowded = examplePlan({ clients: 200, data: 'digits', hidden: 4_000, rounds: 1, evaluateEvery: null });
    expect(checkPlan(crowded).warnings.map(findingText).join()).toMatch(/exact for up to \d+ units a client/);
  });
});

it('requireSoundPlan throws PLAN_INVALID with path and cure', () => {
  const plan = examplePlan({ clients: 5, minSurvivors: 3 });
  expect(() => requireSoundPlan(plan)).toThrow(
    expect.objectContaining({
      code: 'PLAN_INVALID',
      message: expect.stringMatching(/minSurvivors.*Raise it to at least 4/),
    }),
  );
});

it('clients of tests have ids of their identity keys, sorted', () => {
  const ids = exampleClients(20).map(({ client }) => client);
  expect(ids).toEqual([...ids].sort());
});
