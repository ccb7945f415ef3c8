import { beforeAll, describe, expect, it } from 'vitest';
import { createNodeCrypto } from '../crypto/node.ts';
import { controlMessageMaxBytes } from '../protocol/limits.ts';
import { serverMessageSchema } from '../protocol/index.ts';
import { createSeededRandom, shuffle } from '../random/index.ts';
import { memberOf } from './binding.ts';
import { createGraph, holdersIn } from './graph.ts';
import {
  beginSession,
  colludersTolerated,
  createSum,
  onInbox,
  onRoster,
  onUnmaskRequest,
  rosterHashOf,
  stepSum,
  type Advertise,
  type Roster,
  type SumClientState,
  type SumIdentity,
} from './index.ts';
import { agreementsOver, clientsOf, coded, keptState, requestOf, stoppedBefore } from './testing/attacks.ts';
import { testCohort, testHeader, type TestCohort } from './testing/harness.ts';
import { agreedBy, createRingField, type RingField } from './testing/ring-field.ts';

// The numbers are those of docs/security/attacks.md. A failure is: a client that answers what it must refuse.
const crypto = createNodeCrypto();
const ports = { crypto, random: createSeededRandom('attacks') };
const n = 201;

describe('the roster of a ring', () => {
  let cohort: TestCohort;
  let entries: readonly Advertise[];
  let victim: SumIdentity;
  let fresh: () => SumClientState;
  let roster: Roster;

  beforeAll(async () => {
    cohort = await testCohort(n, crypto, { header: testHeader(1) });
    const begun = await Promise.all(cohort.identities.map((identity) => beginSession(cohort.rules, identity, ports)));
    entries = begun.map(({ message }) => message!);
    victim = cohort.identities[3]!;
    fresh = keptState(begun[3]!.state);
    let step = createSum(cohort.rules, clientsOf(cohort));
    const sent = entries.flatMap((message) => {
      step = stepSum(step.state, { type: 'message', message });
      return step.effects;
    });
    const found = sent.find((effect) => effect.type === 'send' && effect.to === victim.client);
    if (found?.type !== 'send' || found.message.type !== 'roster') throw new Error('no roster');
    roster = found.message;
  }, 60_000);

  const refused = async (changed: Roster, code: Parameters<typeof coded>[0]) =>
    expect(onRoster(fresh(), changed, ports)).rejects.toSatisfy(coded(code));

  /** What a coordinator sends that follows the rules with other entries. */
  const consistent = (all: readonly Advertise[], nearOf = (near: readonly string[]) => near): Roster => {
    const members = all.map(memberOf);
    const { sessionId } = roster;
    const hash = rosterHashOf({ type: 'roster', sessionId, entries: [], members });
    const graph = createGraph(
      members.map(({ client }) => client),
      hash,
    );
    const near = new Set(nearOf([...holdersIn(graph).get(victim.client)!, victim.client]));
    return { type: 'roster', sessionId, members, entries: all.filter(({ client }) => near.has(client)) };
  };

  it('A8: names everybody by a hash and gives the entries of the neighbours, who are dealt to', async () => {
    expect(roster).toEqual(consistent(entries));
    expect(roster.entries).toHaveLength(71);
    const { message } = await onRoster(fresh(), roster, ports);
    const near = roster.entries.map(({ client }) => client).filter((client) => client !== victim.client);
    expect(message.shares.map(({ holder }) => holder)).toEqual(near);
    expect(message.rosterHash).toBe(rosterHashOf(roster));
  });

  it('A8: with another neighbour, one too few or one too many is refused', async () => {
    const far = clientsOf(cohort).find((client) => !roster.entries.some((entry) => entry.client === client))!;
    const near = roster.entries.find(({ client }) => client !== victim.client)!.client;
    for (const choose of [
      (list: readonly string[]) => list.map((client) => (client === near ? far : client)),
      (list: readonly string[]) => list.filter((client) => client !== near),
      (list: readonly string[]) => [...list, far],
    ]) {
      await refused(consistent(entries, choose), 'ROSTER_INVALID');
    }
  });

  it('A8: with one hash altered gives another graph, so that the same neighbours are refused', async () => {
    const members = roster.members!;
    for (const index of [0, 77, n - 1]) {
      const { client, entryHash } = members[index]!;
      const altered = { client, entryHash: (entryHash.startsWith('0') ? '1' : '0') + entryHash.slice(1) };
      await refused({ ...roster, members: members.with(index, altered) }, 'ROSTER_INVALID');
    }
    await refused(
      { ...roster, members: members.filter(({ client }) => client !== members[0]!.client) },
      'ROSTER_INVALID',
    );
  });

  it('A6: with an entry that is not the one in its hash, or not signed, is refused', async () => {
    const [near] = roster.entries.filter(({ client }) => client !== victim.client);
    const forged = { ...near!, maskKey: '5a'.repeat(32) };
    const swap = (list: readonly Advertise[]) => list.map((entry) => (entry === near ? forged : entry));
    await refused({ ...roster, entries: swap(roster.entries) }, 'ROSTER_INVALID');
    // A coordinator that hashes the forged entry gets another graph, in which the forged one may or may not be near.
    let tried = 0;
    for (const entry of entries) {
      const bad = { ...entry, sealKey: '5a'.repeat(32) };
      const changed = consistent(entries.map((other) => (other === entry ? bad : other)));
      if (entry.client === victim.client || !changed.entries.includes(bad)) continue;
      await refused(changed, 'SIGNATURE_INVALID');
      if (++tried === 3) break;
    }
    expect(tried).toBe(3);
  });

  it('A6: with the own entry or its hash altered is refused, and with a stranger among those it only has the hash of', async () => {
    const own = entries[3]!;
    const bad = { ...own, maskKey: entries[4]!.maskKey };
    const replaced = entries.map((entry) => (entry === own ? bad : entry));
    await refused(consistent(replaced), 'ROSTER_INVALID');
    await refused({ ...consistent(replaced), entries: [...roster.entries] }, 'ROSTER_INVALID');
    const strange = { ...entries.at(-1)!, client: 'ff'.repeat(20) };
    await refused(consistent([...entries.slice(0, -1), strange]), 'ROSTER_INVALID');
    const members = roster.members!;
    await refused({ ...roster, members: [...members.slice(0, -1), members.at(-2)!] }, 'ROSTER_INVALID');
    await refused({ ...roster, members: [...members].reverse() }, 'ROSTER_INVALID');
  });

  it('A19: so few that all are to be known are not taken by hash, nor so many by their entries', async () => {
    const { members: _, ...whole } = { ...roster, entries: [...entries] };
    await refused(whole, 'ROSTER_INVALID');
    const small = await testCohort(5, crypto);
    const begun = await Promise.all(small.identities.map((identity) => beginSession(small.rules, identity, ports)));
    const all = begun.map(({ message }) => message!);
    const { sessionId } = begun[0]!.state;
    const byHash: Roster = { type: 'roster', sessionId, entries: all, members: all.map(memberOf) };
    await expect(onRoster(begun[0]!.state, byHash, ports)).rejects.toSatisfy(coded('ROSTER_INVALID'));
  });

  it('A23: of a thousand clients by the hybrid suite fits into a control message', () => {
    const entry = { ...entries[0]!, maskKemKey: 'A'.repeat(1_579), sealKemKey: 'A'.repeat(1_579) };
    const members = Array.from({ length: 1_000 }, () => memberOf(entries[0]!));
    const message = { ...roster, entries: Array.from({ length: 115 }, () => entry), members };
    expect(serverMessageSchema.parse(message)).toEqual(message);
    expect(JSON.stringify(message).length).toBeLessThan(controlMessageMaxBytes);
  });
});

describe('shares on the ring', () => {
  let field: RingField;
  beforeAll(async () => {
    const colluding = colludersTolerated(n);
    field = await createRingField(await testCohort(n, crypto, { header: testHeader(1), colluding }), crypto);
  }, 120_000);

  it('S5: are opened of t neighbours at least, of neighbours alone, and nobody holds a share of its own', async () => {
    const small = field.cohort;
    const stopped = await stoppedBefore(small, 'confirm');
    const [client] = clientsOf(small);
    const inbox = requestOf(stopped, 'inbox', client!);
    expect(inbox.dealt.map(({ dealer }) => dealer)).toEqual(holdersIn(field.graph).get(client!));
    const fresh = keptState(stopped.states.get(client!)!);
    const { threshold } = field.graph;
    const few = { ...inbox, dealt: inbox.dealt.slice(0, threshold - 1) };
    await expect(onInbox(fresh(), few, ports)).rejects.toSatisfy(coded('COHORT_TOO_SMALL'));
    const enough = { ...inbox, dealt: inbox.dealt.slice(0, threshold) };
    expect((await onInbox(fresh(), enough, ports)).message.tags).toHaveLength(threshold);
    const stranger = clientsOf(small).findLast((other) => !holdersIn(field.graph).get(client!)!.includes(other))!;
    const strange = { ...enough, dealt: [...enough.dealt.slice(0, -1), { ...enough.dealt.at(-1)!, dealer: stranger }] };
    strange.dealt.sort((a, b) => (a.dealer < b.dealer ? -1 : 1));
    await expect(onInbox(fresh(), strange, ports)).rejects.toSatisfy(coded('MESSAGE_INVALID'));
  });

  it('A2: dealers that count as lost and others kept from a client do not open it, as they would by the numbers without rule M', () => {
    // A client is shown t of its dealers, all corrupt ones among them; the honest ones of these count as lost, which opens their masks
    // with it. The other k − t share no mask with it, and give their shares of its self mask, as do the corrupt ones.
    const clients = Array.from({ length: 1_000 }, (_, i) => i.toString(16).padStart(40, '0'));
    const random = createSeededRandom('hidden dealers');
    let [most, opened] = [0, 0];
    for (let trial = 0; trial < 50; trial++) {
      const { ring, threshold } = createGraph(clients, trial.toString(16).padStart(64, '0'));
      const { order, reach } = ring!;
      const corrupt = new Set(shuffle(random, clients).slice(0, colludersTolerated(1_000)));
      for (const [place, client] of order.entries()) {
        if (corrupt.has(client)) continue;
        const sharesOf = (side: number, t: number) => {
          const near = Array.from({ length: 2 * side + 1 }, (_, i) => order[(place + i - side + 1_000) % 1_000]!);
          return 2 * side - t + near.filter((other) => corrupt.has(other)).length;
        };
        most = Math.max(most, sharesOf(reach, threshold));
        // k = 52, t = 28: what the search finds for a coordinator that only looks.
        if (sharesOf(26, 28) >= 28) opened++;
      }
      expect(most).toBeLessThan(threshold);
    }
    expect(opened).toBeGreaterThan(10_000);
  });

  it('A2: two views of who survived get two thirds of the signatures for one of them at most, and no share for the other', async () => {
    const { clients, roster } = field;
    const corrupt = clients.slice(0, colludersTolerated(n));
    const honest = clients.slice(corrupt.length);
    const views = [clients, clients.filter((client) => client !== honest.at(-1))];
    const shown = honest.slice(0, -1).map((client, i) => ({ client, view: views[i % 2]! }));
    const agreed = await Promise.all(
      shown.map(async ({ client, view }) => ({ client, view, ...(await agreedBy(field, client, view, crypto)) })),
    );
    for (const view of views) {
      const signed = agreed.filter((answer) => answer.view === view);
      const colluders = await agreementsOver(field.cohort, rosterHashOf(roster), [...clients], [...view]);
      const signatures = [
        ...signed.map(({ client, message }) => ({ client, signature: message.signature })),
        ...colluders.filter(({ client }) => corrupt.includes(client)),
      ];
      for (const { state } of signed.slice(0, 5)) {
        const request = { type: 'unmaskRequest' as const, sessionId: roster.sessionId, agreed: signatures };
        await expect(onUnmaskRequest(state, request, ports)).rejects.toSatisfy(coded('SIGNATURE_INVALID'));
      }
    }
  });

  it('A3: a stretch of the ring whose clients did not sign gets no share, though two thirds of all did', async () => {
    const { clients, graph, roster } = field;
    const { order, reach, spread } = graph.ring!;
    const all = await agreementsOver(field.cohort, rosterHashOf(roster), [...clients], [...clients]);
    const place = order.indexOf(clients[0]!);
    const stretch = new Set(Array.from({ length: reach }, (_, i) => order[(place + 1 + i) % n]!));
    const silent = new Set([...stretch].slice(spread - 1));
    const ask = async (agreed: typeof all) =>
      onUnmaskRequest(
        (await agreedBy(field, clients[0]!, clients, crypto)).state,
        { type: 'unmaskRequest', sessionId: roster.sessionId, agreed },
        ports,
      );
    const signers = all.filter(({ client }) => !silent.has(client));
    expect(signers.length).toBeGreaterThan(graph.agreement);
    await expect(ask(signers)).rejects.toSatisfy(coded('SIGNATURE_INVALID'));
    // One more in the stretch, and the shares are given: of the neighbours, and none of its own.
    const [one] = silent;
    const { message } = await ask(all.filter(({ client }) => client === one || !silent.has(client)));
    expect(message.shares.map(({ dealer }) => dealer)).toEqual(holdersIn(graph).get(clients[0]!));
  });

  it('A3: fewer survivors than minSurvivors, or than t of the own holders, are not agreed to', async () => {
    const { clients, graph, cohort } = field;
    const [client] = clients;
    const holders = holdersIn(graph).get(client!)!;
    const without = (gone: readonly string[]) => clients.filter((other) => !gone.includes(other));
    const enough = without(holders.slice(graph.threshold));
    await expect(agreedBy(field, client!, enough, crypto)).resolves.toMatchObject({ message: { type: 'agree' } });
    const tooFew = [without(holders.slice(graph.threshold - 1)), clients.slice(0, cohort.rules.minSurvivors - 1)];
    for (const survivors of tooFew) {
      await expect(agreedBy(field, client!, survivors, crypto)).rejects.toSatisfy(coded('COHORT_TOO_SMALL'));
    }
  });
});
