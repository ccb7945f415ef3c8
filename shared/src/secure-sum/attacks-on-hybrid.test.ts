import { describe, expect, it } from 'vitest';
import { createNodeCrypto } from '../crypto/node.ts';
import { createSeededRandom } from '../random/index.ts';
import { fromBase64Url, toBase64Url, toHex } from '../vector/index.ts';
import { advertiseBytes, shareBytes } from './binding.ts';
import {
  advertiseSchema,
  beginSession,
  onRoster,
  rosterHashOf,
  sessionIdOf,
  type Advertise,
  type SumMessage,
} from './index.ts';
import { clientsOf, coded, stoppedBefore } from './testing/attacks.ts';
import {
  plainSum,
  runSession,
  testCohort,
  testContributions,
  testHeader,
  type Behaviour,
  type TestCohort,
} from './testing/harness.ts';

// Sessions of the hybrid suite. A failure is: a sum that is not the survivors', or garbage that nobody is named for.
const crypto = createNodeCrypto();
const ports = { crypto, random: createSeededRandom('hybrid') };
const header = testHeader(6, { suite: 'x25519+mlkem768' });
const cohortOf = (n: number) => testCohort(n, crypto, { header });

/** A client that changes what it deals and signs it like the rest. */
function dealing(
  cohort: TestCohort,
  client: string,
  change: (share: Extract<SumMessage, { type: 'share' }>) => Extract<SumMessage, { type: 'share' }>,
): (message: SumMessage) => Promise<SumMessage> | SumMessage {
  const { sign } = cohort.identities.find((identity) => identity.client === client)!;
  return async (message) => {
    if (message.type !== 'share') return message;
    const changed = change(message);
    const binding = { suite: header.suite, sessionId: sessionIdOf(header), rosterHash: changed.rosterHash };
    return { ...changed, signature: toHex(await sign(shareBytes(binding, client, changed))) };
  };
}

function altered(text: string): string {
  const bytes = fromBase64Url(text);
  bytes[11]! ^= 1;
  return toBase64Url(bytes);
}

describe('the hybrid suite', () => {
  it('S1: bears the loss of whoever encapsulated, of whoever did not, and of both', async () => {
    const cohort = await cohortOf(7);
    const contributions = testContributions(cohort);
    const clients = clientsOf(cohort);
    // The first encapsulates to everybody, the last to nobody.
    for (const lost of [[0], [6], [3], [0, 6], [0, 1], [5, 6]]) {
      const behaviour = new Map<string, Behaviour>(lost.map((i) => [clients[i]!, { leavesBefore: 'upload' }]));
      const { outcome, survivors } = await runSession(cohort, contributions, { crypto, behaviour });
      expect(survivors).toEqual(clients.filter((_, i) => !lost.includes(i)));
      expect(outcome).toEqual({ ok: true, sum: plainSum(contributions, survivors) });
    }
  });

  it('S2: secrets that were sealed wrongly for the recovery are found, and the dealer named, before a sum is released', async () => {
    const cohort = await cohortOf(4);
    const clients = clientsOf(cohort);
    const contributions = testContributions(cohort);
    const tamper = dealing(cohort, clients[0]!, (share) => ({
      ...share,
      maskKemSecrets: altered(share.maskKemSecrets ?? ''),
    }));
    const lost = new Map<string, Behaviour>([[clients[0]!, { tamper, leavesBefore: 'upload' }]]);
    expect((await runSession(cohort, contributions, { crypto, behaviour: lost })).outcome).toEqual({
      ok: false,
      code: 'RECOVERY_FAILED',
      reason: `what lost client ${clients[0]} sealed for its recovery does not open`,
      culprits: [clients[0]],
    });
    // As long as the dealer stays nobody needs them.
    const stays = new Map<string, Behaviour>([[clients[0]!, { tamper }]]);
    expect((await runSession(cohort, contributions, { crypto, behaviour: stays })).outcome).toMatchObject({ ok: true });
  });

  it('S2: a mask ciphertext that gives the two ends other secrets is found by the tags of the pair', async () => {
    const cohort = await cohortOf(4);
    const clients = clientsOf(cohort);
    const tamper = dealing(cohort, clients[0]!, (share) => ({
      ...share,
      shares: share.shares.map((dealt) =>
        dealt.holder === clients[2] ? { ...dealt, maskCiphertext: altered(dealt.maskCiphertext!) } : dealt,
      ),
    }));
    const behaviour = new Map<string, Behaviour>([[clients[0]!, { tamper }]]);
    const { outcome } = await runSession(cohort, testContributions(cohort), { crypto, behaviour });
    expect(outcome).toMatchObject({
      type: 'failed',
      code: 'KEY_MISMATCH',
      culprits: [clients[0], clients[2]].sort(),
    });
    // And when the other end is lost before it could confirm: by the tag that its keys give.
    const lost = new Map<string, Behaviour>([...behaviour, [clients[2]!, { leavesBefore: 'confirm' }]]);
    expect((await runSession(cohort, testContributions(cohort), { crypto, behaviour: lost })).outcome).toMatchObject({
      ok: false,
      code: 'RECOVERY_FAILED',
      // The lost client's keys follow from r as advertised, and the other one signed the ciphertext.
      culprits: [clients[0]],
    });
  });

  it('S2: recovery secrets of another length are turned away with the dealing, before anything is charged', async () => {
    const cohort = await cohortOf(4);
    const [first] = clientsOf(cohort);
    for (const length of [22, 25, 8_597]) {
      const tamper = dealing(cohort, first!, (share) => ({ ...share, maskKemSecrets: 'A'.repeat(length) }));
      const behaviour = new Map<string, Behaviour>([[first!, { tamper, leavesBefore: 'upload' }]]);
      const { rejections, outcome } = await runSession(cohort, testContributions(cohort), { crypto, behaviour });
      expect(rejections).toMatchObject([{ client: first, code: 'MESSAGE_INVALID' }]);
      expect(outcome).toMatchObject({ ok: true });
    }
  });

  it('A6: a key has one spelling', async () => {
    const cohort = await cohortOf(3);
    const { messages } = await stoppedBefore(cohort, 'share');
    const advertised = messages.find(({ type }) => type === 'advertise') as Advertise;
    expect(advertiseSchema.safeParse(advertised).success).toBe(true);
    const key = advertised.maskKemKey!;
    for (const last of 'BCDx_-') {
      const respelled = { ...advertised, maskKemKey: key.slice(0, -1) + last };
      expect(advertiseSchema.safeParse(respelled).success).toBe(false);
    }
  });

  it('A13: a seal ciphertext that was altered names its dealer, like shares that do not open', async () => {
    const cohort = await cohortOf(4);
    const clients = clientsOf(cohort);
    const tamper = dealing(cohort, clients[1]!, (share) => ({
      ...share,
      shares: share.shares.map((dealt) =>
        dealt.holder === clients[3] ? { ...dealt, sealCiphertext: altered(dealt.sealCiphertext!) } : dealt,
      ),
    }));
    const behaviour = new Map<string, Behaviour>([[clients[1]!, { tamper }]]);
    const { clientErrors } = await runSession(cohort, testContributions(cohort), { crypto, behaviour });
    expect([...clientErrors.keys()]).toEqual([clients[3]]);
    expect(clientErrors.get(clients[3]!)).toSatisfy(coded('SHARE_INVALID'));
    expect(String(clientErrors.get(clients[3]!))).toContain(clients[1]);
  });

  it('A19: an entry without its ML-KEM keys, or a dealing without ciphertexts, is turned away at both ends', async () => {
    const cohort = await cohortOf(4);
    const [first, second] = cohort.identities;
    const without: (keyof Advertise)[] = ['maskKemKey', 'sealKemKey'];
    for (const field of without) {
      const tamper = async (message: SumMessage): Promise<SumMessage> => {
        if (message.type !== 'advertise') return message;
        const { [field]: _key, ...rest } = message;
        const bare = rest as Advertise;
        return { ...bare, signature: toHex(await second!.sign(advertiseBytes(header.suite, bare))) };
      };
      const behaviour = new Map<string, Behaviour>([[second!.client, { tamper }]]);
      const { rejections } = await runSession(cohort, testContributions(cohort), { crypto, behaviour });
      expect(rejections).toMatchObject([{ client: second!.client, code: 'MESSAGE_INVALID' }]);
      // A coordinator that lets it pass all the same.
      const begun = await Promise.all(cohort.identities.map((one) => beginSession(cohort.rules, one, ports)));
      const entries = await Promise.all(begun.map(async ({ message }) => (await tamper(message!)) as Advertise));
      const own = begun[0]!.message!;
      const roster = {
        type: 'roster' as const,
        sessionId: own.sessionId,
        entries: entries.map((entry) => (entry.client === first!.client ? own : entry)),
      };
      await expect(onRoster(begun[0]!.state, roster, ports)).rejects.toSatisfy(coded('ROSTER_INVALID'));
    }
    const tamper = dealing(cohort, first!.client, ({ maskKemSecrets: _secrets, ...share }) => share);
    const bare = new Map<string, Behaviour>([[first!.client, { tamper }]]);
    expect((await runSession(cohort, testContributions(cohort), { crypto, behaviour: bare })).rejections).toMatchObject(
      [{ client: first!.client, code: 'MESSAGE_INVALID' }],
    );
  });

  it('A11: a malformed ML-KEM key never gets into the roster', async () => {
    const cohort = await cohortOf(4);
    const [, second] = cohort.identities;
    const bad = toBase64Url(new Uint8Array(1_184).fill(255));
    const tamper = async (message: SumMessage): Promise<SumMessage> => {
      if (message.type !== 'advertise') return message;
      const changed = { ...message, sealKemKey: bad };
      return { ...changed, signature: toHex(await second!.sign(advertiseBytes(header.suite, changed))) };
    };
    const behaviour = new Map<string, Behaviour>([[second!.client, { tamper }]]);
    const { rejections, outcome } = await runSession(cohort, testContributions(cohort), { crypto, behaviour });
    expect(rejections).toMatchObject([{ client: second!.client, code: 'MESSAGE_INVALID' }]);
    expect(outcome).toMatchObject({ ok: true });
  });

  it('A6, A10: its keys are in the roster’s hash, and fresh in every session', async () => {
    const cohort = await cohortOf(3);
    const [one, two] = [await stoppedBefore(cohort, 'share'), await stoppedBefore(cohort, 'share')];
    const rosterOf = (result: typeof one) => {
      const entries = result.messages.flatMap((message) => (message.type === 'advertise' ? [message] : []));
      return { type: 'roster' as const, sessionId: sessionIdOf(header), entries };
    };
    const roster = rosterOf(one);
    const [entry, ...others] = roster.entries;
    const changed = { ...roster, entries: [{ ...entry!, maskKemKey: altered(entry!.maskKemKey!) }, ...others] };
    expect(rosterHashOf(changed)).not.toBe(rosterHashOf(roster));
    // The harness draws from one seed by default, so other keys here would be other seeds' doing.
    expect(rosterOf(two)).toEqual(roster);
    const fresh = await runSession(cohort, testContributions(cohort), { crypto, random: createSeededRandom('other') });
    const keys = new Set([...roster.entries, ...rosterOf(fresh).entries].map(({ maskKemKey }) => maskKemKey));
    expect(keys.size).toBe(6);
  });
});
