import { isSottoError, SottoError } from '@sotto/shared/errors';
import { createCsvCutter } from './csv-text.ts';
import { objectCells } from './object-rows.ts';
import { placesIn, type Row, type RowSource } from './row-source.ts';

/** A text file as it comes; opened anew each time the rows are read. */
export type TextFile = { readonly name: string; open(): AsyncIterable<Uint8Array> };

/** Longest line of a JSON lines file, in characters. */
const lineMaxLength = 4_194_304;

/** The rows of a CSV file with a header line, in UTF-8. */
export function csvRows(file: TextFile): RowSource {
  return {
    name: file.name,
    async *rows(columns) {
      let places: readonly number[] | null = null;
      let width = 0;
      for await (const record of csvRecords(file)) {
        if (places === null) {
          places = placesIn(record, columns);
          width = record.length;
        } else yield record.length === width ? places.map((place) => record[place]!) : wrongWidth;
      }
    },
  };
}

const wrongWidth: Row = { broken: 'a row has another number of cells than the header' };

/**
 * A CSV file's records, the header first.
 * @throws {DATA_INVALID} naming the line where it is no CSV; when it is empty.
 */
export async function* csvRecords(file: TextFile): AsyncGenerator<readonly string[]> {
  const cutter = createCsvCutter();
  let records = 0;
  for await (const piece of textOf(file)) {
    for (const record of naming(file, () => cutter.push(piece))) {
      records += 1;
      yield record;
    }
  }
  for (const record of naming(file, () => cutter.end())) {
    records += 1;
    yield record;
  }
  if (records === 0)
    throw new SottoError('DATA_INVALID', `${file.name}: the file is empty, a header line was expected`);
}

/** The rows of a JSON lines file: one object a line, in UTF-8. A key that a line lacks, or null, is a missing value. */
export function jsonLinesRows(file: TextFile): RowSource {
  return {
    name: file.name,
    async *rows(columns) {
      const cells = objectCells(columns);
      for await (const { text, line } of linesOf(file)) {
        let value: unknown;
        try {
          value = JSON.parse(text);
        } catch {
          // The parser's own message quotes the line.
          throw new SottoError(
            'DATA_INVALID',
            `${file.name}: line ${line} is not JSON; one object a line was expected`,
          );
        }
        yield cells.of(value, `line ${line}`);
      }
      cells.end();
    },
  };
}

async function* linesOf(file: TextFile): AsyncGenerator<{ readonly text: string; readonly line: number }> {
  let line = 1;
  let rest = '';
  for await (const piece of textOf(file)) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > lineMaxLength) {
      throw new SottoError(
        'DATA_INVALID',
        `${file.name}: line ${line + lines.length} has more than 4 million characters`,
      );
    }
    for (const text of lines) {
      if (text.trim() !== '') yield { text, line };
      line += 1;
    }
  }
  if (rest.trim() !== '') yield { text: rest, line };
}

/** @throws {DATA_INVALID} when the bytes are no UTF-8. */
async function* textOf(file: TextFile): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (bytes?: Uint8Array): string => {
    try {
      return decoder.decode(bytes, { stream: bytes !== undefined });
    } catch {
      throw new SottoError('DATA_INVALID', `${file.name}: the text is not in UTF-8; save it in this encoding`);
    }
  };
  for await (const bytes of file.open()) yield decode(bytes);
  yield decode();
}

/** Puts the file's name before what is wrong with it. */
function naming<T>(file: TextFile, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw isSottoError(error, 'DATA_INVALID')
      ? new SottoError('DATA_INVALID', `${file.name}: ${error.message}`, error.details)
      : error;
  }
}
