export { createMemoryBlobs } from './memory-blobs.ts';
export { createMemoryStore } from './memory-store.ts';
export type {
  Blobs,
  ChargeRecord,
  CheckpointRecord,
  ClientRecord,
  ReleaseRecord,
  RunCommit,
  RunRecord,
  Store,
  TranscriptRecord,
} from './store.ts';
export { createFileBlobs } from './file-blobs.ts';
export { openPostgresStore } from './open-postgres.ts';
export { openSqliteStore } from './open-sqlite.ts';
