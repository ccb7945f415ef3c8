export * from './messages.ts';
export { rosterHashOf, sessionIdOf } from './binding.ts';
export {
  cohortFault,
  cohortMaxClients,
  colludersTolerated,
  completeGraphMaxClients,
  dropsTolerated,
  thresholdFor,
} from './parameters.ts';
export type { Rejection, SumIdentity, SumPorts, SumRules } from './rules.ts';
export type { SumClientState } from './client-state.ts';
export { beginSession } from './client-advertise.ts';
export { onRoster } from './client-share.ts';
export { onInbox } from './client-confirm.ts';
export type { ClientNoise } from './noise-chain.ts';
export { disclosedNoise } from './disclosed-noise.ts';
export { maskVector } from './client-upload.ts';
export { onAgreeRequest, onUnmaskRequest } from './client-unmask.ts';
export {
  isUploadAwaited,
  awaitedClients,
  type RecoverJob,
  type SumEffect,
  type SumEvent,
  type SumStage,
  type SumState,
  type SumStep,
} from './coordinator-state.ts';
export { createSum, stepSum } from './coordinator.ts';
export { verifySumMessage } from './verify-message.ts';
export { addVector, recoverSum } from './recover.ts';
export { dealShares, drawFieldElement, recoverSecret, recoveryCoefficients } from './shamir.ts';
