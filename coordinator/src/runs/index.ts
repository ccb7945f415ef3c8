export { createRunDriver } from './driver.ts';
export type { RunDriver, RunLog, RunPorts, RunProgress } from './ports.ts';
export { stepRun } from './machine.ts';
export { openFederationBooks } from './federation-books.ts';
export { createRunCards } from './run-cards.ts';
export { replayRun, type Replay } from './replay.ts';
export { runEventSchema, type RunEvent } from './run-events.ts';
export type { RunEffect, RunInput, RunState, RunStep } from './run-state.ts';
export { transcriptEntrySchema, type TranscriptEntry } from './transcript.ts';
