#!/usr/bin/env node
/**
 * A silo of a federation as a service: joins when it starts for the first time, takes part in every run that its policy allows,
 * says what happens as lines of JSON, and ends on SIGTERM. What it is set by: README.md.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { joinFederation, startNode } from '@sotto/client/node';
import { exitCodeOf, isSottoError, SottoError } from '@sotto/shared/errors';
import { parseDataSchema, parsePolicy } from '@sotto/shared/plan';
import { readJson, readSettings, readText } from './settings.mjs';

/** How long to wait before a coordinator that did not answer is asked again, in milliseconds. */
const askAgainMs = 5_000;

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => stop.abort());

try {
  await serve(await readSettings(process.argv[2] ?? process.env.SOTTO_SILO_SETTINGS, process.env));
  log({ type: 'ended' });
} catch (error) {
  const failure = isSottoError(error) ? error : new SottoError('INTERNAL', String(error));
  log({ type: 'error', ...failure.toJSON() });
  // systemd starts the service again, unless the number says that nothing would come of it.
  process.exitCode = exitCodeOf(failure);
}

/** Takes part until it is told to end. */
async function serve({ folder, books, name, invitation, schema, policy, data, holdout }) {
  const config = {
    folder,
    schema: parseDataSchema(await readJson(schema), schema),
    policy: parsePolicy(policy === null ? { version: 1 } : await readJson(policy)),
    dataFile: data,
    dataSource: books,
    ...(holdout === null ? {} : { holdoutFile: holdout }),
    notify: log,
  };
  if (invitation !== null && !(await join(folder, await readText(invitation), name))) return;
  const node = await startNode(config);
  if (!stop.signal.aborted) {
    // Ends by itself only where it cannot go on, as when it was revoked: then `done` rejects.
    await Promise.race([once(stop.signal, 'abort'), node.done]);
    log({ type: 'stopping' });
  }
  await node.close();
}

/** Joins, or says again that it has; waits for a coordinator that is not there yet. False when it was told to end meanwhile. */
async function join(folder, invitation, name) {
  while (!stop.signal.aborted) {
    try {
      const { client, certificate } = await joinFederation({ folder, invitation, name, nowMs: Date.now() });
      log({ type: 'joined', client, name: certificate.name, folder });
      return true;
    } catch (error) {
      if (!isSottoError(error, 'UNREACHABLE') && !isSottoError(error, 'RATE_LIMITED')) throw error;
      log({ type: 'retrying', code: error.code, reason: error.message });
      await sleep(askAgainMs, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  }
  return false;
}

/** One line of JSON. A plan is long, and its hash is there. */
function log({ plan: _plan, ...notice }) {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...notice })}\n`);
}
