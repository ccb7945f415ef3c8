import { SottoError } from '@sotto/shared/errors';
import type { Client, InValue, ResultSet, Transaction } from '@libsql/client/sqlite3';
import {
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
} from 'kysely';

/**
 * Kysely over @libsql/client's local driver: one connection, so one transaction at a time, begun IMMEDIATE so that it can
 * never fail half-way for want of the write lock.
 */
export function libsqlDialect(client: Client): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => createDriver(client),
    createIntrospector: (database) => new SqliteIntrospector(database),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

function createDriver(client: Client): Driver {
  let transaction: Transaction | null = null;
  let free: Promise<void> = Promise.resolve();
  const releases: (() => void)[] = [];
  const connection: DatabaseConnection = {
    async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
      const statement = { sql: query.sql, args: query.parameters as InValue[] };
      const result: ResultSet = await (transaction ?? client).execute(statement);
      // libSQL's rows are objects by column name; Kysely names the type.
      return { rows: result.rows as Row[], numAffectedRows: BigInt(result.rowsAffected) };
    },
    async *streamQuery() {
      throw new SottoError('UNSUPPORTED', 'the SQLite store reads whole results; it does not stream them');
    },
  };
  return {
    async init() {},
    async acquireConnection() {
      const before = free;
      free = new Promise((resolve) => releases.push(resolve));
      await before;
      return connection;
    },
    async releaseConnection() {
      releases.shift()?.();
    },
    async beginTransaction() {
      transaction = await client.transaction('write');
    },
    async commitTransaction() {
      await transaction?.commit();
      transaction = null;
    },
    async rollbackTransaction() {
      // Rolls back what SQLite did not end by itself (as on a full disk), and gives the connection back in either case.
      transaction?.close();
      transaction = null;
    },
    async destroy() {
      client.close();
    },
  };
}
