import { z } from 'zod';
import { queryNames } from '../privacy/index.ts';
import { cohortMaxClients, suiteSchema } from '../secure-sum/index.ts';
import { parseStrictly } from './parse-strictly.ts';

/**
 * What the owner of some data allows. It stays with the client; of a refusal the coordinator learns the line and the plan's own
 * value. Every line has a careful default, so that `{ "version": 1 }` is a policy.
 */
export const policySchema = z.strictObject({
  version: z.literal(1),
  /** Largest ε of one plan for one unit: training, evaluation and report each (at unit = client: together). */
  maxEpsilon: z.number().positive().default(3),
  /** Largest δ of one plan. */
  maxDelta: z.number().gt(0).lt(1).default(1e-5),
  /** What all plans together may spend of one data source; kept by the ledger, which refuses the upload that would pass it. */
  budget: z
    .strictObject({
      epsilon: z.number().positive().default(10),
      delta: z.number().gt(0).lt(1).default(1e-5),
    })
    .prefault({}),
  /**
   * Who may see the contributions: `secure` and `grouped` nobody, where the coordinator sees the sums of the cohort or of groups of it;
   * `local` the coordinator, each with all its noise; `trusted` the coordinator.
   */
  trust: z.array(z.enum(['secure', 'grouped', 'local', 'trusted'])).default(['secure']),
  /** How a session's keys may be exchanged. The one without ML-KEM falls to a quantum computer that reads recorded traffic. */
  suites: z.array(suiteSchema).default(['x25519+mlkem768']),
  /** What may be asked, by the names of the queries. */
  queries: z.array(z.enum(queryNames)).default([...queryNames]),
  units: z.array(z.enum(['record', 'client'])).default(['record', 'client']),
  /** Fewest contributions that a sum with this client's may be opened over. */
  minSurvivors: z.int().min(1).max(cohortMaxClients).default(3),
  /** Fewest other clients that the plan must assume to collude with the coordinator. */
  minColluding: z
    .int()
    .min(0)
    .max(cohortMaxClients - 1)
    .default(1),
  /** Whether a plan may train without differential privacy. */
  allowPrivacyNone: z.boolean().default(false),
  /** Most sessions that a plan may hold, spare attempts included. */
  maxSessions: z.int().min(1).default(1_000),
  /** Largest number of model parameters. */
  maxParameters: z.int().min(1).default(10_000_000),
  /** Columns that a plan may read, unit id and target among them; null: any that the data have. */
  columns: z.array(z.string()).nullable().default(null),
  /** The one data schema that a plan may use, by the hash that `sotto plan check` prints; null: any. */
  schemaHash: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits')
    .nullable()
    .default(null),
  /** Whether the coordinator is told what computes here: the engine, its trial on made-up rows, and the machine's memory. */
  tellDevice: z.boolean().default(false),
});
export type Policy = z.infer<typeof policySchema>;

/** A policy as people write it: every field but the version may be absent. */
export type PolicyInput = z.input<typeof policySchema>;

/**
 * A policy from JSON of unknown form, strictly.
 * @throws {INVALID_INPUT} naming the path, what is expected and what is there.
 */
export function parsePolicy(value: unknown): Policy {
  return parseStrictly(policySchema, value, 'policy', 'INVALID_INPUT');
}
