import { describe, expect, it } from 'vitest';
import { leftOutWords } from './left-out.ts';
import { reportDocument } from './report-document.ts';
import { reportSchema } from './report-schema.ts';
import { exampleReportInput } from './testing/example-report.ts';

describe('the report of a run', () => {
  const input = exampleReportInput();
  const report = reportDocument(input);

  it('is JSON by its schema, and nothing is lost on the way', () => {
    expect(reportSchema.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
  });

  it('says of every figure what it is of: interval, n, release and budget', () => {
    const performance = report.measures.find(({ kind }) => kind === 'performance');
    expect(performance).toMatchObject({
      slot: 'report',
      part: 'test',
      round: 5,
      newest: true,
      budget: 'reportEpsilon',
    });
    expect(performance?.units).toBeCloseTo(400, 6);
    const accuracy = performance?.figures.find(({ name }) => name === 'performance.accuracy')?.figure;
    expect(accuracy?.value).toBeCloseTo(0.8, 6);
    expect(accuracy?.noiseHalfWidth).toBeGreaterThan(0);
    expect(report.budgets.map(({ field, account, slots }) => [field, account, slots.map(({ slot }) => slot)])).toEqual([
      ['epsilon', 'train', ['training']],
      ['evaluationEpsilon', 'validation', ['evaluation']],
      ['reportEpsilon', 'test', ['report']],
    ]);
    for (const { epsilon, slots } of report.budgets) {
      for (const { epsilonAlone } of slots) expect(epsilonAlone).toBeLessThanOrEqual(epsilon);
    }
  });

  it('holds the plan’s thresholds to the intervals', () => {
    expect(report.thresholds.map(({ figure, verdict }) => [figure, verdict])).toEqual([
      ['performance.accuracy', 'met'],
      ['performance.auroc', 'cannotTell'],
      ['fairness.sex.equalizedOdds', 'notMet'],
      ['robustness.linf.0.1.worst', 'notMet'],
      ['membership.advantage', 'notMeasured'],
    ]);
    expect(report.sentence).toMatch(/^Not met: sex · equalized odds, right at attack size 0\.1/);
  });

  it('says whom a comparison says nothing about', () => {
    const reasonOf = (name: string) => report.thresholds.find(({ figure }) => figure === name)?.reason;
    expect(reasonOf('fairness.sex.equalizedOdds')).toMatch(
      /other side of ≤ .* Withheld as too small and not in it: none\.$/,
    );
    expect(reasonOf('performance.accuracy')).not.toContain('not in it');
    const clients = report.measures.find(({ kind }) => kind === 'clients')!;
    expect(leftOutWords(clients, 'clients.mean')).toBe(' 1 of 4 clients are withheld and not in it.');
  });

  it('tells the gap between what trained and what did not, with both intervals in it', () => {
    const gap = report.measures.find(({ kind }) => kind === 'gaps')?.figures[0];
    expect(gap?.name).toBe('gaps.outOfSample');
    expect(gap?.figure?.value).toBeCloseTo(0.08, 9);
    expect(gap?.figure?.high).toBeCloseTo(0.08 + 0.05 * Math.SQRT2, 9);
    expect(report.curves.filter(({ series }) => series === 'train')).toHaveLength(2);
  });

  it('lists what is withheld with its reason, what nobody asked, and what would help', () => {
    expect(report.withheld).toContainEqual({
      name: 'permutation.A plan for tests..drop',
      slot: 'report',
      round: 5,
      units: 400,
      reason: 'noise alone is ±31 % of the figure’s range',
    });
    expect(report.notMeasured).toEqual([]);
    expect(report.remedies.map(({ figure }) => figure)).toEqual(
      expect.arrayContaining([
        'fairness.sex.equalizedOdds',
        'fairness.sex.disparateImpact',
        'robustness.linf.0.1.worst',
      ]),
    );
    // The gap's interval reaches 0.01: it asks for nothing yet.
    expect(report.remedies.map(({ figure }) => figure)).not.toContain('gaps.outOfSample');
  });

  it('keeps the roster’s names and no keys', () => {
    const { identity } = input.plan.roster.clients[0]!;
    expect(JSON.stringify(report)).not.toContain(identity);
    expect(report.plan.clientNames).toEqual(input.plan.roster.clients.map(({ name }) => name));
  });

  it('says what changed since an earlier one: lines of the plan, figures, verdicts', () => {
    const later = reportDocument({
      ...exampleReportInput({ right: 280, thresholds: [{ figure: 'performance.accuracy', atLeast: 0.9 }] }),
      earlier: report,
    });
    expect(later.changes?.against.modelHash).toBe(report.run.modelHash);
    expect(later.changes?.plan).toContainEqual({ path: 'report.thresholds[0].atLeast', before: '0.7', after: '0.9' });
    const accuracy = later.changes?.figures.find(({ name }) => name === 'performance.accuracy');
    expect(accuracy?.difference?.value).toBeCloseTo(-0.1, 6);
    expect(later.changes?.verdicts).toContainEqual({ figure: 'performance.accuracy', before: 'met', after: 'notMet' });
    expect(reportDocument({ ...input, earlier: report }).changes).toMatchObject({ plan: [], verdicts: [] });
  });

  it('holds nothing that is known of an earlier model against this one', () => {
    const [release] = input.releases;
    const earlier = reportDocument({ ...input, releases: [{ ...release!, modelHash: 'ee'.repeat(32) }] });
    expect(earlier.thresholds.every(({ verdict }) => verdict === 'notMeasured')).toBe(true);
    expect(earlier.measures[0]).toMatchObject({ newest: true, modelHash: 'ee'.repeat(32) });
  });

  it('is refused of a run that has not ended', () => {
    const open = { ...input.card, run: { ...input.card.run!, state: 'open' as const } };
    expect(() => reportDocument({ ...input, card: open })).toThrowError(/run that has ended, it is open/);
    expect(() => reportDocument({ ...input, card: { ...input.card, run: null } })).toThrowError(/it is of a plan/);
  });
});
