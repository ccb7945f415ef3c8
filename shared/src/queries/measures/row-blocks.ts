import type { UnitBatch } from '../../model/index.ts';
import { createSeededRandom } from '../../random/index.ts';
import { toHex } from '../../vector/index.ts';

/** Some rows of a batch in float64, as judging takes them. */
export type RowBlock = {
  /** Their numbers in the batch. */
  readonly rows: readonly number[];
  /** Row-major [rows, features]. */
  readonly inputs: Float64Array;
  readonly targets: Float32Array;
};

/** Rows at once: bounds memory, changes no result. */
const blockRows = 256;

/**
 * The rows of a batch in blocks. Where not all are wanted, each is taken by a coin of its own: whether one takes part follows from
 * nobody else's being there, so what a unit adds stays its own, and a row that is left out adds nothing.
 *
 * @param sample - chance that a row is taken, in (0, 1].
 * @param seed - secret and fresh for each call.
 */
export function* rowBlocks(batch: UnitBatch, sample: number, seed: Uint8Array): Generator<RowBlock> {
  const random = createSeededRandom(`rows/${toHex(seed)}`);
  const word = new Uint32Array(1);
  let rows: number[] = [];
  for (let row = 0; row < batch.rows; row++) {
    random.words(word);
    if (word[0]! < sample * 2 ** 32) rows.push(row);
    if (rows.length === blockRows || (row === batch.rows - 1 && rows.length > 0)) {
      yield blockOf(batch, rows);
      rows = [];
    }
  }
}

function blockOf({ inputs, targets, features }: UnitBatch, rows: readonly number[]): RowBlock {
  const chosen = new Float64Array(rows.length * features);
  rows.forEach((row, index) => chosen.set(inputs.subarray(row * features, (row + 1) * features), index * features));
  return { rows, inputs: chosen, targets: Float32Array.from(rows, (row) => targets[row]!) };
}
