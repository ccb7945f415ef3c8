import { createNodeCrypto } from '../../crypto/node.ts';
import { isSottoError, type ErrorCode } from '../../errors/index.ts';
import { toHex } from '../../vector/index.ts';
import { agreeBytes } from '../binding.ts';
import { Held } from '../held.ts';
import { sessionIdOf, type SumClientState } from '../index.ts';
import { runSession, testContributions, type Behaviour, type SessionResult, type TestCohort } from './harness.ts';

const crypto = createNodeCrypto();

export function coded(...codes: ErrorCode[]) {
  return (error: unknown) => codes.some((code) => isSottoError(error, code));
}

/** A session in which every client stops before a stage: their states and all messages so far. */
export async function stoppedBefore(
  cohort: TestCohort,
  stage: NonNullable<Behaviour['leavesBefore']>,
  extra: ReadonlyMap<string, Behaviour> = new Map(),
): Promise<SessionResult> {
  const all = cohort.identities.map(({ client }): [string, Behaviour] => [
    client,
    extra.get(client) ?? { leavesBefore: stage },
  ]);
  return runSession(cohort, testContributions(cohort), { crypto, behaviour: new Map(all) });
}

/**
 * A client's state as often as wanted: an attack is tried from one and the same state again and again, which a client, whose
 * states are used up, never allows. The given state is used up.
 */
export function keptState<S extends SumClientState>(state: S): () => S {
  if (!('secrets' in state)) return () => state;
  const secrets: unknown = state.secrets.take();
  return () => ({ ...state, secrets: new Held(secrets) });
}

/** Every subset of a list that has between `least` and `most` items, in the list's order. */
export function subsetsOf<T>(items: readonly T[], least: number, most: number): T[][] {
  const all: T[][] = [];
  for (let bits = 0; bits < 2 ** items.length; bits++) {
    const subset = items.filter((_, i) => (bits >> i) % 2 === 1);
    if (subset.length >= least && subset.length <= most) all.push(subset);
  }
  return all;
}

export function clientsOf(cohort: TestCohort): string[] {
  return cohort.identities.map(({ client }) => client);
}

export function requestOf<T extends 'roster' | 'inbox' | 'agreeRequest' | 'unmaskRequest'>(
  result: SessionResult,
  type: T,
  to: string,
) {
  const found = result.requests.find((sent) => sent.request.type === type && sent.to === to)?.request;
  if (found?.type !== type) throw new Error(`no ${type} was sent to ${to}`);
  return found as Extract<typeof found, { type: T }>;
}

/** Everything that every client signs over the given sets. */
export async function agreementsOver(cohort: TestCohort, rosterHash: string, sharers: string[], survivors: string[]) {
  const { header } = cohort.rules;
  const binding = { suite: header.suite, sessionId: sessionIdOf(header), rosterHash };
  return Promise.all(
    cohort.identities.map(async ({ client, sign }) => ({
      client,
      signature: toHex(await sign(agreeBytes(binding, sharers, survivors))),
    })),
  );
}

/** Chi-square over bytes, six standard deviations wide (a false alarm once in 10^8). */
export function looksUniform(bytes: Uint8Array): boolean {
  const counts = new Float64Array(256);
  for (const byte of bytes) counts[byte]!++;
  const expected = bytes.length / 256;
  const chi = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  return Math.abs(chi - 255) < 6 * Math.sqrt(2 * 255);
}
