import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createNodeCrypto } from '../crypto/node.ts';
import { createSeededRandom, type RandomSource } from '../random/index.ts';
import { noiseDeviations, releaseNoiseVariance, sessionParts } from '../plan/session-parts.ts';
import { examplePlan } from '../plan/testing/index.ts';
import { toHex } from '../vector/index.ts';
import { pairMaskInfo, selfMaskInfo } from './binding.ts';
import { beginSession, maskVector, onRoster, type Roster } from './index.ts';
import { clientsOf, coded, looksUniform, stoppedBefore } from './testing/attacks.ts';
import { plainSum, runSession, testCohort, testContributions, testHeader } from './testing/harness.ts';

// The numbers are those of docs/security/attacks.md. A failure is: a client that answers what it must refuse, or
// a coordinator that takes what it must turn away.
const crypto = createNodeCrypto();
const ports = { crypto, random: createSeededRandom('attacks') };

describe('what shows', () => {
  it('A12: a masked vector of zeros looks uniform, and so does the sum of all but one', async () => {
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

  it('A16: of a million clamped contributions at their extremes, with all the noise there can be, none wraps', async () => {
    const dimension = 250_000;
    for (const plan of [examplePlan({ clients: 4 }), examplePlan({ clients: 4, data: 'digits' })]) {
      const [part] = sessionParts(plan, ['training']);
      const limit = part!.sumLimitSteps;
      const noise = Math.floor(noiseDeviations * Math.sqrt(releaseNoiseVariance(plan, part!, 4))) / 4;
      const cohort = await testCohort(4, crypto, { header: testHeader(dimension) });
      const random = createSeededRandom('extremes');
      const extremes = [limit, -limit, limit - 1, 1 - limit, 0];
      const draws = new Uint32Array(dimension);
      const contributions = new Map(
        clientsOf(cohort).map((client) => {
          random.words(draws);
          const at = (j: number) => (j < 1_000 ? limit : j < 2_000 ? -limit : extremes[draws[j]! % 5]!);
          const vector = Int32Array.from(draws, (draw, j) => {
            const largest = j < 2_000 || draw % 2 === 0 ? noise : -noise;
            return at(j) + Math.sign(at(j) || 1) * Math.trunc(largest);
          });
          return [client, vector];
        }),
      );
      const { outcome } = await runSession(cohort, contributions, { crypto });
      // As real numbers, which do not wrap.
      const exact = new Float64Array(dimension);
      for (const vector of contributions.values()) vector.forEach((value, j) => (exact[j]! += value));
      if (!('ok' in outcome) || !outcome.ok) throw new Error('no sum');
      expect(Math.max(...exact.subarray(0, 1_000))).toBeGreaterThan(2 ** 31 - 100);
      expect(Math.min(...exact.subarray(1_000, 2_000))).toBeLessThan(-(2 ** 31) + 100);
      expect(outcome.sum.every((value, j) => value === exact[j])).toBe(true);
    }
  });

  it('A15: one client shifts the sum by any amount, modulo 2^32, and the protocol does not see it: its honest limit', async () => {
    const cohort = await testCohort(4, crypto, { header: testHeader(64) });
    const honest = testContributions(cohort);
    const [liar] = clientsOf(cohort);
    const shift = new Int32Array(64).fill(2_147_483_647);
    const lied = new Map(honest).set(
      liar!,
      honest.get(liar!)!.map((value, i) => (value + shift[i]!) | 0),
    );
    const { outcome, rejections } = await runSession(cohort, lied, { crypto });
    expect(rejections).toEqual([]);
    const expected = plainSum(honest, clientsOf(cohort)).map((value, i) => (value + shift[i]!) | 0);
    expect(outcome).toEqual({ ok: true, sum: expected });
  });

  it('A18: each of the 256 bits of a seed changes the self mask and the mask of a pair', async () => {
    const binding = { suite: 'x25519', sessionId: '11'.repeat(32), rosterHash: '22'.repeat(32) };
    for (const info of [selfMaskInfo(binding, 'a'), pairMaskInfo(binding, 'a', 'b')]) {
      const masks = new Set<string>();
      for (let bit = -1; bit < 256; bit++) {
        const seed = new Uint8Array(32).fill(0x3c);
        if (bit >= 0) seed[bit >> 3]! ^= 1 << (bit & 7);
        const words = new Uint32Array(1);
        await crypto.addMasks(words, [{ key: await crypto.hkdf(seed, info, 32), sign: 1 }]);
        masks.add(words.join());
      }
      expect(masks.size).toBe(257);
    }
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

  it('A25: a state prints no secret, and is used up by its step', async () => {
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

  it('A12: a session masks one vector once', async () => {
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
