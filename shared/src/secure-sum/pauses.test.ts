import { describe, expect, it } from 'vitest';
import { isSottoError } from '../errors/index.ts';
import { createNodeCrypto, createNodeRandom } from '../crypto/node.ts';
import { beginSession, onInbox, onRoster, type Roster } from './index.ts';
import { peersAtOnce } from './rules.ts';
import { testCohort } from './testing/harness.ts';

const crypto = createNodeCrypto();
const random = createNodeRandom();
const clients = 2 * peersAtOnce + 1;

describe('a client with many peers', () => {
  it('gives way every few of them, and answers once however the turns fall', async () => {
    const { rules, identities } = await testCohort(clients, crypto);
    const begun = await Promise.all(identities.map((identity) => beginSession(rules, identity, { crypto, random })));
    const entries = begun.map(({ message }) => message!);
    const roster: Roster = { type: 'roster', sessionId: entries[0]!.sessionId, entries };
    let turns = 0;
    const pause = async () => {
      turns++;
      await new Promise((resolve) => setImmediate(resolve));
    };
    const twice = async <Result>(step: () => Promise<Result>): Promise<Result> => {
      turns = 0;
      const [first, second] = await Promise.allSettled([step(), step()]);
      expect(turns).toBe(3);
      if (first.status === 'rejected') throw first.reason;
      expect(second.status === 'rejected' && isSottoError(second.reason, 'MESSAGE_UNEXPECTED')).toBe(true);
      return first.value;
    };
    const { state: advertised } = begun[0]!;
    const shared = await twice(() => onRoster(advertised, roster, { crypto, random, pause }));
    const messages = [shared.message];
    for (const { state } of begun.slice(1)) messages.push((await onRoster(state, roster, { crypto, random })).message);
    const dealt = messages.map(({ client, shares }) => {
      const { holder: _, ...dealing } = shares[0]!;
      return { dealer: client, ...dealing };
    });
    const inbox = { type: 'inbox', sessionId: roster.sessionId, dealt } as const;
    const confirmed = await twice(() => onInbox(shared.state, inbox, { crypto, random, pause }));
    expect(confirmed.message.tags).toHaveLength(clients - 1);
  });
});
