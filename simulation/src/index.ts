export { noFaults, randomRates, type FaultRates } from './faults.ts';
export { simulate, type SimulationConfig, type SimulationResult } from './federation.ts';
export { fixedData, noiseData, type SimulatedClientData } from './simulated-data.ts';
export { VirtualClock } from './virtual-clock.ts';
