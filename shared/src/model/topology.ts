import { z } from 'zod';

const activation = z.enum(['linear', 'relu', 'tanh', 'sigmoid']);
const padding = z.enum(['valid', 'same']).default('valid');
/** Side of a window; in two dimensions it is square. */
const side = z.int().min(1).max(256);
/** `false`: the layer keeps the weights that the run begins with, and is no part of what leaves a device. */
const trainable = z.boolean().optional();

/** One layer of a feed-forward topology. Arrays are channels last: [steps, channels] or [height, width, channels]. */
export const layerSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('dense'), units: z.int().min(1).max(65_536), activation, trainable }),
  z.strictObject({ kind: z.literal('dropout'), rate: z.number().min(0).lt(1) }),
  /** Gives a row's numbers a shape, in the same order. */
  z.strictObject({ kind: z.literal('reshape'), shape: z.array(z.int().min(1).max(1_000_000)).min(1).max(3) }),
  z.strictObject({ kind: z.literal('flatten') }),
  z.strictObject({
    kind: z.literal('conv1d'),
    filters: z.int().min(1).max(4_096),
    kernelSize: side,
    stride: side.default(1),
    padding,
    activation,
    trainable,
  }),
  z.strictObject({
    kind: z.literal('conv2d'),
    filters: z.int().min(1).max(4_096),
    kernelSize: side,
    stride: side.default(1),
    padding,
    activation,
    trainable,
  }),
  /** Pooling in one or two dimensions, as its input has. */
  z.strictObject({ kind: z.literal('maxPool'), size: side, stride: side.optional(), padding }),
  z.strictObject({ kind: z.literal('averagePool'), size: side, stride: side.optional(), padding }),
  /** The mean of each channel. */
  z.strictObject({ kind: z.literal('globalAveragePool') }),
  /** Over the last axis. */
  z.strictObject({ kind: z.literal('layerNorm'), epsilon: z.number().min(1e-8).max(1).default(1e-3), trainable }),
  /** Vectors of tokens, which the input holds as whole numbers from 0. */
  z.strictObject({
    kind: z.literal('embedding'),
    vocabulary: z.int().min(1).max(1_000_000),
    units: z.int().min(1).max(4_096),
    trainable,
  }),
  /** Over [steps, features]: the last state, or all of them. */
  z.strictObject({
    kind: z.literal('gru'),
    units: z.int().min(1).max(4_096),
    returnSequences: z.boolean().default(false),
    trainable,
  }),
]);
export type Layer = z.infer<typeof layerSchema>;
export type LayerOf<Kind extends Layer['kind']> = Extract<Layer, { kind: Kind }>;
export type Activation = z.infer<typeof activation>;
export type Padding = z.infer<typeof padding>;

/**
 * A layered model as data. The input width follows from the plan's data schema, the width of the last dense layer from
 * its target; the last layer is linear and its outputs are logits (or the value, for a regression).
 */
export const topologySchema = z.strictObject({ layers: z.array(layerSchema).min(1).max(64) });
export type Topology = z.infer<typeof topologySchema>;

/** What a model is trained to minimise; the mean over a unit's rows. */
export const lossSchema = z.enum(['binaryCrossEntropy', 'categoricalCrossEntropy', 'meanSquaredError']);
export type Loss = z.infer<typeof lossSchema>;
