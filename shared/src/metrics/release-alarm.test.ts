import { describe, expect, it } from 'vitest';
import { releaseNoiseVariance, sessionParts } from '../plan/session-parts.ts';
import { examplePlan } from '../plan/testing/index.ts';
import { createNoiseSampler, type PartSpec } from '../privacy/index.ts';
import { createSeededRandom, uniformBelow, type RandomSource } from '../random/index.ts';
import { batchBound, releaseAlarm } from './release-alarm.ts';

/** A failure is: an alarm over honest clients, or none over garbage. That a lie within the bound is not seen is no failure: it is said. */
const clients = 4;
const plan = examplePlan({ clients, data: 'digits' });
const [training, evaluation] = sessionParts(plan, ['training', 'evaluation']) as [PartSpec, PartSpec];
const expectedBatch = 100;
const units = batchBound(expectedBatch);

/** Noise of every client over a sum of unit vectors, all in the same direction: the longest honest sum. */
function honestTraining(random: RandomSource, batch: number): Int32Array {
  const sum = new Int32Array(training.dimension);
  const each = training.normBoundSteps / Math.sqrt(training.dimension);
  sum.fill(Math.trunc(each) * batch);
  addNoise(training, sum, random);
  return sum;
}

function addNoise(part: PartSpec, sum: Int32Array, random: RandomSource): void {
  const sampler = createNoiseSampler(part.noiseVarianceSteps, { allowInsecureRandom: true });
  for (let client = 0; client < clients; client++) sampler.add(sum, 0, part.dimension, random);
}

function alarmOver(part: PartSpec, integers: Int32Array): string | null {
  return releaseAlarm({ part, integers, units, noiseVarianceSteps: releaseNoiseVariance(plan, part, clients) });
}

/** How many of 50 releases raise the alarm, when one client adds a vector of its own to an honest sum. */
function detected(lie: (random: RandomSource, honest: Int32Array) => Int32Array): number {
  let raised = 0;
  for (let trial = 0; trial < 50; trial++) {
    const random = createSeededRandom(`lie ${trial}`);
    const honest = honestTraining(random, expectedBatch);
    const added = lie(random, honest);
    if (
      alarmOver(
        training,
        Int32Array.from(honest, (value, i) => (value + added[i]!) | 0),
      ) !== null
    )
      raised++;
  }
  return raised;
}

/** A vector of random signs with this norm in steps. */
function withNorm(random: RandomSource, steps: number): Int32Array {
  const each = Math.round(steps / Math.sqrt(training.dimension));
  return Int32Array.from({ length: training.dimension }, () => (uniformBelow(random, 2) === 0 ? each : -each));
}

describe('the alarm on a training release', () => {
  it('A15: is quiet over honest clients, also when the batch is as large as it can be and all gradients agree', () => {
    for (let trial = 0; trial < 50; trial++) {
      const random = createSeededRandom(`honest ${trial}`);
      for (const batch of [0, expectedBatch, Math.floor(units)]) {
        expect(alarmOver(training, honestTraining(random, batch))).toBeNull();
      }
    }
  });

  it('A15: sees every vector of garbage and every vector at the end of the range', () => {
    const garbage = (random: RandomSource) => {
      const words = new Uint32Array(training.dimension);
      random.words(words);
      return new Int32Array(words.buffer);
    };
    expect(detected(garbage)).toBe(50);
    expect(detected(() => new Int32Array(training.dimension).fill(2 ** 31 - 1 - 2 ** 29))).toBe(50);
    expect(detected((random) => withNorm(random, 2 ** 30 * Math.sqrt(training.dimension)))).toBe(50);
  });

  it('A15: sees a shift as long as the bound, and none half as long: its honest limit', () => {
    const bound =
      units * training.normBoundSteps +
      6 * Math.sqrt(releaseNoiseVariance(plan, training, clients) * training.dimension);
    const rates = [0.25, 0.5, 1, 2, 4].map((times) => detected((random) => withNorm(random, times * bound)));
    expect(rates).toEqual([0, 0, 50, 50, 50]);
  });

  it('says norm, bound and units, and refuses another length', () => {
    const words = alarmOver(training, new Int32Array(training.dimension).fill(2 ** 30));
    expect(words).toMatch(/norm \S+, honest clients and their noise come to \S+ at most \(160 units of norm 0\.5\)/);
    expect(() => alarmOver(training, new Int32Array(3))).toThrow(/coordinates expected/);
  });
});

describe('the alarm on an evaluation release', () => {
  const step = 1 / evaluation.gridStep;
  const noise = Math.sqrt(releaseNoiseVariance(plan, evaluation, clients));

  it('A15: is quiet over honest counts with their noise', () => {
    for (let trial = 0; trial < 200; trial++) {
      const random = createSeededRandom(`counts ${trial}`);
      for (const [right, wrong, loss] of [
        [0, 0, 0],
        [60, 40, 100],
        [0, 500, 500],
      ] as const) {
        const sum = Int32Array.of(right * step, wrong * step, loss * step);
        addNoise(evaluation, sum, random);
        expect(alarmOver(evaluation, sum)).toBeNull();
      }
    }
  });

  it('A15: sees a count far below zero, and a loss above the counts', () => {
    expect(alarmOver(evaluation, Int32Array.of(-7 * noise, 1e6, 0))).toMatch(/count is -/);
    expect(alarmOver(evaluation, Int32Array.of(10 * step, 10 * step, 30 * step + 12 * noise))).toMatch(/loss .* above/);
    expect(alarmOver(evaluation, Int32Array.of(10 * step, 10 * step, 20 * step))).toBeNull();
  });

  it('A15: sees a loss above the counts of its own set, where clients are held out', () => {
    const part = { ...evaluation, dimension: 6 };
    const facts = { part, units: 100, noiseVarianceSteps: 0, evaluationSets: 2 };
    const honest = Int32Array.from([60, 40, 80, 5, 5, 10], (count) => count * step);
    const shifted = Int32Array.from([60, 40, 120, 50, 50, 10], (count) => count * step);
    expect(releaseAlarm({ ...facts, integers: honest })).toBeNull();
    expect(releaseAlarm({ ...facts, integers: shifted })).toMatch(/loss 120 is above its count 100/);
  });
});
