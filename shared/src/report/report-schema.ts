import { z } from 'zod';
import { privacyCardSchema } from '../card/index.ts';
import { slotNames } from '../privacy/index.ts';

/**
 * The report, version 1: what is known of one version of a model, from its run's releases alone. Complete in itself: with it and nothing
 * else a page is drawn, thresholds are held against figures, and a later report says what changed. Append-only: a changed meaning is a new
 * version.
 */

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const sentence = z.string().min(1).max(4_000);
const count = z.int().min(0);
const slot = z.enum(slotNames);
const part = z.enum(['train', 'validation', 'test']);
const json = z.record(z.string(), z.unknown());

/** A figure with its two-sided 95 % interval, sampling and privacy noise together; null: no bound on that side. */
export const reportFigureSchema = z.strictObject({
  value: z.number(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  /** The part of the half width that is privacy noise; 0 without. */
  noiseHalfWidth: z.number().min(0),
});
export type ReportFigure = z.infer<typeof reportFigureSchema>;

/** A number of a measure by its name, or why it is withheld. */
export const reportNamedFigureSchema = z.strictObject({
  /** The path by which thresholds name it, for example `performance.accuracy`. */
  name: z.string().min(1),
  figure: reportFigureSchema.nullable(),
  withheld: sentence.nullable(),
  /** What noise alone would show in 95 of 100 releases; below it (of a ratio: above it) nothing is told; null: 0. */
  floor: z.number().nullable(),
});
export type ReportNamedFigure = z.infer<typeof reportNamedFigureSchema>;

export const challengeSchema = z.enum([
  'data',
  'overfitting',
  'performance',
  'fairness',
  'robustness',
  'explanation',
  'privacy',
  'other',
]);
export type Challenge = z.infer<typeof challengeSchema>;

export const reportMeasureSchema = z.strictObject({
  kind: z.string().min(1),
  challenge: challengeSchema,
  /** Which release of the run it was read from. */
  slot,
  round: count,
  /** Whose units it is about. */
  part,
  /** Whether it is of the newest release of its slot. */
  newest: z.boolean(),
  /** SHA-256 of the weights that were judged: an earlier model's where a run was stopped after its last report; null where none was. */
  modelHash: hash.nullable(),
  /** The plan's ε that it counts in; null without differential privacy. */
  budget: z.string().nullable(),
  /** Noisy number of units that were read (at unit = client: of clients). */
  units: z.number(),
  /** Standard deviation of the noise in each of the measure's own sums; 0 without. */
  noiseStd: z.number().min(0),
  /** What the plan asked for. */
  settings: json,
  figures: z.array(reportNamedFigureSchema),
  /** What else the measure concluded, for charts. */
  detail: json,
});
export type ReportMeasure = z.infer<typeof reportMeasureSchema>;

export const verdictSchema = z.enum(['met', 'notMet', 'cannotTell', 'notMeasured']);
export type Verdict = z.infer<typeof verdictSchema>;

export const reportThresholdSchema = z.strictObject({
  figure: z.string().min(1),
  challenge: challengeSchema,
  atLeast: z.number().nullable(),
  atMost: z.number().nullable(),
  verdict: verdictSchema,
  /** Why: which side the interval lies on, or what keeps it from being told. */
  reason: sentence,
  /** The figure that it is held against; null where there is none to see. */
  shown: reportFigureSchema.nullable(),
  floor: z.number().nullable(),
  units: z.number().nullable(),
});
export type ReportThreshold = z.infer<typeof reportThresholdSchema>;

/** One evaluation of the model of one round. */
export const reportCurvePointSchema = z.strictObject({
  /** Whose units: those that trained, others of the same clients, or those of clients that train nothing. */
  series: z.enum(['train', 'validation', 'test', 'unseen']),
  /** The round that it was released in: it looks at the model that this round began with. */
  round: count,
  units: z.number(),
  accuracy: reportFigureSchema.nullable(),
  loss: reportFigureSchema.nullable(),
  withheld: sentence.nullable(),
});
export type ReportCurvePoint = z.infer<typeof reportCurvePointSchema>;

export const reportBudgetSchema = z.strictObject({
  /** The plan's field that states it. */
  field: z.string().min(1),
  account: z.string().min(1),
  /** Stated: over all its slots together. */
  epsilon: z.number().positive(),
  delta: z.number().gt(0).lt(1),
  slots: z.array(
    z.strictObject({
      slot,
      part,
      /** Releases that were made, and may be at most. */
      released: count,
      atMost: count,
      /** ε of all of this slot's releases that the plan allows, alone. */
      epsilonAlone: z.number().min(0),
    }),
  ),
});

export const changeSchema = z.strictObject({
  against: z.strictObject({ runId: z.string(), planHash: hash, modelHash: hash }),
  /** Lines of the plan that differ, as JSON; null: absent. */
  plan: z.array(z.strictObject({ path: z.string(), before: z.string().nullable(), after: z.string().nullable() })),
  figures: z.array(
    z.strictObject({
      name: z.string(),
      before: reportFigureSchema.nullable(),
      after: reportFigureSchema.nullable(),
      /** After less before, as if both were of different units: at one data set it is wider than it need be. */
      difference: reportFigureSchema.nullable(),
    }),
  ),
  verdicts: z.array(
    z.strictObject({ figure: z.string(), before: verdictSchema.nullable(), after: verdictSchema.nullable() }),
  ),
});
export type ReportChanges = z.infer<typeof changeSchema>;

export const reportSchema = z.strictObject({
  kind: z.literal('sotto-report'),
  version: z.literal(1),
  /** What the thresholds come to, in a sentence. */
  sentence,
  plan: z.strictObject({
    name: z.string(),
    purpose: z.string(),
    hash,
    authority: hash,
    /** Everything that it states but its roster, which names people: `clients` says how many are on it. */
    terms: json,
    clients: z.int().positive(),
    /** Names of the roster in its order, without their keys; empty where there are more than 200. */
    clientNames: z.array(z.string()),
  }),
  run: z.strictObject({
    runId: z.string(),
    state: z.enum(['finished', 'stopped']),
    roundsRun: count,
    roundsPlanned: count,
    modelHash: hash,
    fewestSurvivors: z.int().positive().nullable(),
  }),
  model: z.strictObject({
    parameters: z.int().positive(),
    inputs: z.int().positive(),
    outputs: z.int().positive(),
    layers: z.array(sentence),
  }),
  privacy: z.enum(['dp', 'none']),
  unit: z.enum(['record', 'client']),
  budgets: z.array(reportBudgetSchema),
  thresholds: z.array(reportThresholdSchema),
  measures: z.array(reportMeasureSchema),
  curves: z.array(reportCurvePointSchema),
  withheld: z.array(z.strictObject({ name: z.string(), slot, round: count, units: z.number(), reason: sentence })),
  remedies: z.array(
    z.strictObject({ challenge: challengeSchema, figure: z.string(), because: sentence, remedy: sentence }),
  ),
  /** Challenges of which the plan asked nothing. */
  notMeasured: z.array(challengeSchema),
  card: privacyCardSchema,
  dataCard: json.nullable(),
  changes: changeSchema.nullable(),
});
export type ReportDocument = z.infer<typeof reportSchema>;
