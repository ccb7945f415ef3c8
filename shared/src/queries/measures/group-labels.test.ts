import { describe, expect, it } from 'vitest';
import { reweighing } from '../../metrics/index.ts';
import { peopleContext, releasedOf, type Person } from '../testing/measured-people.ts';
import { concludeGroupLabels, groupLabels, groupLabelsSettings, type GroupLabelFigures } from './group-labels.ts';
import { measureSums } from './measures-query.ts';

const measure = { kind: 'groupLabels', attributes: [{ columns: ['sex'] }, { columns: ['stage', 'sex'] }] };

function people(sex: string, yes: number, no: number): Person[] {
  return Array.from({ length: yes + no }, (_, i) => ({ sex, label: Number(i < yes), score: 0.5 }));
}

async function labelsOf(federation: readonly Person[][], changes = {}): Promise<GroupLabelFigures> {
  const [only] = await releasedOf(peopleContext(measure, changes), federation);
  return only!.report as GroupLabelFigures;
}

describe('labels by group', () => {
  it('are counted over clients exactly, and give the weights of reweighing', async () => {
    const [women, men] = [people('F', 20, 80), people('M', 90, 110)];
    const report = await labelsOf([women.slice(0, 30), [...women.slice(30), ...men.slice(0, 1)], men.slice(1)]);
    expect(report).toEqual(await labelsOf([[...women, ...men]]));
    expect(report.units).toBe(300);
    const [bySex] = report.attributes;
    const of = (group: string) => bySex!.groups.find((one) => one.group === group)!;
    expect(of('F').labels.map(({ label, count }) => [label, count])).toEqual([
      ['no', 80],
      ['yes', 20],
    ]);
    const weights = reweighing([
      { group: 'F', tp: 20, fp: 0, fn: 0, tn: 80 },
      { group: 'M', tp: 90, fp: 0, fn: 0, tn: 110 },
    ]);
    expect(of('F').labels.map(({ weight }) => weight)).toEqual([weights[0]!.negative, weights[0]!.positive]);
    expect(of('M').labels.map(({ weight }) => weight)).toEqual([weights[1]!.negative, weights[1]!.positive]);
    // A group of nobody is no part of the weights, and has none.
    expect(of('a').withheld).toBe('about 0 units, at least 1 are needed');
    expect(of('a').labels.map(({ weight, share }) => [weight, share.figure])).toEqual([
      [null, null],
      [null, null],
    ]);
    expect(report.figures[0]).toMatchObject({ name: 'sex.labelGap', figure: { value: expect.closeTo(0.25, 12) } });
    expect(report.attributes[1]!.groups.find(({ group }) => group === 'young & F')!.units).toBe(100);
  });

  it('of several classes make label and group independent too', async () => {
    const drawn: Person[] = Array.from({ length: 90 }, (_, i) => ({
      sex: i % 2 === 0 ? 'F' : 'M',
      label: (i % 5) % 3,
      score: 0,
    }));
    const report = await labelsOf([drawn], { target: 'classes', outputs: 3, classes: ['r', 's', 't'] });
    const groups = report.attributes[0]!.groups.filter(({ withheld }) => withheld === null);
    const weighted = groups.map(({ labels }) => labels.map(({ count, weight }) => count! * weight!));
    const total = weighted.flat().reduce((sum, one) => sum + one, 0);
    expect(total).toBeCloseTo(90, 9);
    for (const [g, cells] of weighted.entries()) {
      for (const [l, cell] of cells.entries()) {
        const ofGroup = weighted[g]!.reduce((sum, one) => sum + one, 0);
        const ofLabel = weighted.reduce((sum, own) => sum + own[l]!, 0);
        expect(cell).toBeCloseTo((ofGroup * ofLabel) / total, 9);
      }
    }
  });

  it('under noise weigh no cell that noise may have made', () => {
    const settings = groupLabelsSettings.parse({ kind: 'groupLabels', attributes: [{ columns: ['stage'] }] });
    const context = peopleContext(measure);
    const layout = groupLabels.layout(context, settings);
    const cells = Float64Array.from([150, 7, 80, 90, 3, -2]);
    const report = concludeGroupLabels(context, settings, measureSums(layout, cells, 4));
    const [young, old, other] = report.attributes[0]!.groups;
    expect(young!.labels.map(({ weight }) => weight === null)).toEqual([false, true]);
    expect(old!.labels.map(({ weight }) => weight === null)).toEqual([false, false]);
    expect(other!.withheld).toBe('about 1 units, at least 17 are needed');
    expect(report.figures[0]!.floor).toBeGreaterThan(0);
  });

  it('are refused for a number and for an unknown column', () => {
    const settings = groupLabelsSettings.parse({ kind: 'groupLabels', attributes: [{ columns: ['gender'] }] });
    const number = peopleContext(measure, { target: 'number', classes: [] });
    expect(groupLabels.problems(number, settings).map(({ problem }) => problem)).toEqual([
      'a number target has no labels to count',
      'the schema has no column gender',
    ]);
  });
});
