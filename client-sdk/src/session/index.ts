export { openClientBooks, type ClientBooks } from '../ledger/client-books.ts';
export {
  createMemoryLedger,
  type AttemptMark,
  type ClientLedgerStore,
  type LedgerRecord,
} from '../ledger/ledger-store.ts';
export { createClientDriver } from './create-driver.ts';
export { stepClient } from './machine.ts';
export {
  initialClientState,
  type ClientEffect,
  type ClientEvent,
  type ClientState,
  type ClientStep,
  type SessionStage,
  type SessionView,
} from './machine-state.ts';
export type {
  AskConsent,
  ClientDriver,
  ClientNotice,
  ClientPorts,
  ContributionTask,
  Contributor,
  DataPart,
  LocalData,
} from './ports.ts';
