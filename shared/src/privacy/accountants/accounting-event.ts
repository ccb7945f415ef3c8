import { z } from 'zod';
import { SottoError } from '../../errors/index.ts';

/**
 * What an accountant is asked, as data: events that compose, who counts as a neighbour, and the question. Append-only like
 * the mechanism events of a plan: kinds and fields keep their meaning, and one that is not known is refused.
 */

const noiseMultiplier = z.number().min(0);
const probability = z.number().min(0).max(1);
const count = z.int().min(0).default(1);
const whole = z.int().min(0);

export const neighboringSchema = z.enum(['add-or-remove-one', 'replace-one', 'replace-special'], {
  error: 'state add-or-remove-one, replace-special (zero-out) or replace-one; epsilon differs about 2x in noise',
});

/**
 * Whose data differ: a unit is there or not, its value is another (replace-one: twice the sensitivity of a clipped sum), or
 * its value is nothing (replace-special, zero-out: the sensitivity of add-or-remove-one, at a public number of units).
 */
export type Neighboring = z.infer<typeof neighboringSchema>;

/** Normal noise of std `noiseMultiplier` × L2 sensitivity (one unit's clip). */
const gaussian = z.strictObject({ type: z.literal('gaussian'), noiseMultiplier, count });
/** Laplace noise of scale `noiseMultiplier` × L1 sensitivity. */
const laplace = z.strictObject({ type: z.literal('laplace'), noiseMultiplier, count });
/** P(x) ∝ e^{−parameter·|x|} on the integers, one number of whole sensitivity. */
const discreteLaplace = z.strictObject({
  type: z.literal('discreteLaplace'),
  parameter: z.number().min(0),
  sensitivity: z.int().min(0).default(1),
  count,
});
/** P(x) ∝ e^{−x²/2sigma²} on the integers, one number of whole sensitivity. */
const discreteGaussian = z.strictObject({
  type: z.literal('discreteGaussian'),
  sigma: z.number().min(0),
  sensitivity: z.int().min(0).default(1),
  count,
});
/** With probability `noiseParameter` a bucket drawn uniformly, else the true one. */
const randomizedResponse = z.strictObject({
  type: z.literal('randomizedResponse'),
  noiseParameter: probability,
  buckets: z.int().min(1),
  count,
});
/** Zero-concentrated DP: RDP of order α is xi + rho·α. */
const zcdp = z.strictObject({
  type: z.literal('zcdp'),
  rho: z.number().min(0),
  xi: z.number().min(0).default(0),
  count,
});
/** Tree aggregation, each record in one leaf of one tree; `stepCounts` between restarts. */
const tree = z.strictObject({
  type: z.literal('tree'),
  noiseMultiplier,
  stepCounts: z.union([z.int().min(1), z.array(whole).min(1)]),
  count,
});
/** Independent inclusion with `samplingProbability` in each of `count` rounds. */
const truncatedPoisson = z.strictObject({
  type: z.literal('truncatedPoisson'),
  datasetSize: whole.max(1e12),
  samplingProbability: probability,
  /** Of a larger sample, a uniform subset of this size. */
  maxBatch: whole,
  noiseMultiplier,
  count,
});
/** A mechanism of which nothing is known but (epsilon, delta). */
const epsDelta = z.strictObject({
  type: z.literal('epsDelta'),
  epsilon: z.number().min(0),
  delta: probability,
  count,
});
/** Sum of Poisson differences of this total variance; sensitivities of the integer vectors. */
const skellam = z.strictObject({
  type: z.literal('skellam'),
  l1Sensitivity: z.number().min(0),
  l2Sensitivity: z.number().min(0),
  variance: z.number().min(0),
  count,
});
/** Every client rounds stochastically and adds discrete Gaussian noise; `noisyClients` of the shares arrived. */
const distributedDiscreteGaussian = z.strictObject({
  type: z.literal('distributedDiscreteGaussian'),
  clip: z.number().positive(),
  granularity: z.number().positive(),
  dimension: z.int().min(1),
  /** Bias of conditional rounding; 0 bounds the worst case. */
  beta: z.number().min(0).lt(1),
  clients: z.int().min(1),
  noisyClients: z.int().min(0),
  localStddev: z.number().min(0),
  count,
});
/** Noise C⁻¹z with a banded lower-triangular Toeplitz C; a unit takes part at most so often, so far apart. */
const bandedToeplitz = z.strictObject({
  type: z.literal('bandedToeplitz'),
  rounds: z.int().min(1).max(1_000_000),
  bands: z.int().min(1),
  minSeparation: z.int().min(1),
  maxParticipations: z.int().min(1),
  coefficients: z
    .union([z.literal('binomial(2k,k)/4^k truncated at bands'), z.array(z.number()).min(1)])
    .default('binomial(2k,k)/4^k truncated at bands'),
  /** Std of z over the clip, before the sensitivity of C. */
  noiseStddevOverClip: z.number().min(0),
  count,
});

/** Sampling that is done. What is not Poisson is no Poisson sampling, whatever the accounting would like. */
const samplingDone = z.enum(['poisson', 'fixed-size', 'shuffled', 'client-chosen']).default('poisson');

const plainEvents = [
  gaussian,
  laplace,
  discreteLaplace,
  discreteGaussian,
  randomizedResponse,
  zcdp,
  tree,
  truncatedPoisson,
  epsDelta,
  skellam,
  distributedDiscreteGaussian,
  bandedToeplitz,
] as const;

type PlainEvent = z.infer<(typeof plainEvents)[number]>;
type Counted = { readonly count: number };
/** `inner` on a sample that each unit joins by a coin of its own. */
type Poisson = Counted & {
  type: 'poisson';
  samplingProbability: number;
  inner: AccountingEvent;
  samplingDone: z.infer<typeof samplingDone>;
};
/** `inner` on a uniform subset; its noise multiplier is std / replace-one sensitivity (twice a clip). */
type WithoutReplacement = Counted & {
  type: 'withoutReplacement';
  datasetSize: number;
  sampleSize: number;
  inner: AccountingEvent;
};
/** Several events at once, on the same sample where they are sampled. */
type Composed = Counted & { type: 'composed'; events: AccountingEvent[] };
/** The best of a random number of runs of `inner`: truncated negative binomial of this mean, or Poisson. */
type RepeatAndSelect = Counted & {
  type: 'repeatAndSelect';
  inner: AccountingEvent;
  mean: number;
  shape: number | 'poisson';
};

/** One kind of release and how often it happens. */
export type AccountingEvent = PlainEvent | Poisson | WithoutReplacement | Composed | RepeatAndSelect;

export const accountingEventSchema: z.ZodType<AccountingEvent> = z.lazy(() =>
  z.discriminatedUnion('type', [
    ...plainEvents,
    z.strictObject({
      type: z.literal('poisson'),
      samplingProbability: probability,
      inner: accountingEventSchema,
      samplingDone,
      count,
    }),
    z.strictObject({
      type: z.literal('withoutReplacement'),
      datasetSize: z.int().min(1),
      sampleSize: whole,
      inner: accountingEventSchema,
      count,
    }),
    z.strictObject({ type: z.literal('composed'), events: z.array(accountingEventSchema), count }),
    z.strictObject({
      type: z.literal('repeatAndSelect'),
      inner: accountingEventSchema,
      mean: z.number().min(1),
      shape: z.union([z.number().min(0), z.literal('poisson')]),
      count,
    }),
  ]),
);

const order = z.number().gt(1).max(65_536);
const orders = z.array(order).min(1).max(4_096);
const delta = z.number();
const accountant = z.enum(['pld', 'rdp']).optional();
const target = { epsilon: z.number().positive(), delta, accountant };
/** How many units there are: δ has to lie below 1/units. */
const units = z.int().min(1).optional();

export const querySchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('epsilon'), delta, orders: orders.optional(), units, accountant }),
  z.object({ kind: z.literal('delta'), epsilon: z.number().min(0), orders: orders.optional(), accountant }),
  z.object({ kind: z.literal('rdpCurve'), orders }),
  z.object({ kind: z.literal('calibrateSigma'), ...target }),
  z.object({ kind: z.literal('calibrateSampling'), ...target }),
  z.object({ kind: z.literal('maxSteps'), ...target }),
  z.object({
    kind: z.literal('noiseSplit'),
    noiseMultiplier: z.number(),
    clientsPerRound: z.number().positive(),
    clippedCountStddev: z.number().nullish(),
  }),
]);
export type AccountingQuery = z.infer<typeof querySchema>;

/** A case: other fields, such as `family` or `note`, are not read. */
export const accountingCaseSchema = z.object({
  id: z.union([z.string(), z.number()]).nullish(),
  neighboring: neighboringSchema,
  events: z.array(accountingEventSchema).default([]),
  query: querySchema,
});
export type AccountingCase = z.infer<typeof accountingCaseSchema>;

/** @throws {UNSUPPORTED_EVENT} always: no figure is better than a wrong one */
export function refuseEvent(event: AccountingEvent, why: string): never {
  throw new SottoError('UNSUPPORTED_EVENT', `${event.type}: ${why}`);
}
