import { describe, expect, it } from 'vitest';
import { open, seal } from '../crypto/index.ts';
import { createNodeCrypto } from '../crypto/node.ts';
import { createSeededRandom, type RandomSource } from '../random/index.ts';
import { concatBytes, fromHex, toHex } from '../vector/index.ts';
import { sealInfo, shareHashBegin, shareHashBytes } from './binding.ts';
import { onInbox, rosterHashOf, sessionIdOf, type Inbox, type Roster, type SumMessage, type Unmask } from './index.ts';
import { clientsOf, coded, stoppedBefore } from './testing/attacks.ts';
import {
  plainSum,
  runSession,
  testCohort,
  testContributions,
  type Behaviour,
  type TestCohort,
} from './testing/harness.ts';

// The numbers are those of docs/security/attacks.md. A failure is: a client that answers what it must refuse, or
// a coordinator that takes what it must turn away.
const crypto = createNodeCrypto();
const ports = { crypto, random: createSeededRandom('attacks') };

describe('shares', () => {
  it('A13, S3: up to n − t holders that give bad shares are named, and the sum is right', async () => {
    const cohort = await testCohort(7, crypto);
    const clients = clientsOf(cohort);
    const contributions = testContributions(cohort);
    const spoil = (message: SumMessage): SumMessage =>
      message.type !== 'unmask'
        ? message
        : { ...message, shares: message.shares.map((given) => ({ ...given, share: 'ab'.repeat(32) })) };
    const bad = clients.slice(0, 2);
    const behaviour = new Map<string, Behaviour>(bad.map((client) => [client, { tamper: spoil }]));
    const result = await runSession(cohort, contributions, { crypto, behaviour });
    expect(result.rejections.map(({ client, code }) => [client, code])).toEqual(
      bad.map((client) => [client, 'SHARE_INVALID']),
    );
    expect(result.outcome).toEqual({ ok: true, sum: plainSum(contributions, clients) });
  });

  it('A13: an answer with both kinds, another order or a missing dealer is turned away', async () => {
    const cohort = await testCohort(4, crypto);
    const cases: ((shares: Unmask['shares']) => Unmask['shares'])[] = [
      (shares) => shares.slice(1),
      (shares) => [...shares].reverse(),
      (shares) => [...shares, { ...shares[0]!, kind: 'recovery' as const }],
      (shares) => shares.map((given) => ({ ...given, kind: 'recovery' as const })),
    ];
    for (const change of cases) {
      const [first] = clientsOf(cohort);
      const tamper = (message: SumMessage): SumMessage =>
        message.type === 'unmask' ? { ...message, shares: change(message.shares) } : message;
      const result = await runSession(cohort, testContributions(cohort), {
        crypto,
        behaviour: new Map([[first!, { tamper }]]),
      });
      expect(result.rejections).toMatchObject([{ client: first, code: 'MESSAGE_INVALID' }]);
      expect(result.outcome).toMatchObject({ ok: true });
    }
  });

  it('A13, S3: a dealer whose shares do not open or match is named by the holder, who leaves', async () => {
    const cohort = await testCohort(4, crypto);
    const clients = clientsOf(cohort);
    for (const field of ['sealed', 'selfMaskShareHash', 'recoveryShareHash'] as const) {
      const { states, requests } = await stoppedBefore(cohort, 'confirm');
      const inbox = requests.find(({ to, request }) => to === clients[0] && request.type === 'inbox')!.request as Inbox;
      const dealt = inbox.dealt.map((part, i) =>
        i === 2 ? { ...part, [field]: (part[field][0] === '0' ? '1' : '0') + part[field].slice(1) } : part,
      );
      const error = await onInbox(states.get(clients[0]!)!, { ...inbox, dealt }, ports).catch(
        (caught: unknown) => caught,
      );
      expect(error).toSatisfy(coded('SHARE_INVALID'));
      expect(String(error)).toContain(clients[2]);
    }
  });

  it('A13, S3: a share that is no field element is refused, though it opens and fits its hash, and its dealer is named', async () => {
    const cohort = await testCohort(4, crypto);
    const [holder, dealer] = clientsOf(cohort);
    const { header } = cohort.rules;
    for (const kind of ['selfMask', 'recovery'] as const) {
      // The dealer's own hands: it seals and hashes what it likes.
      const begun = await stoppedBefore(cohort, 'share');
      const advertised = begun.states.get(dealer!)!;
      if (advertised.phase !== 'advertised') throw new Error(advertised.phase);
      const { sealSecret } = advertised.secrets.take();
      const { states, requests } = await stoppedBefore(cohort, 'confirm');
      const roster = requests.find(({ request }) => request.type === 'roster')!.request as Roster;
      const inbox = requests.find(({ to, request }) => to === holder && request.type === 'inbox')!.request as Inbox;
      const binding = { suite: header.suite, sessionId: roster.sessionId, rosterHash: rosterHashOf(roster) };
      const sealKey = roster.entries.find(({ client }) => client === holder)!.sealKey;
      const agreed = await crypto.x25519(sealSecret, fromHex(sealKey));
      const key = await crypto.hkdf(agreed, sealInfo(binding, dealer!, holder!), 32);
      const dealt = inbox.dealt.find((part) => part.dealer === dealer)!;
      const right = open(key, fromHex(dealt.sealed))!;
      const tooLarge = new Uint8Array(32).fill(255);
      const shares = kind === 'selfMask' ? [tooLarge, right.slice(32)] : [right.slice(0, 32), tooLarge];
      const hash = toHex(
        await crypto.sha256(shareHashBytes(shareHashBegin(binding), dealer!, holder!, kind, tooLarge)),
      );
      const bad = { ...dealt, sealed: toHex(seal(key, concatBytes(...shares))), [`${kind}ShareHash`]: hash };
      const request = { ...inbox, dealt: inbox.dealt.map((part) => (part === dealt ? bad : part)) };
      const error = await onInbox(states.get(holder!)!, request, ports).catch((caught: unknown) => caught);
      expect(error).toSatisfy(coded('SHARE_INVALID'));
      expect(String(error)).toContain(dealer);
    }
  });

  it('A13: a box sealed for one client does not open for another, nor sent back to its dealer', async () => {
    const cohort = await testCohort(4, crypto);
    const clients = clientsOf(cohort);
    const { states, messages } = await stoppedBefore(cohort, 'confirm');
    const shares = messages.flatMap((message) => (message.type === 'share' ? [message] : []));
    const forHolder = (holder: string, swap: boolean): Inbox['dealt'] =>
      shares
        .map(({ client: dealer, shares: parts }) => {
          const { holder: _, ...part } = parts.find((candidate) => candidate.holder === holder)!;
          const mine = shares.find(({ client }) => client === holder)!;
          const { holder: __, ...back } = mine.shares.find((candidate) => candidate.holder === dealer)!;
          return { dealer, ...(swap && dealer === clients[2] ? back : part) };
        })
        .sort((a, b) => (a.dealer < b.dealer ? -1 : 1));
    const sessionId = sessionIdOf(cohort.rules.header);
    await expect(
      onInbox(states.get(clients[0]!)!, { type: 'inbox', sessionId, dealt: forHolder(clients[1]!, false) }, ports),
    ).rejects.toSatisfy(coded('SHARE_INVALID'));
    await expect(
      onInbox(states.get(clients[3]!)!, { type: 'inbox', sessionId, dealt: forHolder(clients[3]!, true) }, ports),
    ).rejects.toSatisfy(coded('SHARE_INVALID'));
    await expect(
      onInbox(states.get(clients[1]!)!, { type: 'inbox', sessionId, dealt: forHolder(clients[1]!, false) }, ports),
    ).resolves.toMatchObject({ message: { type: 'confirm' } });
  });

  it('S1: a lost dealer that dealt other shares of r than its key’s is named, and nothing is released', async () => {
    const cohort = await testCohort(4, crypto);
    const clients = clientsOf(cohort);
    // It deals honestly made shares of another seed: it replays the dealing of a second beginning under its old keys.
    const wrongSeed = await dealingOfAnotherSeed(cohort, 1);
    const result = await runSession(cohort, testContributions(cohort), {
      crypto,
      random: wrongSeed,
      behaviour: new Map([[clients[1]!, { leavesBefore: 'upload' }]]),
    });
    expect(result.outcome).toMatchObject({ ok: false, code: 'RECOVERY_FAILED', culprits: [clients[1]] });
  });

  it('S2: pair tags that differ fail the session before anything is unmasked, and name both', async () => {
    const cohort = await testCohort(4, crypto);
    const clients = clientsOf(cohort);
    const tamper = (message: SumMessage): SumMessage =>
      message.type !== 'confirm'
        ? message
        : { ...message, tags: message.tags.map((tag, i) => (i === 1 ? { ...tag, tag: '00'.repeat(16) } : tag)) };
    const result = await runSession(cohort, testContributions(cohort), {
      crypto,
      behaviour: new Map([[clients[0]!, { tamper }]]),
    });
    expect(result.outcome).toMatchObject({ type: 'failed', code: 'KEY_MISMATCH', culprits: [clients[0], clients[2]] });
    expect(result.messages.some(({ type }) => type === 'agree' || type === 'unmask')).toBe(false);
  });

  it('S5: an inbox of fewer than max(t, minSurvivors) dealers, or without the own dealing, is refused', async () => {
    const cohort = await testCohort(7, crypto, { minSurvivors: 6 });
    const clients = clientsOf(cohort);
    for (const [drop, code] of [
      [(dealer: string) => dealer === clients[5] || dealer === clients[6], 'COHORT_TOO_SMALL'],
      [(dealer: string) => dealer === clients[0], 'MESSAGE_INVALID'],
    ] as const) {
      const { states, requests } = await stoppedBefore(cohort, 'confirm');
      const inbox = requests.find(({ to, request }) => to === clients[0] && request.type === 'inbox')!.request as Inbox;
      const dealt = inbox.dealt.filter(({ dealer }) => !drop(dealer));
      await expect(onInbox(states.get(clients[0]!)!, { ...inbox, dealt }, ports)).rejects.toSatisfy(coded(code));
    }
  });

  it('A13: a dealing for another roster, or not for every holder, is turned away', async () => {
    const cohort = await testCohort(4, crypto);
    const [first] = clientsOf(cohort);
    for (const change of ['roster', 'holders'] as const) {
      const tamper = (message: SumMessage): SumMessage => {
        if (message.type !== 'share') return message;
        return change === 'roster'
          ? { ...message, rosterHash: '00'.repeat(32) }
          : { ...message, shares: message.shares.slice(1) };
      };
      const result = await runSession(cohort, testContributions(cohort), {
        crypto,
        behaviour: new Map([[first!, { tamper }]]),
      });
      expect(result.rejections).toMatchObject([{ client: first, code: 'MESSAGE_INVALID' }]);
    }
  });
});

/**
 * Randomness under which client `index` deals shares of a recovery seed other than its key's: the array that it drew as r
 * is changed in place after its advertise message, before it deals.
 */
async function dealingOfAnotherSeed(cohort: TestCohort, index: number): Promise<RandomSource> {
  const inner = createSeededRandom('wrong seed');
  const seeds: Uint8Array[] = [];
  let draws = 0;
  return {
    secure: false,
    words: (target) => inner.words(target),
    bytes: (length) => {
      const bytes = inner.bytes(length);
      // Each client draws r and the sealing seed when it begins; what follows are the dealings.
      if (draws < 2 * cohort.identities.length && draws % 2 === 0) seeds.push(bytes);
      if (draws === 2 * cohort.identities.length) seeds[index]![0]! ^= 1;
      draws++;
      return bytes;
    },
  };
}
