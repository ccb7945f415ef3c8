export { mechanismEventSchema, type EventCount, type MechanismEvent } from './mechanism-event.ts';
export { gridStepsPerRms, type PartSpec } from './part-spec.ts';
