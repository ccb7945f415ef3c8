import { z } from 'zod';
import { epsilonFields } from '../plan/index.ts';
import { mechanismEventSchema, slotNames } from '../privacy/index.ts';

/**
 * The privacy card, version 1: what a plan promises to one unit, and of a run also what was done. Complete in itself: with
 * `mechanisms` anyone recomputes each `guarantees[].epsilon` (examples/verify-card does). Append-only: a changed meaning is
 * a new version.
 */

const slot = z.enum(slotNames);
const sentence = z.string().min(1).max(4_000);
const count = z.int().min(0);
const epsilon = z.number().min(0);

/** ε that is left where some clients have pooled what they know, for each guarantee in its order. */
const leftSchema = z.strictObject({
  /** Clients that pool what they know with the coordinator. */
  colluding: count,
  /** When only the fewest survivors contributed. */
  atFewest: z.array(epsilon),
  /** When every client of the roster contributed. */
  atAll: z.array(epsilon),
});

export const guaranteeSchema = z.strictObject({
  /** The plan's field that states it. */
  field: z.enum(epsilonFields),
  /** Units of which part it is about; `client`: a client with all that it has. */
  account: z.enum(['train', 'validation', 'test', 'client']),
  slots: z.array(slot).min(1),
  /** Stated: holds for all releases of `mechanisms` together, at their ceilings and at the floor of the noise. */
  epsilon: z.number().positive(),
  delta: z.number().gt(0).lt(1),
  /** What the accountant gives; at most `epsilon`. */
  accounted: epsilon,
  /** Which bound, with its version. */
  accountant: z.string().min(1),
  /** How it discretises. */
  interval: sentence,
  /** What is done about its numerical error. */
  error: sentence,
  /** A second bound by Rényi DP alone. */
  rdpEpsilon: epsilon,
  /** Rényi DP of all releases together, upper bounds, for conversion to another δ. */
  rdp: z.array(z.strictObject({ order: z.number().gt(1), rdp: z.number().min(0) })).min(1),
  /** Units that the plan reckons with; null where it says nothing about them. */
  units: z.number().positive().nullable(),
  /** What there is to say about δ beside the number of units; null where it is well below 1 / units. */
  deltaWarning: sentence.nullable(),
  /** Releases that one unit can be in at most, spare attempts included. */
  participationsMost: count,
  /** Those that were charged so far, of failed sessions too; null for a plan that has not run. */
  participationsDone: count.nullable(),
});

export const cardMechanismSchema = z.strictObject({
  slot,
  /** What a release costs one unit at most, at the floor of the noise; null without differential privacy. */
  event: mechanismEventSchema.nullable(),
  /**
   * All that one unit can be charged, for the accountants: `atMost` times `event`, or less where not every release costs every
   * unit the same. Empty without differential privacy.
   */
  charges: z.array(z.strictObject({ event: mechanismEventSchema, atMost: count })),
  /** Where clients take turns: each sends an update in so many rounds in a row, a new one every `period` rounds; else null. */
  turns: z.strictObject({ bands: z.int().positive(), period: z.int().positive() }).nullable(),
  /** Releases when no session fails. */
  planned: count,
  /** Sessions that may be repeated; each counts for every slot. */
  spare: count,
  /** planned + spare: what each stated ε covers. */
  atMost: count,
  /** Sessions whose upload was charged; null for a plan that has not run. */
  charged: count.nullable(),
  /** Sums that were released; null for a plan that has not run. */
  released: count.nullable(),
  /** C: L2 bound on one unit's vector. */
  clipNormL2: z.number().positive(),
  /** How the bound comes about. */
  clip: z.enum(['fixed', 'adaptive']),
  /** Share of the units that a release reads. */
  samplingRate: z.number().gt(0).max(1),
  /** What the accountant takes for granted. */
  samplingAssumed: z.enum(['none', 'poisson']),
  /** What is done. */
  samplingDone: z.enum(['everyUnit', 'secretCoinOfEachClient', 'turnsInPublicOrder']),
});

export const auditSchema = z.strictObject({
  method: sentence,
  /** Lower bound on ε that the attack showed. */
  epsilonLow: epsilon,
  confidence: z.number().gt(0).lt(1),
  canaries: z.int().positive(),
  guesses: z.int().positive(),
  correct: count,
});
export type CardAudit = z.infer<typeof auditSchema>;

export const privacyCardSchema = z.strictObject({
  kind: z.literal('sotto-privacy-card'),
  version: z.literal(1),
  plan: z.strictObject({
    name: z.string(),
    purpose: z.string(),
    /** SHA-256 of the plan's canonical JSON. */
    hash: z.string().regex(/^[0-9a-f]{64}$/),
    /** Ed25519 public key of the authority that has to sign it. */
    authority: z.string().regex(/^[0-9a-f]{64}$/),
  }),
  /** Null: the card of a plan before anything has run. */
  run: z
    .strictObject({
      runId: z.string(),
      state: z.enum(['open', 'finished', 'stopped', 'failed']),
      /** Training rounds that were released. */
      roundsRun: count,
      roundsPlanned: count,
      /** SHA-256 of the model's weights that this card is about. */
      modelHash: z.string().regex(/^[0-9a-f]{64}$/),
    })
    .nullable(),
  privacy: z.enum(['dp', 'none']),
  unit: z.strictObject({
    kind: z.enum(['record', 'client']),
    /** The column that names the unit; null: each row is one, or the client is. */
    idColumn: z.string().nullable(),
    /** Clipped vectors of one unit in one release. */
    contributionCap: z.literal(1),
    meaning: sentence,
  }),
  adjacency: z.strictObject({ kind: z.literal('addOrRemove'), meaning: sentence }),
  guarantees: z.array(guaranteeSchema),
  mechanisms: z.array(cardMechanismSchema).min(1),
  collusion: z.strictObject({
    /** Colluding clients that each stated ε allows for. */
    assumed: count,
    /** Most that the secure sum bears; null where nothing is shared out. */
    most: count.nullable(),
    left: z.array(leftSchema),
    meaning: sentence,
  }),
  trust: z.strictObject({
    mode: z.enum(['secure', 'grouped', 'local', 'trusted']),
    meaning: sentence,
    contributions: sentence,
    sums: sentence,
    model: sentence,
    metrics: sentence,
    cohort: sentence,
  }),
  keys: z.strictObject({
    held: z.enum(['eachOwner', 'onePerson', 'unstated']),
    meaning: sentence,
    /** Clients that a pool voucher admitted; null before certificates are known. */
    poolClients: count.nullable(),
    pool: sentence,
  }),
  noise: z.strictObject({
    addedBy: z.enum(['clients', 'eachClientAlone', 'coordinator', 'nobody']),
    clients: z.int().positive(),
    /** A sum over fewer is not opened. */
    minSurvivors: z.int().positive(),
    /** Fewest contributions of any release so far; null before the first. */
    fewestSurvivors: z.int().positive().nullable(),
    /** Variance of the least noise that a release carried and colluders do not know, as a share of the floor's; never below 1. */
    shareReceived: z.number().min(1).nullable(),
    meaning: sentence,
  }),
  randomness: z.strictObject({
    source: sentence,
    distribution: z.enum(['discreteGaussian', 'none']),
    meaning: sentence,
  }),
  released: z.strictObject({ what: z.enum(['everySumAndModel']), meaning: sentence }),
  /** What no ε on this card covers. */
  outside: z.array(sentence).min(1),
  hyperparameters: z.enum(['notTuned', 'publicData', 'otherData', 'sameDataUnpaid', 'unstated']),
  /** The plan author's own words. */
  note: z.string().nullable(),
  /** The attack's lower bound beside the accountant's upper bound; null: none was made. */
  audit: auditSchema.nullable(),
  /** On what every guarantee rests. */
  assumptions: z.array(sentence).min(1),
});
export type PrivacyCard = z.infer<typeof privacyCardSchema>;
export type Guarantee = z.infer<typeof guaranteeSchema>;
