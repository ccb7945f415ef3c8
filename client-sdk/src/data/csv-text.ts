import { SottoError } from '@sotto/shared/errors';

/** Longest record of a CSV text, in characters: an unclosed quote must not read the whole file into one cell. */
const recordMaxLength = 4_194_304;

/** Cuts a CSV text into records, as it comes. */
export type CsvCutter = {
  /** The records that are complete after this piece. @throws {DATA_INVALID} as {@link createCsvCutter}. */
  push(piece: string): readonly string[][];
  /** The last record, where the text does not end with a line's end. */
  end(): readonly string[][];
};

const [comma, quote, newline, carriage] = [44, 34, 10, 13];

/**
 * Reads CSV (RFC 4180): commas, double quotes, a quote within quotes doubled. Lines may end with LF, CR LF or CR, also mixed, as in
 * files that tools have joined; empty lines are no records; white space around a cell is no part of it.
 *
 * The own cutter rather than a package's, because the same one has to run in a page, and those that stream drag in a copy of Node's
 * streams there. A test holds it against another implementation.
 *
 * @throws {DATA_INVALID} naming the line, for a quote that is not closed, not at a cell's beginning, or followed by more than a comma.
 */
export function createCsvCutter(): CsvCutter {
  let record: string[] = [];
  // What is open of the cell, from pieces before; quoted cells are in `cell` as well, without their quotes.
  let cell = '';
  let state: 'cell' | 'quoted' | 'quoteSeen' | 'closed' = 'cell';
  let line = 1;
  // Characters in the record's cells that are complete.
  let length = 0;
  let begun = false;
  let carriageSeen = false;

  const fault = (what: string): SottoError => new SottoError('DATA_INVALID', `not a CSV file at line ${line}: ${what}`);

  const limit = (): void => {
    if (length + cell.length <= recordMaxLength) return;
    throw fault('a row has more than 4 million characters; is a quote left open?');
  };
  const endCell = (): void => {
    record.push(state === 'cell' ? cell.trim() : cell);
    limit();
    length += cell.length + 1;
    cell = '';
    state = 'cell';
  };
  const endRecord = (records: string[][]): void => {
    const empty = record.length === 0 && state === 'cell' && cell.trim() === '';
    if (!empty) {
      endCell();
      records.push(record);
    }
    record = [];
    cell = '';
    length = 0;
  };

  function push(piece: string): readonly string[][] {
    const records: string[][] = [];
    let at = 0;
    if (!begun && piece.length > 0) {
      begun = true;
      // A byte order mark.
      if (piece.charCodeAt(0) === 0xfeff) at = 1;
    }
    // Where the characters begin that are still to be added to the cell.
    let from = at;
    for (; at < piece.length; at++) {
      const code = piece.charCodeAt(at);
      if (carriageSeen) {
        carriageSeen = false;
        if (code === newline) {
          from = at + 1;
          continue;
        }
      }
      if (state === 'quoted') {
        if (code === quote) {
          cell += piece.slice(from, at);
          state = 'quoteSeen';
        } else if (code === newline) line += 1;
        continue;
      }
      if (state === 'quoteSeen') {
        if (code === quote) {
          // A doubled quote: the second one is the first character of what follows.
          from = at;
          state = 'quoted';
          continue;
        }
        state = 'closed';
        from = at;
      }
      switch (code) {
        case comma:
          if (state === 'cell') cell += piece.slice(from, at);
          endCell();
          from = at + 1;
          break;
        case newline:
        case carriage:
          if (state === 'cell') cell += piece.slice(from, at);
          endRecord(records);
          carriageSeen = code === carriage;
          line += 1;
          from = at + 1;
          break;
        case quote:
          if (state === 'closed' || (cell + piece.slice(from, at)).trim() !== '') {
            throw fault('a quote stands in the midst of a cell; put the whole cell in quotes and double the quote');
          }
          cell = '';
          from = at + 1;
          state = 'quoted';
          break;
        default:
          if (state === 'closed' && !isBlank(code)) throw fault('a quoted cell is followed by more than a comma');
      }
    }
    if (state === 'cell' || state === 'quoted') cell += piece.slice(from);
    limit();
    return records;
  }

  return {
    push,
    end() {
      if (state === 'quoted') throw fault('the text ends within quotes');
      const records: string[][] = [];
      endRecord(records);
      return records;
    },
  };
}

function isBlank(code: number): boolean {
  return String.fromCharCode(code).trim() === '';
}
