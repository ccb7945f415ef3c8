import { SottoError } from '../errors/index.ts';

/**
 * Rows of some privacy units, encoded for the model. Rows of one unit are adjacent: unit `u` owns the rows
 * `rowOffsets[u]` up to, not including, `rowOffsets[u + 1]`.
 */
export type UnitBatch = {
  readonly units: number;
  /** Length units + 1, first 0, last `rows`. */
  readonly rowOffsets: Uint32Array;
  readonly rows: number;
  /** Row-major [rows, features]. */
  readonly inputs: Float32Array;
  readonly features: number;
  /** Per row: 0 or 1 for a binary target, the class index, or the scaled value. */
  readonly targets: Float32Array;
};

/** Units that lie elsewhere and are read once they are drawn: of a table that memory does not hold. */
export type UnitsOnNeed = {
  readonly units: number;
  /** The chosen units in the given order, bit for bit what `selectUnits` gives of all of them in memory. */
  read(chosen: readonly number[]): UnitBatch | Promise<UnitBatch>;
  /** All units, for what needs them at once. @throws {TRAINING_FAILED} when there is no memory for them. */
  readAll(): UnitBatch | Promise<UnitBatch>;
};

/** Several sets of units as one, in order; one alone as it is. There is at least one. */
export function joinUnits(sets: readonly (UnitBatch | UnitsOnNeed)[]): UnitBatch | UnitsOnNeed {
  const [first] = sets;
  if (first === undefined) throw new SottoError('INTERNAL', 'units: expected at least one set, got none');
  if (sets.length === 1) return first;
  const read = async (set: UnitBatch | UnitsOnNeed, chosen: readonly number[]): Promise<UnitBatch> =>
    'read' in set ? set.read(chosen) : selectUnits(set, chosen);
  return {
    units: sets.reduce((sum, { units }) => sum + units, 0),
    async read(chosen) {
      const batches: UnitBatch[] = [];
      // Chosen units of one set that follow one another are read together, so that their order stays.
      for (let from = 0; from < chosen.length;) {
        const { set, before } = setOf(sets, chosen[from]!);
        const own: number[] = [];
        for (; from < chosen.length && chosen[from]! >= before && chosen[from]! < before + set.units; from++) {
          own.push(chosen[from]! - before);
        }
        batches.push(await read(set, own));
      }
      return concatenated(batches.length > 0 ? batches : [await read(first, [])]);
    },
    async readAll() {
      const batches: UnitBatch[] = [];
      for (const set of sets) batches.push('read' in set ? await set.readAll() : set);
      return concatenated(batches);
    },
  };
}

/** The set that holds a unit, and how many units come before it. */
function setOf(sets: readonly (UnitBatch | UnitsOnNeed)[], unit: number) {
  let before = 0;
  for (const set of sets) {
    if (unit < before + set.units) return { set, before };
    before += set.units;
  }
  throw new SottoError('INTERNAL', `units: there are ${before}, number ${unit} was asked for`);
}

/** Batches one after the other; at least one. */
function concatenated(batches: readonly UnitBatch[]): UnitBatch {
  const features = batches[0]!.features;
  const units = batches.reduce((sum, batch) => sum + batch.units, 0);
  const rows = batches.reduce((sum, batch) => sum + batch.rows, 0);
  const rowOffsets = new Uint32Array(units + 1);
  const inputs = new Float32Array(rows * features);
  const targets = new Float32Array(rows);
  let [unit, row] = [0, 0];
  for (const batch of batches) {
    inputs.set(batch.inputs, row * features);
    targets.set(batch.targets, row);
    for (let own = 0; own < batch.units; own++) rowOffsets[++unit] = row + batch.rowOffsets[own + 1]!;
    row += batch.rows;
  }
  return { units, rowOffsets, rows, inputs, features, targets };
}

/** Some of a batch's units, copied in the given order. */
export function selectUnits(batch: UnitBatch, chosen: readonly number[]): UnitBatch {
  let rows = 0;
  for (const unit of chosen) rows += batch.rowOffsets[unit + 1]! - batch.rowOffsets[unit]!;
  const rowOffsets = new Uint32Array(chosen.length + 1);
  const inputs = new Float32Array(rows * batch.features);
  const targets = new Float32Array(rows);
  let row = 0;
  chosen.forEach((unit, index) => {
    const first = batch.rowOffsets[unit]!;
    const last = batch.rowOffsets[unit + 1]!;
    inputs.set(batch.inputs.subarray(first * batch.features, last * batch.features), row * batch.features);
    targets.set(batch.targets.subarray(first, last), row);
    row += last - first;
    rowOffsets[index + 1] = row;
  });
  return { units: chosen.length, rowOffsets, rows, inputs, features: batch.features, targets };
}
