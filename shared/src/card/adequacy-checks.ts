import {
  adequacyOf,
  plannedHalfWidth,
  powerOfShare,
  unitsForHalfWidth,
  unitsForPower,
  type Adequacy,
  type Figure,
} from '../metrics/index.ts';
import {
  queryContext,
  remainingNoiseVariance,
  removableNoise,
  sessionParts,
  slotsOf,
  type Plan,
} from '../plan/index.ts';
import { measureOf, type LabelFigures } from '../queries/index.ts';

/** What is asked of the data before a model is trained on them. */
export type AdequacyRules = {
  /** Half width of an accuracy's 95 % interval on the test units, sampling and noise. */
  readonly halfWidth: number;
  /** How much better than always saying the largest class a model has to be told to be, … */
  readonly gain: number;
  /** … with this chance. */
  readonly power: number;
  /** Units of the smallest class. */
  readonly classUnits: number;
};

/** Figures that are usual; a plan's author may ask for others. */
export const adequacyRules: AdequacyRules = { halfWidth: 0.05, gain: 0.05, power: 0.8, classUnits: 30 };

/** One thing that there is enough of, or not. */
export type AdequacyCheck = {
  readonly name: 'classUnits' | 'halfWidth' | 'power';
  readonly verdict: Adequacy;
  /** What there is; null where it cannot be told. */
  readonly figure: Figure | null;
  /** What is asked for, and whether at least or at most. */
  readonly asked: number;
  readonly bound: 'atLeast' | 'atMost';
  readonly words: string;
};

/**
 * Whether there is enough to train on and to test with, from the survey's labels and the plan alone. Empty at unit = client, where units are
 * not counted, and for a number target.
 *
 * The test units are not looked at: the split is by a keyed hash of each unit's id, so their number follows from the training units' and
 * the plan's fractions, up to the chance of the split.
 */
export function adequacyChecks(
  plan: Plan,
  labels: LabelFigures,
  rules: AdequacyRules = adequacyRules,
): readonly AdequacyCheck[] {
  if (plan.unit === 'client' || plan.schema.target.kind === 'number') return [];
  const figureOf = (name: string): Figure | null => labels.figures.find((one) => one.name === name)?.figure ?? null;
  const smallest = figureOf('smallestClass');
  return [
    {
      name: 'classUnits',
      verdict: classVerdict(labels, smallest, rules.classUnits),
      figure: smallest,
      asked: rules.classUnits,
      bound: 'atLeast',
      words: `units of the smallest class to learn from, ${rules.classUnits} or more`,
    },
    ...testChecks(plan, labels, figureOf('units'), rules),
  ];
}

/** A class that is withheld has fewer units than the minimum, noise included: where that is what is asked for, it is not enough. */
function classVerdict({ counts }: LabelFigures, smallest: Figure | null, asked: number): Adequacy {
  if (smallest !== null) return adequacyOf(smallest, { atLeast: asked });
  return counts.includes(null) ? 'not enough' : 'cannot tell';
}

function testChecks(
  plan: Plan,
  labels: LabelFigures,
  units: Figure | null,
  rules: AdequacyRules,
): readonly AdequacyCheck[] {
  const part = plan.report?.part ?? plan.evaluation?.part ?? 'test';
  const { validation, test } = plan.split;
  const planned = units === null ? null : plannedUnits(units, plan.split[part] / (1 - validation - test));
  if (planned === null || planned.value < 1) return [];
  const noiseStd = plannedCountNoise(plan);
  const told = labels.counts.flatMap((count) => (count === null ? [] : [count]));
  const largest = Math.max(...told) / units!.value;
  const width = (at: number): number => plannedHalfWidth({ share: 0.5, units: Math.max(1, at), noiseStd });
  const wide = overUnits(planned, width);
  const needed = unitsForHalfWidth(0.5, rules.halfWidth, noiseStd);
  const checks: AdequacyCheck[] = [
    {
      name: 'halfWidth',
      verdict: adequacyOf(wide, { atMost: rules.halfWidth }),
      figure: wide,
      asked: rules.halfWidth,
      bound: 'atMost',
      words: `half width of an accuracy's interval on about ${Math.round(planned.value)} ${part} units, noise included; ${needed ?? 'more than a thousand million'} units would give ${rules.halfWidth}`,
    },
  ];
  const better = largest + rules.gain;
  if (!(largest > 0 && better < 1)) return checks;
  const power = (at: number): number => powerOfShare({ share: better, units: Math.max(1, at), noiseStd }, largest);
  const enough = unitsForPower(better, largest, rules.power, noiseStd);
  const chance = overUnits(planned, power);
  checks.push({
    name: 'power',
    verdict: adequacyOf(chance, { atLeast: rules.power }),
    figure: chance,
    asked: rules.power,
    bound: 'atLeast',
    words: `chance to tell a model of accuracy ${better.toFixed(3)} from always saying the largest class (${largest.toFixed(3)}) on these; ${enough ?? 'more than a thousand million'} units would give ${rules.power}`,
  });
  return checks;
}

/** Units of a part by the plan's fractions, with the chance of the split and the noise in what was counted. */
function plannedUnits(units: Figure, ratio: number): Figure {
  const value = units.value * ratio;
  // Given n units elsewhere, a negative binomial number of them is here: variance n·r·(1 + r).
  const split = 1.96 * Math.sqrt(Math.max(0, value) * (1 + ratio));
  const noiseHalfWidth = units.noiseHalfWidth * ratio;
  const half = Math.hypot(split, noiseHalfWidth);
  return { value, low: Math.max(0, value - half), high: value + half, noiseHalfWidth };
}

/** A figure that falls or rises with the units, over all numbers that they may have. */
function overUnits(units: Figure, valueOf: (units: number) => number): Figure {
  const ends = [valueOf(units.low), valueOf(units.high)];
  return {
    value: valueOf(units.value),
    low: Math.min(...ends),
    high: Math.max(...ends),
    noiseHalfWidth: 0,
  };
}

/**
 * Deviation of the noise that the plan will add to each of the counts "right" and "wrong", where every client contributes: of the report's
 * performance, else of the evaluation; 0 where the plan asks for neither. Counts of K² cells add up to these two, K/√2 times a cell's noise as
 * their root mean square.
 */
export function plannedCountNoise(plan: Plan): number {
  if (plan.privacy.kind === 'none') return 0;
  const clients = plan.roster.clients.length;
  // Where everybody answers, all that can be taken out of the noise is.
  const left = removableNoise(plan) === undefined ? null : { clients, whole: [] };
  const stdOf = (slot: 'report' | 'evaluation'): number => {
    const [part] = sessionParts(plan, [slot]);
    return Math.sqrt(remainingNoiseVariance(plan, part!, clients, left)) * part!.gridStep;
  };
  const context = queryContext(plan);
  const classes = Math.max(2, context.outputs);
  const cells = classes / Math.SQRT2;
  const asked = plan.report?.measures.find(({ kind }) => kind === 'performance');
  if (plan.report !== undefined && asked !== undefined) {
    const total = plan.report.measures.reduce((sum, { share }) => sum + share, 0);
    const norm = measureOf(asked).normL2(context, asked);
    return (cells * stdOf('report') * norm) / Math.sqrt(asked.share / total);
  }
  if (!slotsOf(plan).includes('evaluation')) return 0;
  return stdOf('evaluation') * (plan.evaluation?.detail === 'confusion' ? cells : 1);
}
