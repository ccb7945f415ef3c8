import { createNodeCrypto } from '../../crypto/node.ts';
import { isSottoError, type ErrorCode } from '../../errors/index.ts';
import { toHex } from '../../vector/index.ts';
import { agreeBytes } from '../binding.ts';
import { sessionIdOf } from '../index.ts';
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
