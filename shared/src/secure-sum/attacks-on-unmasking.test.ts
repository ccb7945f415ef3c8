import { describe, expect, it } from 'vitest';
import { createNodeCrypto } from '../crypto/node.ts';
import { createSeededRandom } from '../random/index.ts';
import {
  onAgreeRequest,
  onUnmaskRequest,
  rosterHashOf,
  sessionIdOf,
  thresholdFor,
  type AgreeRequest,
  type Roster,
  type SumClientState,
  type Unmask,
} from './index.ts';
import { agreementsOver, clientsOf, coded, requestOf, stoppedBefore } from './testing/attacks.ts';
import { runSession, testCohort, testContributions, type Behaviour } from './testing/harness.ts';

// The numbers are those of the list of attacks in THREAT_MODEL.md. A failure is: a client that answers what it must refuse, or
// a coordinator that takes what it must turn away.
const crypto = createNodeCrypto();
const ports = { crypto, random: createSeededRandom('attacks') };

describe('never both shares', () => {
  it('A1: no client is asked twice about one dealer, and each answer has one kind for each', async () => {
    const cohort = await testCohort(7, crypto);
    const clients = clientsOf(cohort);
    const gone = clients.slice(0, 2);
    const result = await runSession(cohort, testContributions(cohort), {
      crypto,
      behaviour: new Map(gone.map((client) => [client, { leavesBefore: 'upload' }])),
    });
    const answers = result.messages.filter((message): message is Unmask => message.type === 'unmask');
    expect(answers).toHaveLength(5);
    for (const { shares } of answers) {
      expect(shares.map(({ dealer }) => dealer)).toEqual(clients);
      for (const { dealer, kind } of shares) expect(kind).toBe(gone.includes(dealer) ? 'recovery' : 'selfMask');
    }
  });

  it('A1: a survivor named twice, or out of order, or a stranger, is refused', async () => {
    const cohort = await testCohort(4, crypto);
    const clients = clientsOf(cohort);
    const { sessionId } = { sessionId: sessionIdOf(cohort.rules.header) };
    const bad = [
      [clients[0]!, ...clients],
      [...clients].reverse(),
      [...clients.slice(0, 3), 'ff'.repeat(20)],
      clients.slice(1),
    ];
    for (const survivors of bad) {
      const { states } = await stoppedBefore(cohort, 'agree');
      const request: AgreeRequest = { type: 'agreeRequest', sessionId, sharers: clients, survivors };
      const state = states.get(clients[0]!)!;
      await expect(onAgreeRequest(state, request, ports)).rejects.toSatisfy(coded('MESSAGE_INVALID'));
      await expect(onAgreeRequest(state, { ...request, survivors: clients }, ports)).rejects.toSatisfy(
        coded('MESSAGE_UNEXPECTED'),
      );
    }
  });

  it('A2: split views of who survived never open t shares of both kinds, in random trials', async () => {
    const cohort = await testCohort(5, crypto);
    const clients = clientsOf(cohort);
    const threshold = thresholdFor(5);
    const random = createSeededRandom('split');
    for (let trial = 0; trial < 12; trial++) {
      const { states, requests } = await stoppedBefore(cohort, 'agree');
      const roster = requests.find(({ request }) => request.type === 'roster')!.request as Roster;
      const sessionId = roster.sessionId;
      const given = new Map<string, Set<string>>();
      const views = [clients, clients.slice(0, 4), clients.slice(1)];
      const colluder = clients[trial % 5]!;
      // Every honest client is shown one of the views; the colluder signs all of them.
      const shown = new Map(clients.map((client) => [client, views[random.bytes(1)[0]! % 3]!]));
      const agreed = new Map<string, { client: string; signature: string; view: string[] }>();
      const after = new Map<string, SumClientState>();
      for (const client of clients) {
        const view = shown.get(client)!;
        if (client === colluder || !view.includes(client)) continue;
        const step = await onAgreeRequest(
          states.get(client)!,
          { type: 'agreeRequest', sessionId, sharers: clients, survivors: view },
          ports,
        );
        agreed.set(client, { client, signature: step.message.signature, view });
        after.set(client, step.state);
      }
      for (const view of views) {
        const forged = await agreementsOver(cohort, rosterHashOf(roster), clients, view);
        const signatures = [
          ...[...agreed.values()].map(({ client, signature }) => ({ client, signature })),
          forged.find(({ client }) => client === colluder)!,
        ];
        for (const [client, state] of after) {
          if (shown.get(client) !== view) continue;
          try {
            const { message } = await onUnmaskRequest(
              state,
              { type: 'unmaskRequest', sessionId, agreed: signatures },
              ports,
            );
            for (const { dealer, kind } of message.shares) {
              const key = `${dealer}/${kind}`;
              given.set(key, (given.get(key) ?? new Set()).add(client));
            }
          } catch (error) {
            expect(error).toSatisfy(coded('SIGNATURE_INVALID'));
          }
        }
      }
      for (const dealer of clients) {
        const both = ['selfMask', 'recovery'].map((kind) => (given.get(`${dealer}/${kind}`)?.size ?? 0) + 1);
        expect(Math.min(...both)).toBeLessThan(threshold);
      }
    }
  });

  it('A3: fewer survivors than minSurvivors are refused by every client, and nothing can be asked afterwards', async () => {
    const cohort = await testCohort(7, crypto, { minSurvivors: 6 });
    const clients = clientsOf(cohort);
    const { states } = await stoppedBefore(cohort, 'agree');
    const sessionId = sessionIdOf(cohort.rules.header);
    const survivors = clients.slice(0, 5);
    for (const client of survivors) {
      const state = states.get(client)!;
      const request: AgreeRequest = { type: 'agreeRequest', sessionId, sharers: clients, survivors };
      await expect(onAgreeRequest(state, request, ports)).rejects.toSatisfy(coded('COHORT_TOO_SMALL'));
      await expect(onAgreeRequest(state, { ...request, survivors: clients }, ports)).rejects.toSatisfy(
        coded('MESSAGE_UNEXPECTED'),
      );
    }
  });

  it('A4: a state signs once and unmasks once, also when asked twice at the same moment', async () => {
    const cohort = await testCohort(4, crypto);
    const clients = clientsOf(cohort);
    const sessionId = sessionIdOf(cohort.rules.header);
    const { states } = await stoppedBefore(cohort, 'agree');
    const first: AgreeRequest = { type: 'agreeRequest', sessionId, sharers: clients, survivors: clients };
    const second: AgreeRequest = { ...first, survivors: clients.slice(0, 3) };
    const state = states.get(clients[0]!)!;
    const asked = await Promise.allSettled([onAgreeRequest(state, first, ports), onAgreeRequest(state, second, ports)]);
    expect(asked.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);

    const stopped = await stoppedBefore(cohort, 'unmask');
    const request = requestOf(stopped, 'unmaskRequest', clients[1]!);
    const agreed = stopped.states.get(clients[1]!)!;
    const unmasked = await Promise.allSettled([
      onUnmaskRequest(agreed, request, ports),
      onUnmaskRequest(agreed, request, ports),
    ]);
    expect(unmasked.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    await expect(onUnmaskRequest(agreed, request, ports)).rejects.toSatisfy(coded('MESSAGE_UNEXPECTED'));
  });

  it('A4: no share is given for signatures that are too few, repeated, over other sets or by non-survivors', async () => {
    const cohort = await testCohort(7, crypto);
    const clients = clientsOf(cohort);
    const gone = new Map<string, Behaviour>([[clients[6]!, { leavesBefore: 'upload' }]]);
    const survivors = clients.slice(0, 6);
    const cases: ((right: { client: string; signature: string }[], wrong: typeof right) => typeof right)[] = [
      (right) => right.slice(0, 4), // t = 5, the own one is among these four
      (right) => [right[1]!, right[1]!, right[1]!, right[1]!, right[1]!],
      (_, wrong) => wrong,
      (right) => [...right.slice(0, 4), right[6]!],
      (right) => right.map(({ client }, i) => ({ client, signature: right[(i + 1) % 6]!.signature })),
    ];
    for (const choose of cases) {
      const { states, requests } = await stoppedBefore(cohort, 'unmask', gone);
      const roster = requests.find(({ request }) => request.type === 'roster')!.request as Roster;
      const right = await agreementsOver(cohort, rosterHashOf(roster), clients, survivors);
      const wrong = await agreementsOver(cohort, rosterHashOf(roster), clients, clients);
      const agreed = choose(right, wrong);
      const { sessionId } = roster;
      await expect(
        onUnmaskRequest(states.get(clients[0]!)!, { type: 'unmaskRequest', sessionId, agreed }, ports),
      ).rejects.toSatisfy(coded('SIGNATURE_INVALID'));
    }
  });
});
