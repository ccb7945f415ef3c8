export { mechanismEventSchema, type EventCount, type MechanismEvent } from './mechanism-event.ts';
export { gridStepsPerRms, type PartSpec } from './part-spec.ts';
export { gridFor, minNoiseStdSteps, noiseVarianceSteps } from './grid.ts';
export { encodeUnit } from './encode-unit.ts';
export { drawSample, type RandomnessOptions } from './sample.ts';
export { createNoiseSampler, type NoiseSampler } from './noise-sampler.ts';
