import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createNodeCrypto } from '../crypto/node.ts';
import { createSeededRandom, type RandomSource } from '../random/index.ts';
import { toHex } from '../vector/index.ts';
import { beginSession, maskVector, onRoster, type Roster } from './index.ts';
import { clientsOf, coded, looksUniform, stoppedBefore } from './testing/attacks.ts';
import { runSession, testCohort, testHeader } from './testing/harness.ts';

// The numbers are those of the list of attacks in THREAT_MODEL.md. A failure is: a client that answers what it must refuse, or
// a coordinator that takes what it must turn away.
const crypto = createNodeCrypto();
const ports = { crypto, random: createSeededRandom('attacks') };

describe('what shows', () => {
  it('a masked vector of zeros looks uniform, and so does the sum of all but one', async () => {
    const cohort = await testCohort(3, crypto, { header: testHeader(65_536) });
    const zeros = new Map(clientsOf(cohort).map((client) => [client, new Int32Array(65_536)]));
    const { vectors } = await runSession(cohort, zeros, { crypto });
    const [one, two] = [...vectors.values()];
    expect(looksUniform(one!)).toBe(true);
    const sum = new Uint32Array(one!.slice().buffer);
    new Uint32Array(two!.slice().buffer).forEach((word, i) => (sum[i]! += word));
    expect(looksUniform(new Uint8Array(sum.buffer))).toBe(true);
  });

  it('A16: the sum is exact modulo 2^32 at the extremes', async () => {
    const cohort = await testCohort(3, crypto, { header: testHeader(4) });
    const extremes = Int32Array.of(2_147_483_647, -2_147_483_648, -1, 0);
    const contributions = new Map(clientsOf(cohort).map((client) => [client, extremes]));
    const { outcome } = await runSession(cohort, contributions, { crypto });
    expect(outcome).toEqual({ ok: true, sum: Int32Array.of((3 * 2_147_483_647) | 0, -2_147_483_648, -3, 0) });
  });

  it('A23: the size of no message depends on the contribution', async () => {
    const cohort = await testCohort(3, crypto, { header: testHeader(64) });
    const sizes = [0, 2_147_483_647, -5].map(async (value) => {
      const contributions = new Map(clientsOf(cohort).map((client) => [client, new Int32Array(64).fill(value)]));
      const { messages, vectors } = await runSession(cohort, contributions, { crypto });
      return [
        messages.map((message) => JSON.stringify(message).length),
        [...vectors.values()].map(({ length }) => length),
      ];
    });
    const [zero, most, negative] = await Promise.all(sizes);
    expect(most).toEqual(zero);
    expect(negative).toEqual(zero);
  });

  it('a state prints no secret, and is used up by its step', async () => {
    const drawn: string[] = [];
    const inner = createSeededRandom('secrets');
    const random: RandomSource = {
      secure: false,
      words: (target) => inner.words(target),
      bytes: (length) => {
        const bytes = inner.bytes(length);
        drawn.push(
          toHex(bytes),
          bytes.join(','),
          bytes.join(', '),
          [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' '),
        );
        return bytes;
      },
    };
    const cohort = await testCohort(3, crypto);
    const begun = await Promise.all(
      cohort.identities.map((identity) => beginSession(cohort.rules, identity, { crypto, random })),
    );
    const { state } = begun[0]!;
    const roster: Roster = {
      type: 'roster',
      sessionId: state.sessionId,
      entries: begun.map(({ message }) => message!),
    };
    const shared = await onRoster(state, roster, { crypto, random });
    expect(drawn.length).toBeGreaterThan(10);
    for (const shown of [state, shared.state]) {
      const texts = [
        JSON.stringify(shown),
        inspect(shown, { depth: 20, showHidden: true, breakLength: Infinity, maxArrayLength: null }),
      ];
      for (const text of texts) {
        expect(text).toContain('[held]');
        for (const secret of drawn) expect(text.includes(secret)).toBe(false);
      }
    }
    await expect(onRoster(state, roster, { crypto, random })).rejects.toSatisfy(coded('MESSAGE_UNEXPECTED'));
    await expect(maskVector(shared.state, new Int32Array(5), ports)).rejects.toSatisfy(coded('MESSAGE_UNEXPECTED'));
  });

  it('a session masks one vector once', async () => {
    const cohort = await testCohort(3, crypto);
    const [first] = clientsOf(cohort);
    const { states } = await stoppedBefore(cohort, 'upload');
    const state = states.get(first!)!;
    await expect(maskVector(state, new Int32Array(4), ports)).rejects.toSatisfy(coded('INVALID_INPUT'));
    const twice = await Promise.allSettled([
      maskVector(state, new Int32Array(5), ports),
      maskVector(state, new Int32Array(5), ports),
    ]);
    expect(twice.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });
});
