export type { DenseTrace, LocalModel, LocalTraining } from './local-model.ts';
export { layerSchema, lossSchema, topologySchema, type Layer, type Loss, type Topology } from './topology.ts';
export { selectUnits, type UnitBatch } from './units.ts';
