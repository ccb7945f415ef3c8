import { z } from 'zod';
import { dataSchemaSchema } from './data-schema.ts';
import { lossSchema, topologySchema } from '../model/index.ts';
import { earlyStoppingSchema } from '../learning/early-stopping-schema.ts';
import { strategySchema } from '../learning/strategy-schema.ts';
import { cohortMaxClients, suiteSchema } from '../secure-sum/index.ts';
import { measureSettingsSchema, rowWeightsSchema } from '../queries/index.ts';
import { trainingQuerySchema } from '../queries/training-query-schema.ts';

const hex32 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits');

/** A client in the roster: its id is derived from its identity key (see `protocol/identity.ts`). */
export const rosterClientSchema = z.strictObject({
  client: z.string().regex(/^[0-9a-f]{40}$/),
  name: z.string().min(1).max(120),
  identity: hex32,
});
export type RosterClient = z.infer<typeof rosterClientSchema>;

/** Noise multiplier of one slot, at the floor that the ε is stated for: std / clip of the sum over the honest minimum. */
const noiseMultiplier = z
  .number()
  .positive(
    'No noise: epsilon is infinite. Set noiseMultiplier > 0 or turn differential privacy off explicitly (privacy none)',
  )
  .max(1e6);

/**
 * What of an ε that several kinds of release share is meant for this one: where its noise multiplier is not stated, it is calibrated so that its
 * own releases alone come to so much of the stated ε.
 */
const budgetShare = z.number().gt(0).lt(1).default(0.1);

export const evaluationPlanSchema = z.strictObject({
  /** Evaluates before round 1 + every, 1 + 2·every, … and once after the last round. */
  every: z.int().min(1),
  /** Which part of each client's units is read. */
  part: z.enum(['validation', 'test']),
  /** accuracy: [correct, incorrect, loss]; confusion: every cell of the confusion matrix, and the loss. */
  detail: z.enum(['accuracy', 'confusion']),
  /** A row's loss is clipped to [0, lossMax] and divided by it. */
  lossMax: z.number().positive().max(100),
  /** Of the part's own budget; absent only with privacy none. */
  noiseMultiplier: noiseMultiplier.optional(),
  /** The same of the units that train, beside each evaluation: the gap between both is what a model has learned by heart. */
  fit: z.strictObject({ budgetShare, noiseMultiplier: noiseMultiplier.optional() }).optional(),
});
export type EvaluationPlan = z.infer<typeof evaluationPlanSchema>;

/** What is asked of the data before the first round, so that a run can be stopped before it has cost more. */
export const surveyPlanSchema = z.strictObject({
  measures: z.array(measureSettingsSchema).min(1).max(20),
  /** Groups, classes and cells with fewer units, noise included, are withheld. */
  minimumUnits: z.number().min(1).max(1e6).default(10),
  /** Ends the run before it trains where the survey's labels come to less, noise included. */
  stopBelow: z
    .strictObject({
      units: z.number().positive().max(1e9).optional(),
      classUnits: z.number().positive().max(1e9).optional(),
    })
    .optional(),
  budgetShare,
  noiseMultiplier: noiseMultiplier.optional(),
});
export type SurveyPlan = z.infer<typeof surveyPlanSchema>;

/** A threshold that a report holds a figure to. */
export const thresholdSchema = z.strictObject({
  /** By the path that the report gives it, for example `performance.accuracy` or `fairness.sex.equalizedOdds`. */
  figure: z.string().min(1).max(200),
  atLeast: z.number().optional(),
  atMost: z.number().optional(),
});
export type Threshold = z.infer<typeof thresholdSchema>;

/** What is asked of the final model, and of earlier ones, on units that it was not trained on. */
export const reportPlanSchema = z.strictObject({
  part: z.enum(['validation', 'test']).default('test'),
  measures: z.array(measureSettingsSchema).min(1).max(20),
  /** Also before round 1 + every, 1 + 2·every, …, for trends; absent: once, of the last model. */
  every: z.int().min(1).optional(),
  /** Groups, classes and cells with fewer units, noise included, are withheld. */
  minimumUnits: z.number().min(1).max(1e6).default(10),
  /** Where a report shares its ε with other releases: at unit = client. */
  budgetShare,
  noiseMultiplier: noiseMultiplier.optional(),
  /** The same of the units that trained it: what overfitting and membership inference are told by. */
  train: z
    .strictObject({
      measures: z.array(measureSettingsSchema).min(1).max(20),
      budgetShare,
      noiseMultiplier: noiseMultiplier.optional(),
    })
    .optional(),
  thresholds: z.array(thresholdSchema).max(100).default([]),
});
export type ReportPlan = z.infer<typeof reportPlanSchema>;

/** How `grouped` mode cuts the roster. Who is in which group is drawn when the plan is signed (`groupsOf`). */
export const groupsSchema = z.strictObject({
  /** Clients of a group: so many at least, and fewer than twice as many. */
  size: z.int().min(3).max(100),
  /** Groups whose sums a round needs; the others may fail in it. Absent: all. */
  minGroups: z.int().min(1).max(3_333).optional(),
});

/** Differential privacy, the default. */
export const dpPrivacySchema = z.strictObject({
  kind: z.literal('dp'),
  /** Failure probability, in (0, 1), below 1 / units. */
  delta: z.number().gt(0, 'delta must be in (0,1)').lt(1, 'delta must be in (0,1)'),
  /** Stated ε for a unit of the training part, over all slots that read it; at unit = client for a client, over all slots. */
  epsilon: z.number().positive(),
  /** Stated ε for a unit of the evaluation part; absent without evaluation, and at unit = client. */
  evaluationEpsilon: z.number().positive().optional(),
  /** Stated ε for a unit of the report's part; absent without a report, and at unit = client. */
  reportEpsilon: z.number().positive().optional(),
});

/** No promise: ε = ∞. Every client's policy has to allow it. */
export const privacyNoneSchema = z.strictObject({ kind: z.literal('none') });

export const privacyPlanSchema = z.discriminatedUnion('kind', [dpPrivacySchema, privacyNoneSchema]);
export type PrivacyPlan = z.infer<typeof privacyPlanSchema>;

/** Deadlines of the stages of a session, in milliseconds after the stage began. All that can be set about waiting. */
export const deadlinesSchema = z.strictObject({
  advertiseMs: z.int().min(100).max(86_400_000).default(30_000),
  shareMs: z.int().min(100).max(86_400_000).default(30_000),
  /** Training included. */
  uploadMs: z.int().min(100).max(86_400_000).default(120_000),
  agreeMs: z.int().min(100).max(86_400_000).default(30_000),
  unmaskMs: z.int().min(100).max(86_400_000).default(30_000),
});
export type Deadlines = z.infer<typeof deadlinesSchema>;

/**
 * What the plan's author says about things that no program can check. It is signed with the plan and printed on the privacy
 * card as what it is: a statement.
 */
export const disclosureSchema = z.strictObject({
  /** On what learning rate, clip norm, rounds and the like were chosen. Absent: the card says that nobody has said. */
  hyperparameters: z.enum(['notTuned', 'publicData', 'otherData', 'sameDataUnpaid']).optional(),
  /** Who holds the keys of authority, coordinator and clients. Absent: the card says that nobody has said. */
  keys: z.enum(['eachOwner', 'onePerson']).optional(),
  /** In the author's own words. */
  note: z.string().min(1).max(2_000).optional(),
});
export type Disclosure = z.infer<typeof disclosureSchema>;

/**
 * The signed description of a run. Nothing executable: a topology, a data schema, names of built-in queries and strategies,
 * numbers. Its hash (SHA-256 of its canonical JSON) binds everything that the run does.
 */
export const planSchema = z.strictObject({
  version: z.literal(1),
  name: z.string().min(1).max(120),
  purpose: z.string().min(1).max(2_000),
  /** Ed25519 public key of the federation's authority. */
  authority: hex32,
  suite: suiteSchema.default('x25519+mlkem768'),
  /**
   * Who sees a contribution, and whose noise protects it: the clients' together, over the cohort (`secure`) or in each of several
   * groups (`grouped`), each client's own, the coordinator's.
   */
  trust: z.enum(['secure', 'grouped', 'local', 'trusted']).default('secure'),
  /** More than 1,000 in `grouped` mode alone. */
  roster: z.strictObject({ kind: z.literal('pinned'), clients: z.array(rosterClientSchema).min(1).max(10_000) }),
  /**
   * Clients of the roster, by id and sorted, that train nothing and are asked for no survey: they add noise, and all units that are read of
   * them tell how the model does on clients that it has not seen. Absent: every client trains.
   */
  heldOut: z
    .array(z.string().regex(/^[0-9a-f]{40}$/))
    .min(1)
    .max(9_999)
    .optional(),
  schema: dataSchemaSchema,
  topology: topologySchema,
  loss: lossSchema,
  initialWeights: z.strictObject({
    generator: z.literal('glorot-uniform-v1'),
    seed: hex32,
    /** SHA-256 of the first model's weights as bytes, in place of what the seed gives: `sotto run --initial` hands them over. */
    checkpoint: hex32.optional(),
  }),
  /** What a privacy promise is made to. */
  unit: z.enum(['record', 'client']),
  adjacency: z.literal('addOrRemove', {
    error: ({ input }) =>
      input === undefined
        ? 'State addOrRemove, zeroOut or replaceOne; epsilon differs about 2x in noise. Plans are accounted under addOrRemove'
        : 'plans are accounted under addOrRemove; under another adjacency epsilon differs about 2x in noise',
  }),
  /** Fractions of each client's units, by keyed hash of the unit's id; the rest trains. */
  split: z.strictObject({ validation: z.number().min(0).lt(1), test: z.number().min(0).lt(1) }),
  cohort: z.strictObject({
    /** A round with fewer survivors fails before anything is unmasked; the stated ε holds at this number. */
    minSurvivors: z.int().min(1).max(cohortMaxClients),
    /** Clients that may pool what they know with the coordinator without passing the stated ε. */
    colluding: z
      .int()
      .min(0)
      .max(cohortMaxClients - 1),
    /**
     * Whether noise that the survivors do not need is taken out of the sum before it is read (secure mode with differential privacy);
     * absent: it is kept.
     */
    noise: z.enum(['removable', 'kept']).optional(),
    /** In `grouped` mode, and there alone: every number above then holds in each group by itself. */
    groups: groupsSchema.optional(),
  }),
  privacy: privacyPlanSchema,
  training: z.strictObject({
    query: trainingQuerySchema,
    strategy: strategySchema,
    /** What rows of a group or a label weigh in the loss; absent: 1. Only with `gradient`. */
    weights: rowWeightsSchema.optional(),
    rounds: z.int().min(1).max(100_000),
    noiseMultiplier: noiseMultiplier.optional(),
    /** Ends training before its last round where released figures grow worse; the last session then takes the best model. */
    earlyStopping: earlyStoppingSchema.optional(),
    /**
     * Uploads leave this long after a client began to work on its data, so that their times tell nothing of the data; longer work
     * doubles it for that client. Best above the time that a round's training takes.
     */
    paceMs: z.int().min(0).max(3_600_000).default(100),
  }),
  survey: surveyPlanSchema.optional(),
  evaluation: evaluationPlanSchema.nullable().default(null),
  report: reportPlanSchema.optional(),
  /** Sessions beyond the planned ones that may be repeated after a failed attempt; each is charged and counted in ε. */
  spareAttempts: z.int().min(0).max(10_000).default(0),
  deadlines: deadlinesSchema.prefault({}),
  disclosure: disclosureSchema.optional(),
});
export type Plan = z.infer<typeof planSchema>;

/** A plan as people write it: fields with defaults may be absent. */
export type PlanInput = z.input<typeof planSchema>;

/** A plan with the authority's signature over its hash. */
export const signedPlanSchema = z.strictObject({ plan: planSchema, signature: z.string().regex(/^[0-9a-f]{128}$/) });
export type SignedPlan = z.infer<typeof signedPlanSchema>;
