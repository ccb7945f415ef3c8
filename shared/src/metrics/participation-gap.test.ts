import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { wilsonInterval, type Figure } from './interval.ts';
import { generalizationGaps, meanOverClients } from './participation-gap.ts';

const folder = process.env['SOTTO_SHARED'];
const missing = folder === undefined && process.env['SOTTO_REQUIRE'] !== 'all';

type Case = {
  input: Record<`${'train' | 'validation' | 'unparticipating'}${'Accuracy' | 'N'}`, number[]>;
  expected: {
    participatingTrain: number;
    participatingValidation: number;
    unparticipating: number;
    outOfSampleGap: number;
    participationGap: number;
    totalGap: number;
    uniform: { participatingTrain: number; participatingValidation: number; unparticipating: number };
  };
};

const exact = (value: number): Figure => ({ value, low: value, high: value, noiseHalfWidth: 0 });

describe.skipIf(missing)('golden values (SOTTO_SHARED/golden/trust/generalization_fairness_drift.json)', () => {
  it('of the three-way split, weighted and uniform', () => {
    if (folder === undefined) throw new Error('SOTTO_REQUIRE=all, but SOTTO_SHARED is not set');
    const file = join(folder, 'golden/trust/generalization_fairness_drift.json');
    const { cases } = JSON.parse(readFileSync(file, 'utf8')).participationGap as { cases: Case[] };
    expect(cases.length).toBeGreaterThanOrEqual(2);
    for (const { input, expected } of cases) {
      const train = meanOverClients(input.trainAccuracy, input.trainN);
      const validation = meanOverClients(input.validationAccuracy, input.validationN);
      const unseen = meanOverClients(input.unparticipatingAccuracy, input.unparticipatingN);
      expect(train).toBeCloseTo(expected.participatingTrain, 9);
      expect(validation).toBeCloseTo(expected.participatingValidation, 9);
      expect(unseen).toBeCloseTo(expected.unparticipating, 9);
      const gaps = generalizationGaps({ train: exact(train), validation: exact(validation), unseen: exact(unseen) });
      expect(gaps.outOfSample?.value).toBeCloseTo(expected.outOfSampleGap, 9);
      expect(gaps.participation?.value).toBeCloseTo(expected.participationGap, 9);
      expect(gaps.total?.value).toBeCloseTo(expected.totalGap, 9);
      expect(meanOverClients(input.trainAccuracy)).toBeCloseTo(expected.uniform.participatingTrain, 9);
      expect(meanOverClients(input.validationAccuracy)).toBeCloseTo(expected.uniform.participatingValidation, 9);
      expect(meanOverClients(input.unparticipatingAccuracy)).toBeCloseTo(expected.uniform.unparticipating, 9);
    }
  });
});

describe('generalization gaps', () => {
  it('are missing where a figure is, and carry both intervals', () => {
    const train = wilsonInterval(95, 100);
    const validation = { ...wilsonInterval(80, 100), noiseHalfWidth: 0.03 };
    const { outOfSample, participation, total } = generalizationGaps({ train, validation, unseen: null });
    expect(participation).toBeNull();
    expect(total).toBeNull();
    expect(outOfSample?.value).toBeCloseTo(0.15, 12);
    expect(outOfSample?.noiseHalfWidth).toBeCloseTo(0.03, 12);
    expect(outOfSample!.low).toBeLessThan(0.15 - (train.value - train.low));
    expect(outOfSample!.high).toBeGreaterThan(0.15 + (validation.value - validation.low));
  });

  it('a mean over clients needs a unit', () => {
    expect(() => meanOverClients([0.5], [0])).toThrowError(/at least one unit/);
    expect(() => meanOverClients([0.5], [1, 2])).toThrowError(/1 figures, 2 numbers/);
  });
});
