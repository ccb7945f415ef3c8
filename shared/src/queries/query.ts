import type { InputColumn, LocalModel, Loss, Topology, UnitBatch } from '../model/index.ts';
import type { QueryName, SlotName } from '../privacy/index.ts';
import type { Segment } from '../vector/index.ts';
import type { ClipBit } from './adaptive-clip.ts';
import type { RowWeights } from './row-weights.ts';
import type { TrainingQuery } from './training-query-schema.ts';

/** Settings of a measure: its own file says what else there is. */
export type MeasureSettings = {
  readonly kind: string;
  /** What it costs beside the others in its list: shares are divided by their sum. */
  readonly share: number;
};

/** A number target as the plan has it: scaled = (raw - centre) / scale. */
export type TargetRange = {
  readonly min: number;
  readonly max: number;
  readonly centre: number;
  readonly scale: number;
};

/** What a plan says of clients that train nothing, so that how the model does elsewhere can be told from how it does at home. */
export type HeldOut = {
  /** Whether this device's client is one of them. */
  readonly self: boolean;
  /** The slots that read such a client's training part beside their own: nothing else does. */
  readonly readTraining: readonly SlotName[];
};

/** What queries know of a plan (`plan/query-context.ts` makes it), so that this folder can be read by itself. */
export type QueryContext = {
  readonly topology: Topology;
  /** Width of the model's input and output. */
  readonly inputs: number;
  readonly outputs: number;
  readonly target: 'binary' | 'classes' | 'number';
  readonly loss: Loss;
  readonly unit: 'record' | 'client';
  readonly training: TrainingQuery;
  /** What rows weigh in training, where they do not weigh the same. */
  readonly weights?: RowWeights | undefined;
  readonly evaluation: { readonly detail: 'accuracy' | 'confusion'; readonly lossMax: number } | null;
  /** The plan's constant number of new updates in a sum, where not every survivor makes one; null: each does. */
  readonly expectedUpdates: number | null;
  /** How update and clip bit share a vector; null where the bound on a delta is the plan's constant. */
  readonly clipBit: ClipBit | null;
  /** The inputs by column, with their public ranges. */
  readonly columns: readonly InputColumn[];
  /** Texts of the target, in the order of its classes (of a binary one [negative, positive]); empty for a number. */
  readonly classes: readonly string[];
  /** Of a number: its public range, raw, and what it is scaled by; null elsewhere. */
  readonly targetRange: TargetRange | null;
  /** What each slot of measures is asked for: about the data before the first round, and about the final model on two parts. */
  readonly measures: {
    readonly survey: readonly MeasureSettings[];
    readonly trainReport: readonly MeasureSettings[];
    readonly report: readonly MeasureSettings[];
  };
  /** Noisy number of units below which a group's figures are withheld. */
  readonly minimumUnits: number;
  /** The same of the survey, where it is another. */
  readonly surveyMinimumUnits?: number;
  /** Clients on the roster, and which of them this device is: null where nobody's (the coordinator's). */
  readonly clients: number;
  readonly clientIndex: number | null;
  /** Absent where every client trains. */
  readonly heldOut?: HeldOut;
};

/** What a query works with on the device: the units of its part (after the coin), the model with the round's weights set. */
export type ContributeInput = {
  readonly context: QueryContext;
  readonly batch: UnitBatch;
  readonly model: LocalModel;
  /** The published weights of the round, float32 [d]. */
  readonly weights: Float32Array;
  /** C, the round's public bound on a delta, where it follows the deltas' norms; null elsewhere. */
  readonly clipNormL2: number | null;
  /** 32 bytes for local shuffling and dropout; fresh from the device's CSPRNG for each call. */
  readonly seed: Uint8Array;
};

/**
 * The only way to ask a device for something: what vector a unit contributes and how large it may be. One file a query.
 * `contribute` hands over one real vector per privacy unit (at unit = client: exactly one, for the client); clipping, rounding,
 * noise and masking are not its business, so that it cannot get them wrong.
 */
export type Query = {
  readonly name: QueryName;
  /** Privacy units for which the query is sound (soundness.md §4). */
  readonly units: readonly ('record' | 'client')[];
  readonly layout: (context: QueryContext) => readonly Segment[];
  /** C: the L2 bound that each unit's vector is clipped to. */
  readonly clipNormL2: (context: QueryContext) => number;
  /** Calls `emit` once per unit with its vector, float64 [d]; the buffer is the query's and may be reused after `emit` returns. */
  readonly contribute: (input: ContributeInput, emit: (vector: Float64Array) => void) => Promise<void>;
};
