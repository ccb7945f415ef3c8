import { describe, expect, it } from 'vitest';
import { createNodeCrypto } from '../crypto/node.ts';
import { createSeededRandom } from '../random/index.ts';
import { toHex } from '../vector/index.ts';
import { advertiseBytes, pairMaskInfo } from './binding.ts';
import {
  beginSession,
  createSum,
  onAgreeRequest,
  onInbox,
  onRoster,
  onUnmaskRequest,
  sessionIdOf,
  stepSum,
  verifySumMessage,
  type Advertise,
  type Roster,
  type SumClientState,
  type SumRules,
} from './index.ts';
import { clientsOf, coded, keptState, looksUniform, stoppedBefore } from './testing/attacks.ts';
import { runSession, testCohort, testContributions, testHeader, type SessionResult } from './testing/harness.ts';

// The numbers are those of docs/security/attacks.md. A failure is: a client that answers what it must refuse, or
// a coordinator that takes what it must turn away.
const crypto = createNodeCrypto();
const ports = { crypto, random: createSeededRandom('attacks') };

describe('what a session is bound to', () => {
  it('A5: keys advertised for one model are refused in a session of another', async () => {
    const cohort = await testCohort(4, crypto);
    const clients = clientsOf(cohort);
    const otherRules: SumRules = { ...cohort.rules, header: testHeader(5, { modelHash: '44'.repeat(32) }) };
    const shown = new Set(clients.slice(0, 2));
    const result = await runSession(cohort, testContributions(cohort), {
      crypto,
      rulesOf: (client) => (shown.has(client) ? otherRules : cohort.rules),
    });
    expect(result.outcome).toMatchObject({ type: 'failed', code: 'COHORT_TOO_SMALL', culprits: [...shown] });
    expect(result.rejections.map(({ code }) => code)).toEqual(['MESSAGE_UNEXPECTED', 'MESSAGE_UNEXPECTED']);

    const begun = await beginSession(cohort.rules, cohort.identities[0]!, ports);
    const others = await Promise.all(
      cohort.identities.slice(1).map((identity) => beginSession(otherRules, identity, ports)),
    );
    const entries = [begun.message!, ...others.map(({ message }) => message!)];
    const roster: Roster = { type: 'roster', sessionId: begun.state.sessionId, entries };
    await expect(onRoster(begun.state, roster, ports)).rejects.toSatisfy(coded('ROSTER_INVALID'));
    const again = await beginSession(cohort.rules, cohort.identities[0]!, ports);
    const relabelled = entries.slice(1).map((entry) => ({ ...entry, sessionId: again.state.sessionId }));
    const forged: Roster = {
      type: 'roster',
      sessionId: again.state.sessionId,
      entries: [again.message!, ...relabelled],
    };
    await expect(onRoster(again.state, forged, ports)).rejects.toSatisfy(coded('SIGNATURE_INVALID'));
  });

  it('A5: the masks of one pair under two models differ by uniform garbage', async () => {
    const secret = createSeededRandom('pair').bytes(32);
    const words = new Uint32Array(65_536);
    for (const [modelHash, sign] of [
      ['44', 1],
      ['55', -1],
    ] as const) {
      const sessionId = sessionIdOf(testHeader(5, { modelHash: modelHash.repeat(32) }));
      const binding = { suite: 'x25519', sessionId, rosterHash: '66'.repeat(32) };
      await crypto.addMasks(words, [{ key: await crypto.hkdf(secret, pairMaskInfo(binding, 'a', 'b'), 32), sign }]);
    }
    expect(looksUniform(new Uint8Array(words.buffer))).toBe(true);
  });

  it('A6: each altered byte of each roster entry makes each client leave', async () => {
    const cohort = await testCohort(3, crypto);
    const begun = await Promise.all(cohort.identities.map((identity) => beginSession(cohort.rules, identity, ports)));
    const entries = begun.map(({ message }) => message!);
    const kept = begun.map(({ state }) => keptState(state));
    let altered = 0;
    for (const fresh of kept) {
      const { sessionId } = fresh();
      for (const [who, entry] of entries.entries()) {
        for (const field of ['client', 'sessionId', 'maskKey', 'sealKey', 'signature'] as const) {
          const text = entry[field];
          for (let at = 0; at < text.length; at += 2) {
            const digit = text[at] === '0' ? '1' : '0';
            const other = { ...entry, [field]: text.slice(0, at) + digit + text.slice(at + 1) };
            const roster: Roster = { type: 'roster', sessionId, entries: entries.with(who, other) };
            await expect(onRoster(fresh(), roster, ports)).rejects.toSatisfy(
              coded('ROSTER_INVALID', 'SIGNATURE_INVALID'),
            );
            altered++;
          }
        }
      }
    }
    expect(altered).toBe(3 * 3 * (20 + 32 + 32 + 32 + 64));
  });

  it('A6, A7: strangers, doubles, repeated keys, a wrong order or a missing own entry are refused', async () => {
    const cohort = await testCohort(4, crypto);
    const stranger = await testCohort(1, crypto, { seed: 'stranger', minSurvivors: 3 });
    const strange = await beginSession(
      { ...cohort.rules, identities: stranger.rules.identities },
      stranger.identities[0]!,
      ports,
    );
    const sorted = (entries: Advertise[]) => entries.sort((a, b) => (a.client < b.client ? -1 : 1));
    const cases: ((entries: Advertise[]) => Advertise[])[] = [
      (entries) => sorted([...entries.slice(0, 3), strange.message!]),
      (entries) => [...entries, entries[3]!],
      (entries) => [...entries].reverse(),
      (entries) => entries.slice(1),
    ];
    for (const change of cases) {
      const begun = await Promise.all(cohort.identities.map((identity) => beginSession(cohort.rules, identity, ports)));
      const entries = change(begun.map(({ message }) => message!));
      const roster: Roster = { type: 'roster', sessionId: begun[0]!.state.sessionId, entries };
      await expect(onRoster(begun[0]!.state, roster, ports)).rejects.toSatisfy(coded('ROSTER_INVALID'));
    }
    // Client 1 signs a copy of client 2's masking key.
    const begun = await Promise.all(cohort.identities.map((identity) => beginSession(cohort.rules, identity, ports)));
    const entries = begun.map(({ message }) => message!);
    const copied = { ...entries[1]!, maskKey: entries[2]!.maskKey };
    const signature = toHex(await cohort.identities[1]!.sign(advertiseBytes('x25519', copied)));
    const roster: Roster = {
      type: 'roster',
      sessionId: copied.sessionId,
      entries: [entries[0]!, { ...copied, signature }, entries[2]!, entries[3]!],
    };
    await expect(onRoster(begun[0]!.state, roster, ports)).rejects.toSatisfy(coded('ROSTER_INVALID'));
    // The coordinator does not let it get that far: it would cost the whole session.
    const opened = createSum(cohort.rules, clientsOf(cohort)).state;
    expect(await verifySumMessage(opened, { ...copied, signature }, crypto)).toBeNull();
    const { state } = stepSum(opened, { type: 'message', message: entries[2]! });
    expect(await verifySumMessage(state, { ...copied, signature }, crypto)).toMatchObject({ code: 'MESSAGE_INVALID' });
  });

  it('A9: nothing recorded in one attempt is taken in the next, at any stage, and nothing is taken twice', async () => {
    const first = await testCohort(3, crypto, { header: testHeader(5, { attempt: 1 }) });
    const recorded = await runSession(first, testContributions(first), { crypto });
    expect('ok' in recorded.outcome && recorded.outcome.ok).toBe(true);
    const second = await testCohort(3, crypto, { header: testHeader(5, { attempt: 2 }) });
    for (const stage of ['share', 'confirm', 'upload', 'agree', 'unmask'] as const) {
      const { states } = await stoppedBefore(second, stage);
      for (const { to, request } of recorded.requests) {
        await expect(answerTo(states.get(to)!, request)).rejects.toSatisfy(coded('MESSAGE_UNEXPECTED'));
      }
    }
    // The coordinator of the second attempt, fed with its own messages, each one repeated, and all old ones in between.
    const fresh = await runSession(second, testContributions(second), { crypto, random: createSeededRandom('fresh') });
    let { state } = createSum(second.rules, clientsOf(second));
    for (const message of fresh.messages) {
      for (const old of recorded.messages) {
        expect(await verifySumMessage(state, old, crypto)).toMatchObject({ code: 'MESSAGE_UNEXPECTED' });
        expect(stepSum(state, { type: 'message', message: old })).toEqual({ state, effects: [] });
        const relabelled = { ...old, sessionId: message.sessionId };
        // A confirmation is not signed: its old tags fit no other end's (S2).
        if (old.type !== 'confirm') expect(await verifySumMessage(state, relabelled, crypto)).not.toBeNull();
      }
      expect(await verifySumMessage(state, message, crypto)).toBeNull();
      ({ state } = stepSum(state, { type: 'message', message }));
      if (state.stage !== 'recover') {
        expect(await verifySumMessage(state, message, crypto)).toMatchObject({ code: 'MESSAGE_UNEXPECTED' });
      }
      expect(stepSum(state, { type: 'message', message }).state).toBe(state);
    }
    expect(state.stage).toBe('recover');
  });

  it('A10, S4: two attempts over the same inputs share no key and no masked word', async () => {
    const contributions = new Map<string, Int32Array>();
    const seen = new Set<string>();
    const vectors: Uint8Array[] = [];
    const random = createSeededRandom('fresh keys');
    for (const attempt of [1, 2]) {
      const cohort = await testCohort(3, crypto, { header: testHeader(1_000, { attempt }) });
      for (const client of clientsOf(cohort)) contributions.set(client, new Int32Array(1_000));
      const result = await runSession(cohort, contributions, { crypto, random });
      for (const message of result.messages) {
        if (message.type !== 'advertise') continue;
        for (const key of [message.maskKey, message.sealKey]) {
          expect(seen.has(key)).toBe(false);
          seen.add(key);
        }
      }
      vectors.push(result.vectors.get(clientsOf(cohort)[0]!)!);
    }
    const [one, two] = vectors.map((vector) => new Uint32Array(vector.buffer));
    expect(one!.filter((word, i) => word === two![i]).length).toBeLessThan(2);
    const difference = one!.map((word, i) => word - two![i]!);
    expect(looksUniform(new Uint8Array(difference.buffer))).toBe(true);
  });

  it('A11: a low-order key is turned away by the coordinator and by every client', async () => {
    const cohort = await testCohort(3, crypto);
    const zero = '00'.repeat(32);
    for (const field of ['maskKey', 'sealKey'] as const) {
      const begun = await Promise.all(cohort.identities.map((identity) => beginSession(cohort.rules, identity, ports)));
      const entries = begun.map(({ message }) => message!);
      const bad = { ...entries[2]!, [field]: zero };
      bad.signature = toHex(await cohort.identities[2]!.sign(advertiseBytes('x25519', bad)));
      const { state } = createSum(cohort.rules, clientsOf(cohort));
      expect(await verifySumMessage(state, bad, crypto)).toMatchObject({ code: 'MESSAGE_INVALID' });
      const roster: Roster = { type: 'roster', sessionId: bad.sessionId, entries: [entries[0]!, entries[1]!, bad] };
      await expect(onRoster(begun[0]!.state, roster, ports)).rejects.toSatisfy(coded('ROSTER_INVALID'));
    }
  });

  it('A17: a signature made for one stage is worth nothing in another', async () => {
    const cohort = await testCohort(3, crypto);
    const recorded = await runSession(cohort, testContributions(cohort), { crypto });
    const signatures = recorded.messages.flatMap((message) =>
      'signature' in message ? [{ type: message.type, client: message.client, signature: message.signature }] : [],
    );
    let { state } = createSum(cohort.rules, clientsOf(cohort));
    let tried = 0;
    for (const message of recorded.messages) {
      for (const { type, client, signature } of signatures) {
        if (!('signature' in message) || client !== message.client || type === message.type) continue;
        expect(await verifySumMessage(state, { ...message, signature }, crypto)).toMatchObject({
          code: 'SIGNATURE_INVALID',
        });
        tried++;
      }
      ({ state } = stepSum(state, { type: 'message', message }));
    }
    expect(tried).toBe(3 * 4 * 3);
  });
});

async function answerTo(state: SumClientState, request: SessionResult['requests'][number]['request']) {
  switch (request.type) {
    case 'roster':
      return onRoster(state, request, ports);
    case 'inbox':
      return onInbox(state, request, ports);
    case 'agreeRequest':
      return onAgreeRequest(state, request, ports);
    case 'unmaskRequest':
      return onUnmaskRequest(state, request, ports);
  }
}
