import { sha256, signedBytes } from '@sotto/shared/crypto';
import { SottoError } from '@sotto/shared/errors';
import { toHex } from '@sotto/shared/vector';
import type { Cell, Row, RowSource } from './row-source.ts';

/** What a table began with when its row numbers were first relied on: so many rows, and the last link of their chained hash, hex. */
export type RowBeginning = { readonly rows: number; readonly hash: string };

/**
 * A source whose rows are known by their numbers: fails where these no longer mean the rows that they meant. A row taken out further
 * up would move all that follow to other parts, where their ε has been counted apart (soundness.md §3). Rows may be added at the end.
 *
 * @param known - the beginning that is on record; null the first time.
 * @param read - given the beginning to put on record, when all rows were read.
 */
export function numberedRows(
  source: RowSource,
  known: RowBeginning | null,
  read: (beginning: RowBeginning) => void,
): RowSource {
  const moved = (): SottoError =>
    new SottoError(
      'DATA_INVALID',
      `${source.name}: its first ${known?.rows ?? 0} rows are not what they were, and without a column that names the unit each row is ` +
        'known by its number: bring the rows and the columns back and add new rows at the end only, or name such a column in the schema',
    );
  return {
    name: source.name,
    async *rows(columns) {
      let hash = '';
      let rows = 0;
      for await (const row of source.rows(columns)) {
        hash = toHex(sha256(signedBytes('rows', hash, ...textsOf(row))));
        rows += 1;
        if (rows === known?.rows && hash !== known.hash) throw moved();
        yield row;
      }
      if (rows < (known?.rows ?? 0)) throw moved();
      read({ rows, hash });
    },
  };
}

function textsOf(row: Row): readonly (string | Uint8Array)[] {
  if ('broken' in row) return ['broken', row.broken];
  return row.flatMap((cell) => textsOfCell(cell));
}

function textsOfCell(cell: Cell): readonly (string | Uint8Array)[] {
  if (typeof cell !== 'object') return [`${typeof cell} ${cell}`];
  const { width, height, data } = cell;
  return [`${width} × ${height}`, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
}
