import { z } from 'zod';

const learningRate = z.number().positive().max(1_000);

/** L2: what pulls each weight towards 0, beside the gradient; absent: nothing. FedAvg's clients have FedProx's `proximal` instead. */
const weightDecay = z.number().positive().max(1).optional();

/** What the coordinator does with a training release. */
export const strategySchema = z.discriminatedUnion('kind', [
  /** Adds the mean of the clients' deltas, times the server's learning rate. McMahan et al. 2017. */
  z.strictObject({ kind: z.literal('fedAvg'), learningRate: learningRate.default(1) }),
  /** One gradient step a round, with momentum (0 for none); weightDecay is added to the gradient times the weights. */
  z.strictObject({
    kind: z.literal('fedSgd'),
    learningRate,
    momentum: z.number().min(0).lt(1).default(0),
    weightDecay,
  }),
  /** One Adam step a round on the mean gradient; weightDecay is decoupled from it. */
  z.strictObject({
    kind: z.literal('fedSgdAdam'),
    learningRate,
    beta1: z.number().min(0).lt(1).default(0.9),
    beta2: z.number().min(0).lt(1).default(0.999),
    epsilon: z.number().positive().default(1e-8),
    weightDecay,
  }),
]);
export type StrategyConfig = z.infer<typeof strategySchema>;

/** Settings of one kind of strategy. */
export type ConfigOf<Kind extends StrategyConfig['kind']> = Extract<StrategyConfig, { kind: Kind }>;
