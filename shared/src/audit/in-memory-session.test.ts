import { describe, expect, it } from 'vitest';
import { createNodeCrypto } from '../crypto/node.ts';
import { createSeededRandom } from '../random/index.ts';
import { auditMembers, sumInMemory } from './in-memory-session.ts';

const crypto = createNodeCrypto();

async function sumOf(trust: 'secure' | 'trusted', lost: readonly number[], minSurvivors: number) {
  const random = createSeededRandom(`session/${trust}/${lost.join()}`);
  const members = await auditMembers(5, crypto, random);
  const integers = members.map((_, index) => Int32Array.from([index + 1, -1, 2 ** 31 - 1]));
  const contributions = members.map(
    ({ identity }, index) => [identity, lost.includes(index) ? null : integers[index]!] as const,
  );
  const rules = {
    header: {
      protocol: 1,
      suite: 'x25519',
      trust,
      planHash: '11'.repeat(32),
      runId: '22'.repeat(16),
      round: 1,
      attempt: 1,
      modelHash: '33'.repeat(32),
      slots: ['training'],
      dimension: 3,
    },
    identities: new Map(members.map(({ identity, publicKey }) => [identity.client, publicKey])),
    minSurvivors,
    colluding: 1,
  } as const;
  return sumInMemory({ ...rules, header: { ...rules.header, slots: ['training'] } }, new Map(contributions), {
    crypto,
    random,
  });
}

describe('sumInMemory', () => {
  it.each(['secure', 'trusted'] as const)('gives the exact sum of those that uploaded: %s', async (trust) => {
    expect(Array.from(await sumOf(trust, [], 4))).toEqual([15, -5, (5 * (2 ** 31 - 1)) | 0]);
    expect(Array.from(await sumOf(trust, [2], 4))).toEqual([12, -4, (4 * (2 ** 31 - 1)) | 0]);
  });

  it('fails loudly below the floor instead of hanging', async () => {
    await expect(sumOf('secure', [0, 2], 4)).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.stringMatching(/failed.*3 of \d clients are left, 4 needed/),
    });
  });
});
