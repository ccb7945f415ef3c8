import { describe, expect, it } from 'vitest';
import { checkPolicy, columnsRead, dataSchemaHashOf, refusalText } from './check-policy.ts';
import { requireSoundPlan } from './check-plan.ts';
import { dpPrivacySchema, type Plan } from './plan-schema.ts';
import { parsePolicy, type PolicyInput } from './policy.ts';
import { examplePlan } from './testing/index.ts';

const plan = examplePlan();
const refusals = (policy: Omit<PolicyInput, 'version'>, asked: Plan = plan) =>
  checkPolicy(parsePolicy({ version: 1, ...policy }), asked);

describe('policy', () => {
  it('A19, S6: one that says nothing is careful: secure, private, three survivors, one colluder', () => {
    expect(parsePolicy({ version: 1 })).toEqual({
      version: 1,
      maxEpsilon: 3,
      maxDelta: 1e-5,
      budget: { epsilon: 10, delta: 1e-5 },
      trust: ['secure'],
      suites: ['x25519+mlkem768'],
      queries: ['gradient', 'update', 'evaluation', 'survey', 'trainReport', 'report'],
      units: ['record', 'client'],
      minSurvivors: 3,
      minColluding: 1,
      allowPrivacyNone: false,
      maxSessions: 1_000,
      maxParameters: 10_000_000,
      columns: null,
      schemaHash: null,
      tellDevice: false,
    });
    expect(refusals({})).toEqual([]);
  });

  it('a policy with an unknown line is refused, because it might be a misspelt limit', () => {
    expect(() => parsePolicy({ version: 1, maxEpsilom: 1 })).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', message: 'policy: there is no field maxEpsilom' }),
    );
    expect(() => parsePolicy({ version: 1, maxEpsilon: 0 })).toThrow(/policy\.maxEpsilon/);
  });

  it.each<[Omit<PolicyInput, 'version'>, string, string, string]>([
    [{ maxDelta: 1e-6 }, 'maxDelta', '0.00001', '0.000001'],
    [{ trust: ['trusted'] }, 'trust', 'secure', 'trusted'],
    [{ trust: [] }, 'trust', 'secure', 'none'],
    [{ queries: ['update', 'evaluation'] }, 'queries', 'gradient', 'update, evaluation'],
    [{ queries: ['gradient'] }, 'queries', 'evaluation', 'gradient'],
    [{ units: ['client'] }, 'units', 'record', 'client'],
    [{ minSurvivors: 4 }, 'minSurvivors', '3', '4'],
    [{ minColluding: 2 }, 'minColluding', '1', '2'],
    [{ maxSessions: 6 }, 'maxSessions', '7', '6'],
    [{ maxParameters: 13 }, 'maxParameters', '14', '13'],
    [{ schemaHash: '00'.repeat(32) }, 'schemaHash', dataSchemaHashOf(plan.schema), '00'.repeat(32)],
  ])('%j refuses by its line, with both values', (policy, line, planned, allowed) => {
    expect(refusals(policy)).toEqual([{ line, planned, allowed }]);
  });

  it('every refused line is listed', () => {
    const lines = refusals({ maxEpsilon: 0.01, units: ['client'], maxSessions: 1 }).map(({ line }) => line);
    expect(lines).toEqual(['maxEpsilon', 'units', 'maxSessions']);
  });

  it('columns that the policy does not list are named: inputs, unit id, target', () => {
    const read = columnsRead(plan.schema);
    expect(refusals({ columns: [...read] })).toEqual([]);
    const hidden = ['row_id', 'age', 'label'];
    expect(refusals({ columns: read.filter((column) => !hidden.includes(column)) })[0]).toMatchObject({
      line: 'columns',
      planned: 'row_id, age, label',
    });
  });

  it('the one schema that it names is allowed', () => {
    expect(refusals({ schemaHash: dataSchemaHashOf(plan.schema) })).toEqual([]);
  });

  it('the largest ε of the parts counts', () => {
    const [training, evaluation] = requireSoundPlan(plan).epsilons;
    const least = Math.max(training!.stated!, evaluation!.stated!);
    expect(refusals({ maxEpsilon: least })).toEqual([]);
    expect(refusals({ maxEpsilon: least * 0.999 }).map(({ line }) => line)).toEqual(['maxEpsilon']);
  });

  it('A19: a plan cannot pass by stating less than it spends', () => {
    const lying = {
      ...plan,
      privacy: dpPrivacySchema.parse({ kind: 'dp', delta: 1e-5, epsilon: 1e-6, evaluationEpsilon: 1e-6 }),
    };
    expect(refusals({ maxEpsilon: 0.01 }, lying).map(({ line }) => line)).toEqual(['maxEpsilon']);
  });

  it('privacy none stands in the policy or is refused', () => {
    const none = examplePlan({ privacy: 'none' });
    expect(refusals({}, none).map(refusalText)).toEqual([
      'policy line allowPrivacyNone: the plan has privacy none, allowed is differential privacy',
    ]);
    expect(refusals({ allowPrivacyNone: true }, none)).toEqual([]);
  });

  it('A19: a trusted coordinator stands in the policy or is refused', () => {
    const trusted = examplePlan({ trust: 'trusted', clients: 4, minSurvivors: 4 });
    expect(refusals({}, trusted).map(({ line }) => line)).toEqual(['trust']);
    expect(refusals({ trust: ['secure', 'trusted'] }, trusted)).toEqual([]);
    const local = examplePlan({ trust: 'local', clients: 4, minSurvivors: 4 });
    expect(refusals({ trust: ['secure', 'trusted'] }, local).map(({ line }) => line)).toEqual(['trust']);
    expect(refusals({ trust: ['local'] }, local)).toEqual([]);
  });
});
