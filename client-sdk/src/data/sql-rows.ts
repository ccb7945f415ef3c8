import { SottoError } from '@sotto/shared/errors';
import type { Client, CustomTypesConfig } from 'pg';
import { placesIn, type RowSource } from './row-source.ts';

/** Rows that are fetched at once: they are in memory twice for a moment. */
const rowsAtOnce = 1_000;

/** PostgreSQL's number for the type `boolean`. */
const booleanType = 16;

/** All values as the texts in which the server writes them, so that no number loses digits on the way. */
const types: CustomTypesConfig = {
  getTypeParser: (type: number) => (text: string) => (type === booleanType ? (text === 't' ? 'true' : 'false') : text),
} as CustomTypesConfig;

/** Whether an address names a PostgreSQL database. */
export function isPostgresAddress(address: string): boolean {
  return /^postgres(ql)?:\/\//i.test(address);
}

/**
 * The rows that a query gives, read through a cursor in a transaction that may only read and sees one state of the database.
 * A column's name is that of the query's result; NULL is a missing value.
 *
 * The password is not part of the address, where others see it in the list of processes: it comes from the environment
 * (PGPASSWORD) or the user's .pgpass file, and is in no message.
 *
 * @param query - one SELECT (or WITH, VALUES, TABLE); anything else is refused by the server.
 * @throws {INVALID_INPUT} when the address is none, or holds a password.
 * @throws {UNREACHABLE | FORBIDDEN | NOT_FOUND | STORE_FAILED | INVALID_INPUT} (when read) as the server refuses.
 * @throws {DATA_INVALID} (when read) when the query gives no rows, or lacks a column.
 */
export function sqlRows(address: string, query: string): RowSource {
  const name = shownAddress(address);
  return {
    name,
    async *rows(columns) {
      const client = await connect(address, name);
      try {
        const ask = <T>(work: Promise<T>): Promise<T> =>
          work.catch((error: unknown) => {
            throw refusal(name, error);
          });
        await ask(client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY'));
        // As the server writes numbers and times, whatever the role's own settings are.
        await ask(
          client.query("SET LOCAL extra_float_digits = 3; SET LOCAL datestyle = 'ISO'; SET LOCAL timezone = 'UTC'"),
        );
        // Prepared under a name: the protocol then takes one statement alone, so that nothing can end the transaction.
        await ask(client.query({ name: 'sotto_rows', text: `DECLARE sotto_rows NO SCROLL CURSOR FOR ${query}` }));
        let places: readonly number[] | null = null;
        for (;;) {
          const { rows, fields } = await ask(
            client.query<(string | null)[]>({
              text: `FETCH FORWARD ${rowsAtOnce} FROM sotto_rows`,
              rowMode: 'array',
              types,
            }),
          );
          if (places === null) {
            places = placesIn(
              fields.map(({ name: field }) => field),
              columns,
            );
            if (rows.length === 0) throw new SottoError('DATA_INVALID', 'the query gives no rows');
          }
          for (const row of rows) yield places.map((place) => (row[place] ?? '').trim());
          if (rows.length < rowsAtOnce) return;
        }
      } finally {
        // The transaction ends with the connection.
        await client.end().catch(() => undefined);
      }
    },
  };
}

/** The address without what is nobody's business. @throws {INVALID_INPUT} when it is none, or holds a password. */
function shownAddress(address: string): string {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    throw new SottoError('INVALID_INPUT', 'the address of the database: expected postgres://user@host:port/database');
  }
  if (url.password !== '' || url.searchParams.has('password')) {
    throw new SottoError(
      'INVALID_INPUT',
      'the address of the database holds a password, which others can see in the list of processes: ' +
        'take it out, and put it into the variable PGPASSWORD or the file .pgpass',
    );
  }
  return `postgres://${url.username === '' ? '' : `${url.username}@`}${url.host}${url.pathname}`;
}

async function connect(address: string, name: string): Promise<Client> {
  // Loaded here, since most nodes never need it.
  const { default: pg } = await import('pg');
  const client = new pg.Client({
    connectionString: address,
    application_name: 'sotto-node',
    connectionTimeoutMillis: 30_000,
  });
  // A connection that is lost fails the query that is under way.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw refusal(name, error);
  }
}

/** What the server or the line said. A data exception's own text may quote a value, so its code alone is told. */
function refusal(name: string, error: unknown): SottoError {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!/^[0-9A-Z]{5}$/.test(code)) {
    return /password/i.test(message)
      ? new SottoError(
          'FORBIDDEN',
          `${name}: asks for a password; put it into the variable PGPASSWORD or the file .pgpass`,
        )
      : new SottoError('UNREACHABLE', `${name}: ${code === '' ? message : code}`);
  }
  switch (code.slice(0, 2)) {
    case '28':
      return new SottoError('FORBIDDEN', `${name}: the server refuses user or password (${code})`);
    case '3D':
      return new SottoError('NOT_FOUND', `${name}: the server has no such database`);
    case '22':
      return new SottoError('DATA_INVALID', `${name}: the query cannot be computed for a value of the table (${code})`);
    case '25':
    case '42':
    case '34':
    case '0A':
      return code === '42501'
        ? new SottoError('FORBIDDEN', `${name}: ${message}`)
        : new SottoError('INVALID_INPUT', `${name}: the query is refused: ${message} (${code})`);
    default:
      return new SottoError('STORE_FAILED', `${name}: ${message} (${code})`);
  }
}
