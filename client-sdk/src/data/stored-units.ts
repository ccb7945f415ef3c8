import { SottoError } from '@sotto/shared/errors';
import type { UnitBatch, UnitsOnNeed } from '@sotto/shared/model';
import type { DataPart } from '../session/ports.ts';
import { readFully } from './nameless-file.ts';
import { partAt, type SplitFractions } from './split.ts';

/**
 * Encoded units in a file: a row is a record of 32-bit words (unit, target, inputs), a unit's rows are adjacent, and units stand in the
 * order of their numbers. Plain values, so that another thread can be given it.
 */
export type StoredUnits = {
  /** Descriptor of a file without a name, to be closed by whoever has read the table. */
  readonly file: number;
  readonly units: number;
  readonly rows: number;
  readonly features: number;
  /** As in a `UnitBatch`, in memory that threads share. */
  readonly rowOffsets: Uint32Array;
  /** What may be read at once, in bytes. */
  readonly memoryBytes: number;
};

/** Words of a row's record before its inputs. */
export const wordsBefore = 2;

/** Bytes that are read at once, unless one record is larger. */
const blockBytes = 1_048_576;

/** Stored units and where each lies in [0, 1), by which any split is made; in memory that threads share. */
export type PlacedStoredUnits = { readonly stored: StoredUnits; readonly positions: Float64Array };

/** The units of a part, to be read on need; which they are is found once. */
export function storedUnitsByPart({
  stored,
  positions,
}: PlacedStoredUnits): (part: DataPart, split: SplitFractions) => UnitsOnNeed {
  const parts = new Map<string, Uint32Array>();
  const numbersOf = (part: DataPart, split: SplitFractions): Uint32Array => {
    const name = `${part} ${split.validation} ${split.test}`;
    const known = parts.get(name);
    if (known !== undefined) return known;
    const numbers = new Uint32Array(positions.length);
    let count = 0;
    positions.forEach((position, unit) => {
      if (partAt(position, split) === part) numbers[count++] = unit;
    });
    const some = numbers.slice(0, count);
    parts.set(name, some);
    return some;
  };
  return (part, split) => {
    const numbers = numbersOf(part, split);
    return {
      units: numbers.length,
      read: (chosen) =>
        readStoredUnits(
          stored,
          Uint32Array.from(chosen, (index) => numbers[index]!),
        ),
      readAll() {
        const bytes = rowsOf(stored, numbers) * (stored.features + 1) * Float32Array.BYTES_PER_ELEMENT;
        if (bytes <= stored.memoryBytes) return readStoredUnits(stored, numbers);
        throw new SottoError(
          'TRAINING_FAILED',
          `a plan whose unit is the client works on all rows of a part at once: these take ${bytes} bytes, --memory allows ${stored.memoryBytes}`,
        );
      },
    };
  };
}

/**
 * Some of the units, copied in the given order.
 * @throws {STORE_FAILED} when the file cannot be read.
 */
export function readStoredUnits(stored: StoredUnits, chosen: ArrayLike<number>): UnitBatch {
  const { features, rowOffsets } = stored;
  const rows = rowsOf(stored, chosen);
  const batch = {
    units: chosen.length,
    rowOffsets: new Uint32Array(chosen.length + 1),
    rows,
    inputs: new Float32Array(rows * features),
    features,
    targets: new Float32Array(rows),
  };
  const copy = rowCopier(stored, batch);
  let row = 0;
  for (let index = 0; index < chosen.length;) {
    // Units that stand one after the other in the file are read together.
    const first = chosen[index]!;
    let last = first;
    for (;;) {
      row += rowOffsets[last + 1]! - rowOffsets[last]!;
      batch.rowOffsets[++index] = row;
      if (index >= chosen.length || chosen[index] !== last + 1) break;
      last += 1;
    }
    copy(rowOffsets[first]!, rowOffsets[last + 1]!);
  }
  return batch;
}

/** Copies rows of the file, from one up to another, to where the batch ends so far. */
function rowCopier({ file, features }: StoredUnits, batch: UnitBatch): (from: number, to: number) => void {
  const words = features + wordsBefore;
  const rowsAtOnce = Math.max(1, Math.floor(blockBytes / (words * 4)));
  const block = new Float32Array(Math.min(rowsAtOnce, batch.rows) * words);
  let row = 0;
  return (from, to) => {
    for (let first = from; first < to; first += rowsAtOnce) {
      const count = Math.min(rowsAtOnce, to - first);
      readFully(file, new Uint8Array(block.buffer, 0, count * words * 4), first * words * 4);
      for (let record = 0; record < count; record++, row++) {
        const at = record * words;
        batch.targets[row] = block[at + 1]!;
        batch.inputs.set(block.subarray(at + wordsBefore, at + words), row * features);
      }
    }
  };
}

function rowsOf({ rowOffsets }: StoredUnits, chosen: ArrayLike<number>): number {
  let rows = 0;
  for (let index = 0; index < chosen.length; index++) {
    const unit = chosen[index]!;
    rows += rowOffsets[unit + 1]! - rowOffsets[unit]!;
  }
  return rows;
}
