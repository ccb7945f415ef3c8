import { z } from 'zod';

/** One layer of a feed-forward topology. Convolution, pooling, layer norm and embeddings will be further kinds. */
export const layerSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('dense'),
    units: z.int().min(1).max(65_536),
    activation: z.enum(['linear', 'relu', 'tanh', 'sigmoid']),
  }),
  z.strictObject({ kind: z.literal('dropout'), rate: z.number().min(0).lt(1) }),
]);
export type Layer = z.infer<typeof layerSchema>;

/**
 * A layered model as data. The input width follows from the plan's data schema, the width of the last dense layer from
 * its target; the last layer is linear and its outputs are logits (or the value, for a regression).
 */
export const topologySchema = z.strictObject({ layers: z.array(layerSchema).min(1).max(64) });
export type Topology = z.infer<typeof topologySchema>;

/** What a model is trained to minimise; the mean over a unit's rows. */
export const lossSchema = z.enum(['binaryCrossEntropy', 'categoricalCrossEntropy', 'meanSquaredError']);
export type Loss = z.infer<typeof lossSchema>;
