import { describe, expect, it } from 'vitest';
import { createNodeCrypto } from '../crypto/node.ts';
import { createSeededRandom } from '../random/index.ts';
import { fromHex } from '../vector/index.ts';
import { selfMaskInfo } from './binding.ts';
import { addVector, rosterHashOf, sessionIdOf, thresholdFor } from './index.ts';
import { recoverSecret, recoveryCoefficients } from './shamir.ts';
import { clientsOf, requestOf } from './testing/attacks.ts';
import {
  plainSum,
  runSession,
  testCohort,
  testHeader,
  type SessionResult,
  type TestCohort,
} from './testing/harness.ts';

/**
 * Pasquini, Francati and Ateniese (CCS 2022): a coordinator that shows one model to its target and another to the rest reads the
 * target's update out of their sum. Here it is given more than it could ever get: every self-mask seed of both sessions.
 */
const crypto = createNodeCrypto();
const dimension = 131_072;

describe('two models', () => {
  it('A5: their sum is uniform and tells nothing of the target, though every self mask is known', async () => {
    const one = await testCohort(6, crypto, { header: testHeader(dimension) });
    const two = await testCohort(6, crypto, { header: testHeader(dimension, { modelHash: '44'.repeat(32) }) });
    const clients = clientsOf(one);
    const random = createSeededRandom('updates');
    const updates = new Map(
      clients.map((client) => {
        const words = new Uint32Array(dimension);
        random.words(words);
        return [client, Int32Array.from(words, (word) => (word % 2_001) - 1_000)];
      }),
    );
    const first = await runSession(one, updates, { crypto, random: createSeededRandom('first model') });
    const second = await runSession(two, updates, { crypto, random: createSeededRandom('second model') });
    const shown = clients.slice(0, 3);

    // The same hands, with one model for all: the way is right, so it is the model that makes the difference.
    const together = await withoutSelfMasks([{ cohort: one, result: first, clients }]);
    expect(together).toEqual(plainSum(updates, clients));

    const apart = await withoutSelfMasks([
      { cohort: one, result: first, clients: shown },
      { cohort: two, result: second, clients: clients.slice(3) },
    ]);
    expect(chiSquareDeviations(new Uint8Array(apart.buffer))).toBeLessThan(2.326); // p > .01
    for (const target of [updates.get(clients[0]!)!, plainSum(updates, shown), plainSum(updates, clients)]) {
      expect(Math.abs(correlation(apart, target))).toBeLessThan(0.01);
    }
    expect(correlation(together, updates.get(clients[0]!)!)).toBeGreaterThan(0.3);
  });
});

type Part = { readonly cohort: TestCohort; readonly result: SessionResult; readonly clients: readonly string[] };

/** The sum of some clients' uploads of one or more sessions, their self masks taken out with what the unmask stage gave. */
async function withoutSelfMasks(parts: readonly Part[]): Promise<Int32Array> {
  const sum = new Uint32Array(dimension);
  for (const { cohort, result, clients } of parts) {
    const all = clientsOf(cohort);
    const { header } = cohort.rules;
    const roster = requestOf(result, 'roster', all[0]!);
    const binding = { suite: header.suite, sessionId: sessionIdOf(header), rosterHash: rosterHashOf(roster) };
    const answers = result.messages
      .flatMap((message) => (message.type === 'unmask' ? [message] : []))
      .slice(0, thresholdFor(all.length));
    const coefficients = recoveryCoefficients(answers.map(({ client }) => all.indexOf(client) + 1));
    for (const client of clients) {
      addVector(sum, result.vectors.get(client)!);
      const shares = answers.map((answer) => answer.shares.find(({ dealer }) => dealer === client)!);
      expect(shares.every(({ kind }) => kind === 'selfMask')).toBe(true);
      const seed = recoverSecret(
        coefficients,
        shares.map(({ share }) => fromHex(share)),
      );
      await crypto.addMasks(sum, [{ key: await crypto.hkdf(seed, selfMaskInfo(binding, client), 32), sign: -1 }]);
    }
  }
  return new Int32Array(sum.buffer);
}

/** Chi-square of the bytes over 255 degrees of freedom, as deviations of a normal variable. @see Wilson and Hilferty 1931 */
function chiSquareDeviations(bytes: Uint8Array): number {
  const counts = new Float64Array(256);
  for (const byte of bytes) counts[byte]!++;
  const expected = bytes.length / 256;
  const chi = counts.reduce((total, count) => total + (count - expected) ** 2 / expected, 0);
  const spread = 2 / (9 * 255);
  return (Math.cbrt(chi / 255) - (1 - spread)) / Math.sqrt(spread);
}

function correlation(a: Int32Array, b: Int32Array): number {
  const mean = (values: Int32Array) => values.reduce((total, value) => total + value, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]! - meanA, b[i]! - meanB];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return ab / Math.sqrt(aa * bb);
}
