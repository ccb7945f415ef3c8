import { closeSync } from 'node:fs';
import { SottoError } from '@sotto/shared/errors';
import type { UnitBatch } from '@sotto/shared/model';
import { openNamelessFile, readFully, writeFully } from './nameless-file.ts';
import { rowsInMemory, type RowStore } from './row-store.ts';
import { wordsBefore, type StoredUnits } from './stored-units.ts';

/** How much memory the rows of a table may take. */
export type RowLimit = {
  /** At most this much, in bytes; ids and counts of units come on top (about 120 bytes a unit). */
  readonly memoryBytes: number;
  /** Where larger tables lie, in files without names; null where they are refused. */
  readonly folder: string | null;
};

/** A row in memory is there up to four times while a table is read, grouped and handed over. */
const copies = 4;

/** Groups of units into which a table is divided at most, each with a file of its own for a while. */
const groupsMax = 256;

const blockBytes = 1_048_576;

/**
 * Rows in memory as long as the limit allows, and then in a file. What is read of either is the same, bit for bit.
 *
 * In a file rows lie as they come. If the units' rows are not adjacent then, they are brought together in two passes: each row goes to
 * the file of its group (consecutive units whose rows fit in memory), and each group is put in order and written back.
 *
 * @throws {DISK_FULL | STORE_FAILED} (when used) for want of room.
 * @throws {DATA_INVALID} (when used) when there are more rows than memory allows, and no folder for them.
 */
export function rowsWithin(limit: RowLimit): (features: number) => RowStore<UnitBatch | StoredUnits> {
  return (features) => {
    const inMemory = rowsInMemory(features);
    const rowsMax = Math.floor(limit.memoryBytes / copies / (features * 4 + 20));
    let stored: RowStore<StoredUnits> | null = null;
    return {
      room: () => (stored ?? inMemory).room(),
      keep(row) {
        (stored ?? inMemory).keep(row);
        if (stored !== null || inMemory.rows() <= rowsMax) return;
        stored = rowsInFile(features, limit);
        inMemory.moveTo(stored);
      },
      finish: (units) => (stored ?? inMemory).finish(units),
      discard: () => stored?.discard(),
    };
  };
}

function rowsInFile(features: number, { memoryBytes, folder }: RowLimit): RowStore<StoredUnits> {
  if (folder === null) {
    throw new SottoError(
      'DATA_INVALID',
      'has more rows than --memory allows; rows that are held back are scored in memory',
    );
  }
  const words = features + wordsBefore;
  const file = openNamelessFile(folder);
  const out = recordWriter(file, words, blockBytes, folder);
  let rowsOfUnit = new Uint32Array(1_024);
  let rows = 0;
  let lastUnit = 0;
  let adjacent = true;
  return {
    room: () => ({ inputs: out.block, offset: out.at() + wordsBefore }),
    keep({ unit, target }) {
      if (unit >= rowsOfUnit.length) {
        const larger = new Uint32Array(Math.max(rowsOfUnit.length * 2, unit + 1));
        larger.set(rowsOfUnit);
        rowsOfUnit = larger;
      }
      rowsOfUnit[unit]! += 1;
      rows += 1;
      if (unit < lastUnit) adjacent = false;
      lastUnit = unit;
      out.units[out.at()] = unit;
      out.block[out.at() + 1] = target;
      out.next();
    },
    finish(units) {
      out.flush();
      const rowOffsets = new Uint32Array(new SharedArrayBuffer((units + 1) * 4));
      for (let unit = 0; unit < units; unit++) rowOffsets[unit + 1] = rowOffsets[unit]! + rowsOfUnit[unit]!;
      if (!adjacent) bringTogether(file, { words, rowOffsets, memoryBytes, folder });
      return { file, units, rows, features, rowOffsets, memoryBytes };
    },
    discard: () => closeSync(file),
  };
}

/** Records that are collected and written a block at a time, one after the other. */
function recordWriter(file: number, words: number, bytes: number, folder: string) {
  const recordsAtOnce = Math.max(1, Math.floor(bytes / (words * 4)));
  const block = new Float32Array(recordsAtOnce * words);
  let at = 0;
  let position = 0;
  const flush = (): void => {
    const written = new Uint8Array(block.buffer, 0, at * 4);
    writeFully(file, written, position, folder);
    position += written.length;
    at = 0;
  };
  return {
    block,
    units: new Uint32Array(block.buffer),
    /** Word of the block at which the next record begins. */
    at: () => at,
    next(): void {
      at += words;
      if (at === block.length) flush();
    },
    flush,
    bytes: () => position,
  };
}

type Grouping = {
  readonly words: number;
  readonly rowOffsets: Uint32Array;
  readonly memoryBytes: number;
  readonly folder: string;
};

/** Puts the records of a file in the order of their units, those of one unit in the order in which they stand. */
function bringTogether(file: number, grouping: Grouping): void {
  const { words, rowOffsets, memoryBytes, folder } = grouping;
  const rows = rowOffsets.at(-1)!;
  // Half of the memory for a group twice (as it came, and in order), or for all groups' blocks.
  const groupBytes = Math.max(memoryBytes / 4, (rows * words * 4) / (groupsMax - 1));
  const groupOf = new Uint16Array(rowOffsets.length - 1);
  const firstUnits: number[] = [0];
  for (let unit = 0; unit < groupOf.length; unit++) {
    const first = firstUnits.at(-1)!;
    const tooLarge = (rowOffsets[unit + 1]! - rowOffsets[first]!) * words * 4 > groupBytes;
    if (tooLarge && unit > first && firstUnits.length < groupsMax) firstUnits.push(unit);
    groupOf[unit] = firstUnits.length - 1;
  }
  const writerBytes = Math.min(blockBytes, memoryBytes / 4 / firstUnits.length);
  const files: number[] = [];
  try {
    const groups = firstUnits.map(() => {
      const groupFile = openNamelessFile(folder);
      files.push(groupFile);
      return recordWriter(groupFile, words, writerBytes, folder);
    });
    forEachRecord(file, rows, words, (record, unit) => {
      const group = groups[groupOf[unit]!]!;
      group.block.set(record, group.at());
      group.next();
    });
    for (const [index, group] of groups.entries()) {
      group.flush();
      const first = firstUnits[index]!;
      writeInOrder(file, files[index]!, group.bytes(), first, grouping);
      closeSync(files[index]!);
      files[index] = -1;
    }
  } finally {
    for (const open of files) if (open >= 0) closeSync(open);
  }
}

/** Orders one group's records and writes them to where the group belongs. */
function writeInOrder(file: number, groupFile: number, bytes: number, firstUnit: number, grouping: Grouping): void {
  const { words, rowOffsets, folder } = grouping;
  const came = new Float32Array(bytes / 4);
  readFully(groupFile, new Uint8Array(came.buffer), 0);
  const units = new Uint32Array(came.buffer);
  const ordered = new Float32Array(came.length);
  const firstRow = rowOffsets[firstUnit]!;
  const next = new Map<number, number>();
  for (let at = 0; at < came.length; at += words) {
    const unit = units[at]!;
    const row = next.get(unit) ?? rowOffsets[unit]! - firstRow;
    next.set(unit, row + 1);
    ordered.set(came.subarray(at, at + words), row * words);
  }
  writeFully(file, new Uint8Array(ordered.buffer), firstRow * words * 4, folder);
}

/** @param visit - called with a view of each record, and its unit. */
function forEachRecord(
  file: number,
  rows: number,
  words: number,
  visit: (record: Float32Array, unit: number) => void,
): void {
  const recordsAtOnce = Math.max(1, Math.floor(blockBytes / (words * 4)));
  const block = new Float32Array(recordsAtOnce * words);
  const units = new Uint32Array(block.buffer);
  for (let first = 0; first < rows; first += recordsAtOnce) {
    const count = Math.min(recordsAtOnce, rows - first);
    readFully(file, new Uint8Array(block.buffer, 0, count * words * 4), first * words * 4);
    for (let record = 0; record < count; record++) {
      visit(block.subarray(record * words, (record + 1) * words), units[record * words]!);
    }
  }
}
