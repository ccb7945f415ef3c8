import { z } from 'zod';

/** Rows are learned as somebody would change them who wants the model to err. Madry et al. 2018, §2.1. */
export const adversarialTrainingSchema = z.strictObject({
  /** By what a change is measured: its largest of an input, or its length. */
  norm: z.enum(['linf', 'l2']).default('linf'),
  /** Largest change, in encoded inputs. */
  epsilon: z.number().positive().max(1e6),
  steps: z.int().min(1).max(100).default(5),
  /** By default 2.5 ε / steps. */
  stepSize: z.number().positive().max(1e6).optional(),
  /** Whether each row is learned as it is, too. */
  clean: z.boolean().default(true),
});
export type AdversarialTraining = z.infer<typeof adversarialTrainingSchema>;

/** What a device does to its rows before it learns from them, drawn anew each time: more to learn from where rows are few. */
export const augmentationSchema = z.strictObject({
  /** Standard deviation of normal noise on numbers and pixels, in encoded inputs. */
  noise: z.number().min(0).max(100).default(0),
  /** Mixup's α (unit = client): each row is mixed with another one of its minibatch. */
  mixup: z.number().min(0).max(1).default(0),
});

/** Joint DP-SGD's one step (unit = record): every client samples its own units by a secret coin. */
export const gradientQuerySchema = z.strictObject({
  kind: z.literal('gradient'),
  /** Sampling rate q as a numerator over 2^32; 2^32 takes every unit. */
  samplingNumerator: z.int().min(1).max(4_294_967_296),
  /** L2 bound on one unit's summed gradient. */
  clipNormL2: z.number().positive().max(1e6),
  /** Public denominator B of the step: a plan constant, never the batch's or the data's true size. */
  expectedBatch: z.number().positive().max(1e9),
  adversarial: adversarialTrainingSchema.optional(),
  augmentation: augmentationSchema.optional(),
});

/** The bound on a client's delta follows a quantile of the deltas' norms. Andrew et al. 2021, Algorithm 1. */
export const adaptiveClipSchema = z.strictObject({
  /** gamma: the share of clients whose delta shall be within the bound. */
  quantile: z.number().gt(0).lt(1).default(0.5),
  /** eta: how quickly the bound follows, on the logarithmic scale. */
  learningRate: z.number().positive().max(10).default(0.2),
  /** sigma_b: deviation of the noise in the sum of the clip bits, above z / 2; by default a twentieth of the clients in a round. */
  clippedCountStddev: z.number().positive().max(1e6).optional(),
  /** The bound never leaves these. */
  clipNormMin: z.number().positive().max(1e6).default(1e-4),
  clipNormMax: z.number().positive().max(1e6).default(1e4),
});
export type AdaptiveClip = z.infer<typeof adaptiveClipSchema>;

/** How the clients take part in a round with an update; by default everybody, every round. */
export const clientSamplingSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    /** Everybody uploads, every round; whose own secret coin says no uploads zeros with its share of the noise. */
    kind: z.literal('hidden'),
    /** Chance that a client takes part in a round, as a numerator over 2^32. */
    samplingNumerator: z.int().min(1).max(4_294_967_295),
  }),
  z.strictObject({
    /**
     * Nobody draws: each client makes an update in turn, by its place in the roster, and sends a smaller share of it again in each of the
     * rounds after, from which the coordinator works out sums with less noise. Banded matrix factorization.
     */
    kind: z.literal('banded'),
    /** Rounds in which an update is sent, the first included. */
    bands: z.int().min(2).max(256),
    /** Updates that a client makes at most. */
    maxParticipations: z.int().min(1).max(100_000),
  }),
]);
export type ClientSampling = z.infer<typeof clientSamplingSchema>;

/** FedAvg's model delta after local epochs (unit = client). */
export const updateQuerySchema = z.strictObject({
  kind: z.literal('update'),
  /** L2 bound on the client's whole delta; with adaptive clipping the first round's. */
  clipNormL2: z.number().positive().max(1e6),
  adaptiveClip: adaptiveClipSchema.optional(),
  sampling: clientSamplingSchema.optional(),
  localEpochs: z.int().min(1).max(1_000),
  batchSize: z.int().min(1).max(65_536),
  learningRate: z.number().positive().max(1_000),
  /** FedProx's mu; 0 is FedAvg. */
  proximal: z.number().min(0).max(1_000).default(0),
  adversarial: adversarialTrainingSchema.optional(),
  augmentation: augmentationSchema.optional(),
});

export const trainingQuerySchema = z.discriminatedUnion('kind', [gradientQuerySchema, updateQuerySchema]);
export type GradientQuery = z.infer<typeof gradientQuerySchema>;
export type UpdateQuery = z.infer<typeof updateQuerySchema>;
export type TrainingQuery = z.infer<typeof trainingQuerySchema>;
