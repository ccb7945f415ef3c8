import { sha256 } from '@sotto/shared/crypto';
import { SottoError } from '@sotto/shared/errors';
import {
  checkTopology,
  referenceModel,
  toProbabilities,
  weightsToBytes,
  type DifferentiableModel,
  type Loss,
  type Topology,
} from '@sotto/shared/model';
import { inputWidth, outputWidth, type DataSchema } from '@sotto/shared/plan';
import { toHex } from '@sotto/shared/vector';

/** A trained model with what its numbers mean: all that judging it on this device needs. */
export type JudgedModel = {
  readonly schema: DataSchema;
  readonly loss: Loss;
  readonly model: DifferentiableModel;
  /** SHA-256 of the weights as bytes, hex: what run, report and card call the model by. */
  readonly modelHash: string;
};

/**
 * The model of a schema, a topology and weights, ready to be judged.
 * @param weights - float32, flat, in layout order.
 * @throws {PLAN_INVALID} when the topology does not fit the schema or the loss.
 * @throws {INVALID_INPUT} when the weights do not fit the topology or one is no finite number.
 */
export async function createJudgedModel(
  spec: { readonly schema: DataSchema; readonly topology: Topology; readonly loss: Loss },
  weights: Float32Array,
): Promise<JudgedModel> {
  const { schema, topology, loss } = spec;
  const inputs = inputWidth(schema);
  checkTopology(topology, inputs, outputWidth(schema.target), loss);
  const broken = weights.findIndex((weight) => !Number.isFinite(weight));
  if (broken >= 0) {
    throw new SottoError('INVALID_INPUT', `weights: expected finite numbers, got ${weights[broken]} at ${broken}`);
  }
  const model = referenceModel(topology, inputs, loss);
  await model.setWeights(weights);
  return { schema, loss, model, modelHash: toHex(sha256(weightsToBytes(weights))) };
}

/**
 * Probabilities (sigmoid or softmax of logits / temperature) or a regression's scaled values, in new memory.
 * @param logits - row-major [rows, outputs].
 * @param temperature - above 0; 1 leaves the model as it was trained. See Guo et al. 2017, §4.2.
 */
export function probabilitiesOf(loss: Loss, logits: Float64Array, outputs: number, temperature: number): Float64Array {
  if (!(temperature > 0) || temperature === Infinity) {
    throw new SottoError('INVALID_INPUT', `temperature: expected a number above 0, got ${temperature}`);
  }
  const values = loss === 'meanSquaredError' ? logits.slice() : logits.map((logit) => logit / temperature);
  toProbabilities(loss, values, outputs);
  return values;
}
