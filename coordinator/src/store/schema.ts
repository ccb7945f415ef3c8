/** Tables of the coordinator's store, the same in SQLite and PostgreSQL. Times are milliseconds since the epoch. */
export type StoreSchema = {
  schema_version: { version: number };
  clients: {
    client: string;
    name: string;
    voucher_key: string;
    certificate: string;
    enrolled_at: number;
  };
  revocation_lists: { number: number; list: string };
  runs: {
    run_id: string;
    plan_hash: string;
    name: string;
    signed_plan_blob: string;
    submitted_at: number;
  };
  run_events: { run_id: string; sequence: number; event: string };
  charges: {
    plan_hash: string;
    run_id: string;
    round: number;
    slot: string;
    attempt: number;
    event: string | null;
    charged_at: number;
  };
  transcript: { run_id: string; sequence: number; hash: string; entry: string };
  releases: { run_id: string; round: number; attempt: number; sum_blob: string; model_blob: string };
  checkpoints: { run_id: string; round: number; state_blob: string; model_blob: string };
};
