import { SottoError } from '@sotto/shared/errors';
import type { RevocationList } from '@sotto/shared/protocol';
import type {
  ChargeRecord,
  CheckpointRecord,
  ClientRecord,
  ReleaseRecord,
  RunCommit,
  RunRecord,
  Store,
  TranscriptRecord,
} from './store.ts';

type MemoryRun = {
  readonly record: RunRecord;
  readonly events: string[];
  readonly charges: ChargeRecord[];
  readonly transcript: TranscriptRecord[];
  readonly releases: ReleaseRecord[];
  checkpoint: CheckpointRecord | null;
};

/** A store in memory: for simulation and tests. What it holds survives a coordinator that is "killed" and made anew on it. */
export function createMemoryStore(): Store {
  const clients = new Map<string, ClientRecord>();
  const runs = new Map<string, MemoryRun>();
  const chargeKeys = new Set<string>();
  let revocations: RevocationList | null = null;

  function commit({ runId, sequence, event, ...parts }: RunCommit): void {
    const known = runs.get(runId);
    if (parts.run !== undefined && known !== undefined) throw conflict(`run ${runId} exists already`);
    const run = known ?? (parts.run && emptyRun(parts.run));
    if (run === undefined) throw conflict(`there is no run ${runId}`);
    if (sequence !== run.events.length) {
      throw conflict(`run ${runId}: event ${sequence} was to follow ${run.events.length - 1}`);
    }
    const keys = (parts.charges ?? []).map((c) => `${c.planHash}/${c.runId}/${c.round}/${c.slot}/${c.attempt}`);
    const taken = keys.find((key) => chargeKeys.has(key));
    if (taken !== undefined) throw conflict(`charge ${taken} exists already`);
    if (parts.transcript && parts.transcript.sequence !== run.transcript.length) {
      throw conflict(`run ${runId}: transcript entry ${parts.transcript.sequence} is out of order`);
    }
    runs.set(runId, run);
    run.events.push(event);
    for (const key of keys) chargeKeys.add(key);
    run.charges.push(...(parts.charges ?? []));
    if (parts.transcript) run.transcript.push(parts.transcript);
    if (parts.release) run.releases.push(parts.release);
    if (parts.checkpoint) run.checkpoint = parts.checkpoint;
  }

  return {
    async enrol(record, quota) {
      if (clients.has(record.client)) return 'known';
      const { voucherKey } = record.certificate.voucher;
      const used = [...clients.values()].filter((c) => c.certificate.voucher.voucherKey === voucherKey).length;
      if (used >= quota) return 'quotaUsed';
      clients.set(record.client, record);
      return 'enrolled';
    },
    async clients() {
      return [...clients.values()].toSorted((a, b) => (a.client < b.client ? -1 : 1));
    },
    async client(client) {
      return clients.get(client) ?? null;
    },
    async setRevocations(list) {
      if (revocations !== null && list.number <= revocations.number) return false;
      revocations = list;
      return true;
    },
    async revocations() {
      return revocations;
    },
    async commit(what) {
      commit(what);
    },
    async runs() {
      return [...runs.values()].map((run) => run.record);
    },
    async run(runId) {
      return runs.get(runId)?.record ?? null;
    },
    async events(runId, from = 0) {
      return (runs.get(runId)?.events ?? []).slice(from);
    },
    async charges(runId) {
      return [...(runs.get(runId)?.charges ?? [])];
    },
    async transcript(runId) {
      return [...(runs.get(runId)?.transcript ?? [])];
    },
    async releases(runId) {
      return [...(runs.get(runId)?.releases ?? [])];
    },
    async checkpoint(runId) {
      return runs.get(runId)?.checkpoint ?? null;
    },
    async close() {},
  };
}

function emptyRun(record: RunRecord): MemoryRun {
  return { record, events: [], charges: [], transcript: [], releases: [], checkpoint: null };
}

function conflict(message: string): SottoError {
  return new SottoError('CONFLICT', message);
}
