import { dataCard, type PrivacyCard } from '../card/index.ts';
import { SottoError } from '../errors/index.ts';
import { differenceOfFigures } from '../metrics/index.ts';
import { modelLayout } from '../model/index.ts';
import { epsilonFieldOf, eventsOf, inputWidth, outputWidth, planEpsilons, type Plan } from '../plan/index.ts';
import { epsilonOf, type SlotName } from '../privacy/index.ts';
import type { EvaluationFigures, EvaluationRelease, MeasureFigures, MeasuresSlot } from '../queries/index.ts';
import { layoutLength } from '../vector/index.ts';
import { challengeOf, challengesAsked } from './challenges.ts';
import { derivedMeasures } from './derived-measures.ts';
import { leftOutWords } from './left-out.ts';
import { changesSince } from './report-changes.ts';
import { figureOf, plainJson, reportFigure, reportMeasure } from './report-figures.ts';
import { remediesFor } from './remedies.ts';
import type {
  Challenge,
  ReportCurvePoint,
  ReportDocument,
  ReportMeasure,
  ReportNamedFigure,
  ReportThreshold,
} from './report-schema.ts';
import { judge, reportSentence } from './verdict.ts';

/** What a report is made of: all of it public, from a run's durable record. */
export type ReportInput = {
  readonly plan: Plan;
  /** The run's card: which plan, which model, what was promised and done. */
  readonly card: PrivacyCard;
  /** Releases of measures, concluded, in the order of their rounds. */
  readonly releases: readonly ReportRelease[];
  /** Releases of evaluations, concluded, in the order of their rounds. */
  readonly evaluations: readonly ReportEvaluation[];
  /** An earlier report to compare with. */
  readonly earlier?: ReportDocument | null;
};

export type ReportRelease = {
  readonly round: number;
  readonly slot: MeasuresSlot;
  /** SHA-256 of the model that it is about. */
  readonly modelHash: string;
  readonly measures: readonly MeasureFigures[];
};

export type ReportEvaluation = {
  readonly round: number;
  readonly slot: 'evaluation' | 'fit';
  readonly release: EvaluationRelease;
};

/** Clients of a roster that are named: hospitals are, phones are not. */
const namedMax = 200;

/**
 * The report of a run: every figure that it released with its interval and its cost, what the plan's thresholds come to, what was withheld and why,
 * and what changed since an earlier one. It decides nothing that was not released: verdicts and remedies are post-processing.
 *
 * @throws {INVALID_INPUT} when the card is not of a run that has ended with a model.
 */
export function reportDocument(input: ReportInput): ReportDocument {
  const { plan, card } = input;
  const { run } = card;
  if (run === null || (run.state !== 'finished' && run.state !== 'stopped')) {
    throw new SottoError(
      'INVALID_INPUT',
      `report: expected the card of a run that has ended, it is ${run?.state ?? 'of a plan'}`,
    );
  }
  const measures = measuresOf(input);
  const curves = curvesOf(input, measures);
  const gaps = gapsOf(curves);
  const thresholds = thresholdsOf(plan, run.modelHash, measures, gaps);
  const { roster, ...terms } = plan;
  const document = {
    kind: 'sotto-report',
    version: 1,
    sentence: reportSentence(thresholds),
    plan: {
      name: plan.name,
      purpose: plan.purpose,
      hash: card.plan.hash,
      authority: card.plan.authority,
      terms: plainJson(terms),
      clients: roster.clients.length,
      clientNames: roster.clients.length > namedMax ? [] : roster.clients.map(({ name }) => name),
    },
    run: {
      runId: run.runId,
      state: run.state,
      roundsRun: run.roundsRun,
      roundsPlanned: run.roundsPlanned,
      modelHash: run.modelHash,
      fewestSurvivors: card.noise.fewestSurvivors,
    },
    model: modelFacts(plan),
    privacy: plan.privacy.kind,
    unit: plan.unit,
    budgets: budgetsOf(plan, card),
    thresholds,
    measures: [...measures, ...gapMeasure(curves, gaps)],
    curves,
    withheld: withheldOf(measures, input),
    remedies: [...remediesFor(measures, gaps)],
    notMeasured: notMeasured(measures, curves),
    card,
    dataCard: plainJson(dataCard(plan, card.plan.hash, surveyOf(input.releases))),
    changes: null,
  } satisfies ReportDocument;
  return input.earlier == null ? document : { ...document, changes: changesSince(input.earlier, document) };
}

function surveyOf(releases: readonly ReportRelease[]): ReportRelease['measures'] {
  return releases.find(({ slot }) => slot === 'survey')?.measures ?? [];
}

function measuresOf({ plan, releases }: ReportInput): ReportMeasure[] {
  const newestRound = new Map<SlotName, number>();
  for (const { slot, round } of releases) newestRound.set(slot, Math.max(round, newestRound.get(slot) ?? 0));
  const one = (measure: MeasureFigures, { slot, round, modelHash }: Omit<ReportRelease, 'measures'>): ReportMeasure =>
    reportMeasure(measure, {
      slot,
      round,
      part: partOf(plan, slot),
      newest: round === newestRound.get(slot),
      modelHash: slot === 'survey' ? null : modelHash,
      budget: plan.privacy.kind === 'none' ? null : epsilonFieldOf(plan, slot),
    });
  // Losses are told by both of their releases together.
  const own = releases.flatMap(({ measures, ...release }) =>
    measures.filter(({ settings }) => settings.kind !== 'membership').map((measure) => one(measure, release)),
  );
  return [...own, ...derivedMeasures(plan, releases).map(({ measure, release }) => one(measure, release))];
}

function partOf(plan: Plan, slot: SlotName): ReportMeasure['part'] {
  if (slot === 'evaluation') return plan.evaluation?.part ?? 'validation';
  return slot === 'report' ? (plan.report?.part ?? 'test') : 'train';
}

/** Accuracy by round: of evaluations, and of reports that measure performance. */
function curvesOf({ plan, evaluations }: ReportInput, measures: readonly ReportMeasure[]): ReportCurvePoint[] {
  const point = (series: ReportCurvePoint['series'], round: number, told: EvaluationFigures): ReportCurvePoint => {
    const { units, accuracy, loss, withheld } = told;
    return { series, round, units, accuracy: reportFigure(accuracy), loss: reportFigure(loss), withheld };
  };
  const evaluated = evaluations.flatMap(({ round, slot, release }) => [
    point(partOf(plan, slot), round, release),
    ...(release.unseen === null ? [] : [point('unseen', round, release.unseen)]),
  ]);
  const has = new Set(evaluated.map(({ series, round }) => `${series} ${round}`));
  const reported = measures.flatMap((measure): ReportCurvePoint[] => {
    const { kind, part, round, slot, units } = measure;
    const accuracy = measure.figures.find(({ name }) => name.endsWith('performance.accuracy'));
    // A survey comes before the model.
    if (kind !== 'performance' || slot === 'survey' || accuracy === undefined || has.has(`${part} ${round}`)) return [];
    const loss = measure.figures.find(({ name }) => name.endsWith('performance.logLoss'));
    const { figure, withheld } = accuracy;
    return [{ series: part, round, units, accuracy: figure, loss: loss?.figure ?? null, withheld }];
  });
  return [...evaluated, ...reported].toSorted((a, b) => a.round - b.round);
}

/**
 * Gaps of the newest round that has both sides. Out of sample: on units that trained less on others of the same clients. Participation: on those
 * less on clients that train nothing.
 * @see Yuan, Morningstar, Ning, Singhal 2022, "What Do We Mean by Generalization in Federated Learning?", §3.
 */
function gapsOf(curves: readonly ReportCurvePoint[]): ReportNamedFigure[] {
  const others: ReportCurvePoint['series'] = curves.some(({ series }) => series === 'validation')
    ? 'validation'
    : 'test';
  return [
    gapOf('gaps.outOfSample', curves, 'train', others),
    gapOf('gaps.participation', curves, others, 'unseen'),
  ].flat();
}

function gapOf(
  name: string,
  curves: readonly ReportCurvePoint[],
  above: ReportCurvePoint['series'],
  below: ReportCurvePoint['series'],
): ReportNamedFigure[] {
  const of = (series: ReportCurvePoint['series']) => curves.filter((point) => point.series === series);
  const pairs = of(above).flatMap((a) => of(below).flatMap((b) => (a.round === b.round ? [{ a, b }] : [])));
  const pair = pairs.at(-1);
  if (pair === undefined) return [];
  const { a, b } = pair;
  if (a.accuracy === null || b.accuracy === null) {
    const withheld = a.withheld ?? b.withheld ?? 'one side of it is not told';
    return [{ name, figure: null, withheld, floor: null }];
  }
  const figure = reportFigure(differenceOfFigures(figureOf(a.accuracy), figureOf(b.accuracy)));
  return [{ name, figure, withheld: figure === null ? 'one side of it is not told' : null, floor: null }];
}

/** The gaps as a measure of the report's own, so that they are listed and compared as all figures are. */
function gapMeasure(curves: readonly ReportCurvePoint[], gaps: readonly ReportNamedFigure[]): ReportMeasure[] {
  const last = curves.at(-1);
  if (gaps.length === 0 || last === undefined) return [];
  const units = Math.min(...curves.filter(({ round }) => round === last.round).map((point) => point.units));
  return [
    {
      kind: 'gaps',
      challenge: challengeOf('gaps'),
      slot: 'evaluation',
      round: last.round,
      part: last.series === 'unseen' ? 'validation' : last.series,
      newest: true,
      modelHash: null,
      budget: null,
      units,
      noiseStd: 0,
      settings: {},
      figures: [...gaps],
      detail: {},
    },
  ];
}

function thresholdsOf(
  plan: Plan,
  modelHash: string,
  measures: readonly ReportMeasure[],
  gaps: readonly ReportNamedFigure[],
): ReportThreshold[] {
  // What is known of an earlier model says nothing of this one.
  const newest = measures.filter((one) => one.newest && (one.modelHash === null || one.modelHash === modelHash));
  return (plan.report?.thresholds ?? []).map((threshold) => {
    const measure = newest.find(({ figures }) => figures.some(({ name }) => name === threshold.figure));
    const named = [...(measure?.figures ?? []), ...gaps].find(({ name }) => name === threshold.figure) ?? null;
    const kind = threshold.figure.replace(/^(survey|train)\./, '').split('.')[0] ?? '';
    const { verdict, reason } = judge(threshold, named, measure?.units ?? 0);
    return {
      figure: threshold.figure,
      challenge: challengeOf(kind),
      atLeast: threshold.atLeast ?? null,
      atMost: threshold.atMost ?? null,
      verdict,
      reason: measure === undefined ? reason : reason + leftOutWords(measure, threshold.figure),
      shown: named?.figure ?? null,
      floor: named?.floor ?? null,
      units: measure?.units ?? null,
    };
  });
}

function modelFacts(plan: Plan): ReportDocument['model'] {
  const inputs = inputWidth(plan.schema);
  return {
    parameters: layoutLength(modelLayout(plan.topology, inputs)),
    inputs,
    outputs: outputWidth(plan.schema.target),
    layers: plan.topology.layers.map(({ kind, ...settings }) => {
      const told = Object.entries(settings).flatMap(([name, value]) => {
        return typeof value === 'object' || value === undefined ? [] : [`${name} ${String(value)}`];
      });
      return [kind, ...told].join(', ');
    }),
  };
}

function budgetsOf(plan: Plan, card: PrivacyCard): ReportDocument['budgets'] {
  return planEpsilons(plan).flatMap(({ field, slots }) => {
    const guarantee = card.guarantees.find((one) => one.field === field);
    if (guarantee === undefined) return [];
    const { account, epsilon, delta } = guarantee;
    return [
      {
        field,
        account,
        epsilon,
        delta,
        slots: slots.map((slot) => ({
          slot: slot.slot,
          part: slot.part,
          released: card.mechanisms.find((one) => one.slot === slot.slot)?.released ?? 0,
          atMost: slot.count,
          epsilonAlone: epsilonOf(eventsOf([slot]), delta).epsilon,
        })),
      },
    ];
  });
}

function withheldOf(measures: readonly ReportMeasure[], { evaluations }: ReportInput): ReportDocument['withheld'] {
  const ofMeasures = measures.flatMap(({ slot, round, units, figures }) =>
    figures.flatMap(({ name, figure, withheld }) =>
      figure === null ? [{ name, slot, round, units, reason: withheld ?? 'not told' }] : [],
    ),
  );
  const ofEvaluations = evaluations.flatMap(({ slot, round, release }) =>
    release.withheld === null
      ? []
      : [{ name: `${slot}.accuracy`, slot, round, units: release.units, reason: release.withheld }],
  );
  return [...ofMeasures, ...ofEvaluations];
}

function notMeasured(measures: readonly ReportMeasure[], curves: readonly ReportCurvePoint[]): Challenge[] {
  const told = new Set<Challenge>(measures.map(({ challenge }) => challenge));
  if (curves.some(({ series }) => series === 'train')) told.add('overfitting');
  return challengesAsked.map(({ challenge }) => challenge).filter((challenge) => !told.has(challenge));
}
