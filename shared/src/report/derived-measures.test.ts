import { expect, it } from 'vitest';
import { examplePlan } from '../plan/testing/index.ts';
import { derivedMeasures } from './derived-measures.ts';
import type { ReportRelease } from './report-document.ts';

/** A report of what a model rests on: columns with their importances, all of them told. */
function reportOf(round: number, importances: Readonly<Record<string, number>>, noiseHalfWidth = 0.01): ReportRelease {
  const features = Object.entries(importances).map(([name, value]) => ({
    name,
    meanAbsolute: { figure: { value, low: value, high: value, noiseHalfWidth }, withheld: null },
  }));
  const report = { units: 100, figures: [], features };
  return {
    round,
    slot: 'report',
    modelHash: 'a'.repeat(64),
    measures: [{ settings: { kind: 'attributions', share: 1 }, noiseStd: 1, report }],
  };
}

it('says of each report whether the model still rests on the columns of the report before', () => {
  const releases = [
    reportOf(3, { age: 4, chol: 3, sex: 2, pain: 1 }),
    reportOf(5, { age: 4.1, chol: 2.9, sex: 2.1, pain: 0.9 }),
    reportOf(7, { age: 1, chol: 2, sex: 3, pain: 4 }),
  ];
  const found = derivedMeasures(examplePlan(), releases);
  expect(found.map(({ release, measure }) => [release.round, measure.settings.kind])).toEqual([
    [5, 'importanceStability'],
    [7, 'importanceStability'],
  ]);
  const valueOf = (index: number, name: string) =>
    found[index]!.measure.report.figures.find((one) => one.name === name)?.figure?.value;
  expect([valueOf(0, 'rankCorrelation'), valueOf(1, 'rankCorrelation')]).toEqual([1, -1]);
  expect([valueOf(0, 'topOverlap'), valueOf(1, 'topOverlap')]).toEqual([1, 2 / 3]);
  expect(found[0]!.measure.report).toMatchObject({ verdict: 'unchanged', from: 3, to: 5 });
  expect(found[1]!.measure.report).toMatchObject({ verdict: 'changed', compared: 4 });
});

it('is silent where fewer than three columns are told twice', () => {
  expect(derivedMeasures(examplePlan(), [reportOf(3, { age: 4, chol: 3 }), reportOf(5, { age: 4, chol: 3 })])).toEqual(
    [],
  );
});
