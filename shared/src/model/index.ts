export { augmenter, type Augmentation, type LearnedRows } from './augmentation.ts';
export { checkTopology } from './check-topology.ts';
export { decodeTfjsModel, type DecodedTfjsModel } from './decode-tfjs-model.ts';
export type { DifferentiableModel } from './differentiable-model.ts';
export { exp, log } from './elementary.ts';
export {
  encodedNumber,
  missingInputs,
  type FeatureSpan,
  type ImageShape,
  type InputColumn,
  type InputScaling,
} from './input-columns.ts';
export { importWeights, type ImportedWeights } from './import-weights.ts';
export { initialWeights } from './initial-weights.ts';
export { integerStream } from './integer-stream.ts';
export {
  modelLayout,
  networkLayers,
  requireWeights,
  sizeOf,
  trainedLayout,
  type NetworkLayer,
  type WeightTensor,
} from './layout.ts';
export type { LayerTrace, LocalModel, LocalTraining } from './local-model.ts';
export { gruTraces } from './network/gru.ts';
export { modelTensors, weightsOfTensors, type NamedTensor } from './model-tensors.ts';
export { lossValues, toProbabilities } from './network/loss.ts';
export { referenceModel, type ReferenceModel } from './reference-model.ts';
export { decodeSafetensors, encodeSafetensors, type SafetensorsFile } from './safetensors.ts';
export { encodeTfjsModel, type TfjsModelFiles } from './tfjs-model.ts';
export { slidingWindow, windowTaps, type SlidingWindow } from './sliding-window.ts';
export {
  layerSchema,
  lossSchema,
  topologySchema,
  type Activation,
  type Layer,
  type LayerOf,
  type Loss,
  type Topology,
} from './topology.ts';
export { overAllWeights, trainedRanges, type TrainedRange } from './trained-part.ts';
export { unitGradients } from './unit-gradients.ts';
export { joinUnits, selectUnits, type UnitBatch, type UnitsOnNeed } from './units.ts';
export { weightsFromBytes, weightsOfBytes, weightsToBytes } from './weight-bytes.ts';
