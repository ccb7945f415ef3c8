import { setImmediate as nextTurn } from 'node:timers/promises';
import { writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createNodeCrypto, createNodeRandom } from '@sotto/shared/crypto/node';
import { SottoError } from '@sotto/shared/errors';
import { version } from '@sotto/shared/version';
import { pino } from 'pino';
import { readConfig, type CoordinatorConfigInput } from './config.ts';
import { federationBudget } from './budget-file.ts';
import { dashboardFolder } from './dashboard-folder.ts';
import { folderNames, openData, pinAuthority, pinnedAuthority, tokenOf } from './data-folder.ts';
import { createAccess } from './http/access.ts';
import { createHttpApp } from './http/http-app.ts';
import { createRunDriver } from './runs/driver.ts';
import { openFederationBooks } from './runs/federation-books.ts';
import type { RunDriver } from './runs/ports.ts';
import { createMaskThreads } from './sessions/mask-threads.ts';
import { createSockets } from './sockets/socket-server.ts';
import { givenCertificate, ownCertificate } from './tls.ts';
import { wallClock } from './wall-clock.ts';

export { readConfig, type CoordinatorConfig, type CoordinatorConfigInput } from './config.ts';

/** Threads that the masks of a sum are shared out to, at most: each adds 15 MB, and memory is what more would wait for. */
const maskThreadsMax = 4;

/** A coordinator that listens. */
export type Coordinator = {
  /** Base URL, `https://host:port`. */
  readonly url: string;
  /** SHA-256 of the TLS certificate's DER, hex; null without TLS. Clients pin it. */
  readonly fingerprint: string | null;
  readonly operatorToken: string;
  readonly viewToken: string;
  /** Folder of the dashboard that is served; null: none. */
  readonly dashboard: string | null;
  readonly driver: RunDriver;
  /** Stops listening and closes the store; open sessions are lost, as in a crash. */
  close(): Promise<void>;
};

/**
 * Starts a coordinator on its data folder: replays its runs, then listens.
 * @throws {PORT_IN_USE} {STORE_LOCKED} {STORE_TOO_NEW} {DISK_FULL} {FILE_NOT_FOUND} {INVALID_INPUT} {CONFLICT}
 */
export async function startCoordinator(input: CoordinatorConfigInput): Promise<Coordinator> {
  const config = readConfig(input);
  const { dir } = config;
  const log = pino({ level: config.log, redact: ['token', '*.token', 'headers.authorization'] });
  const { store, blobs } = await openData(dir, config.database, 'write');
  const sockets = createSockets(log);
  const threads = createMaskThreads(createNodeCrypto(), Math.min(availableParallelism(), maskThreadsMax));
  const { crypto } = threads;
  let driver: RunDriver | null = null;
  let server: Server | null = null;
  try {
    if (config.authority !== undefined) await pinAuthority(dir, config.authority);
    const authority = await pinnedAuthority(dir);
    const operatorToken = await tokenOf(dir, folderNames.operatorToken);
    const viewToken = await tokenOf(dir, folderNames.viewToken);
    const names = [...new Set([config.host, 'localhost', '127.0.0.1', ...config.names])];
    const tls = !config.tls
      ? null
      : config.cert !== undefined && config.key !== undefined
        ? await givenCertificate(config.cert, config.key)
        : await ownCertificate(dir, names, wallClock.now());
    const random = createNodeRandom();
    const { transport } = sockets;
    const budget = await federationBudget(dir);
    driver = createRunDriver({
      clock: wallClock,
      store,
      blobs,
      transport,
      crypto,
      random,
      log,
      pause: () => nextTurn(),
      ...(authority === null ? {} : { authority }),
      ...(budget === null ? {} : { books: await openFederationBooks(store, budget) }),
    });
    const access = createAccess({ clock: wallClock, crypto, random, store, operatorToken, viewToken });
    const dashboard = dashboardFolder(config.dashboard);
    const revocations = await store.revocations();
    if (revocations !== null) access.setRevocations(revocations);
    const allowedOrigins = new Set(config.allowOrigins);
    const made = await createHttpApp({
      driver,
      store,
      blobs,
      access,
      clock: wallClock,
      crypto,
      log,
      authority,
      version,
      tls: tls === null ? null : { cert: tls.cert, key: tls.key },
      dashboard,
      allowedOrigins,
      uploadRoomBytes: config.uploadMemory * 2 ** 20,
      onRevoked: (clients) => sockets.disconnect(clients),
    });
    server = made.server;
    await driver.start();
    if (revocations !== null) driver.revoke(revocations.revoked);
    sockets.attach(server, driver, access, allowedOrigins);
    const port = await listen(server, config.host, config.port);
    const host = config.host.includes(':') ? `[${config.host}]` : config.host;
    const url = `${tls === null ? 'http' : 'https'}://${host}:${port}`;
    const fingerprint = tls?.fingerprint ?? null;
    await writeFile(join(dir, folderNames.address), `${JSON.stringify({ url, fingerprint })}\n`);
    const running = driver;
    return {
      url,
      fingerprint,
      operatorToken,
      viewToken,
      dashboard,
      driver: running,
      async close() {
        await sockets.close();
        made.server.closeAllConnections();
        await running.close();
        await threads.close();
        await made.app.close();
        await store.close();
      },
    };
  } catch (error) {
    await driver?.close();
    await threads.close();
    server?.close();
    await store.close();
    throw error;
  }
}

/** Listens and returns the port. @throws {PORT_IN_USE} */
function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        'code' in error && error.code === 'EADDRINUSE'
          ? new SottoError('PORT_IN_USE', `another process listens on ${host}:${port}`)
          : error,
      );
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
