export { noFaults, randomRates, type CrashPoint, type FaultRates } from './faults.ts';
export { simulate, type SimulationConfig, type SimulationResult } from './federation.ts';
export { lies, type LiarConfig, type Lie } from './lies.ts';
export { sharesByLabel, sharesIid, type Shares } from './partition.ts';
export { fixedData, noiseData, type SimulatedClientData } from './simulated-data.ts';
export { VirtualClock } from './virtual-clock.ts';
