export { bandCoefficients, bandEvent, bandNormSteps } from './banded-toeplitz.ts';
export { mechanismEventSchema, type EventCount, type MechanismEvent } from './mechanism-event.ts';
export { gridStepsPerRms, queryNames, slotNames, type PartSpec, type QueryName, type SlotName } from './part-spec.ts';
export { gridFor, minNoiseStdSteps, noiseVarianceSteps } from './grid.ts';
export { encodeUnit } from './encode-unit.ts';
export { drawSample, type RandomnessOptions } from './sample.ts';
export { createNoiseSampler, type NoiseSampler } from './noise-sampler.ts';
export { layersKept, layerVariances, survivorLevels } from './noise-layers.ts';
export { epsilonOf, type Accountant, type StatedEpsilon } from './accountants/accountant.ts';
export { accountsOf, effectiveNoiseMultiplier, type AccountName } from './accountants/gaussian-event.ts';
export { epsilonOfCurve, rdpCurve, type RdpPoint } from './accountants/rdp-curve.ts';
export { calibrateNoiseMultiplier } from './accountants/calibrate.ts';
export {
  chargeKey,
  chargeLedger,
  ledgerEpsilon,
  ledgerEpsilonWith,
  openLedger,
  replayLedger,
  type ChargeResult,
  type Ledger,
  type LedgerCharge,
  type LedgerOpening,
} from './ledger.ts';
export { auditBound, auditPValue, type AuditBound, type AuditBoundInput, type AuditCounts } from './audit-bound.ts';
export { accountCase, type Answer, type CaseResult, type Unsupported } from './accountants/account-case.ts';
export {
  accountingCaseSchema,
  accountingEventSchema,
  type AccountingCase,
  type AccountingEvent,
  type AccountingQuery,
  type Neighboring,
} from './accountants/accounting-event.ts';
export { noiseSplit } from './accountants/noise-split.ts';
