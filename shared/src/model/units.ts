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
