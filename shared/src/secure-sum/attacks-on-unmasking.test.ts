import { describe, expect, it } from 'vitest';
import { createNodeCrypto } from '../crypto/node.ts';
import { createSeededRandom, shuffle, uniformBelow } from '../random/index.ts';
import {
  colludersTolerated,
  onAgreeRequest,
  onUnmaskRequest,
  rosterHashOf,
  sessionIdOf,
  thresholdFor,
  type AgreeRequest,
  type Roster,
  type Unmask,
} from './index.ts';
import { agreementsOver, clientsOf, coded, keptState, requestOf, stoppedBefore, subsetsOf } from './testing/attacks.ts';
import { runSession, testCohort, testContributions, type Behaviour } from './testing/harness.ts';

// The numbers are those of docs/security/attacks.md. A failure is: a client that answers what it must refuse, or
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

  it.each([4, 5, 6, 7])(
    'A2: split views of who survived never open t shares of both kinds: of %i clients, 250 trials over every corrupt set',
    async (n) => {
      const field = await splitField(n, mostColluders(n));
      const corruptSets = subsetsOf(field.clients, 1, field.colluding);
      const random = createSeededRandom(`split ${n}`);
      let answered = 0;
      for (let trial = 0; trial < 250; trial++) {
        const corrupt = corruptSets[trial % corruptSets.length]!;
        const honest = field.clients.filter((client) => !corrupt.includes(client));
        // Two or three views, each naming up to n − minSurvivors clients lost, one honest client among them every other time.
        const victim = honest[uniformBelow(random, honest.length)]!;
        const views = Array.from({ length: 2 + uniformBelow(random, 2) }, (_, i) => {
          const others = shuffle(
            random,
            field.clients.filter((client) => client !== victim),
          );
          const lost = i % 2 === 0 ? [victim] : [];
          lost.push(...others.slice(0, Math.max(0, uniformBelow(random, n - field.needed + 1) - lost.length)));
          return field.clients.filter((client) => !lost.includes(client));
        });
        const shown = new Map(
          honest.flatMap((client) => {
            const fitting = views.filter((view) => view.includes(client));
            return fitting.length === 0 ? [] : [[client, fitting[uniformBelow(random, fitting.length)]!] as const];
          }),
        );
        const { most, answers } = await bothShares(field, corrupt, shown);
        answered += answers;
        expect(most).toBeLessThan(field.threshold);
      }
      // The coordinator was answered: the trials are not all refused at the door.
      expect(answered).toBeGreaterThan(250);
    },
  );

  it.each([4, 7, 10])('A2: with one colluder more than %i clients tolerate, two views do open both', async (n) => {
    const field = await splitField(n, mostColluders(n));
    const corrupt = field.clients.slice(0, colludersTolerated(n) + 1);
    const honest = field.clients.slice(corrupt.length);
    const [victim] = honest;
    const half = honest.slice(0, honest.length / 2);
    const without = field.clients.filter((client) => client !== victim);
    const shown = new Map(honest.map((client) => [client, half.includes(client) ? field.clients : without]));
    expect((await bothShares(field, corrupt, shown)).most).toBe(field.threshold);
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

/** The most colluders that a cohort of `n` can be planned with: two honest contributions must be left in the smallest sum. */
function mostColluders(n: number): number {
  return Math.min(colludersTolerated(n), n - 2);
}

/** A cohort that has uploaded, to be asked for agreement again and again, with the smallest noise floor that it may have. */
async function splitField(n: number, colluding: number) {
  const threshold = thresholdFor(n);
  const needed = Math.max(threshold, colluding + 2);
  const cohort = await testCohort(n, crypto, { minSurvivors: needed, colluding });
  const { states, requests } = await stoppedBefore(cohort, 'agree');
  const roster = requests.find(({ request }) => request.type === 'roster')!.request as Roster;
  const kept = new Map([...states].map(([client, state]) => [client, keptState(state)]));
  return { cohort, clients: clientsOf(cohort), kept, roster, threshold, needed, colluding };
}

/**
 * Every honest client is shown a view of its own, the corrupt ones sign all views; what was answered is put together.
 * @returns for the honest dealer of whom the coordinator has most of both kinds: the smaller of the two numbers of shares
 */
async function bothShares(
  { cohort, clients, kept, roster }: Awaited<ReturnType<typeof splitField>>,
  corrupt: readonly string[],
  shown: ReadonlyMap<string, readonly string[]>,
): Promise<{ most: number; answers: number }> {
  const { sessionId } = roster;
  const signatures = new Map<string, { client: string; signature: string }[]>();
  const agreed = [];
  for (const view of new Set(shown.values())) {
    const all = await agreementsOver(cohort, rosterHashOf(roster), clients, [...view]);
    signatures.set(
      view.join(),
      all.filter(({ client }) => corrupt.includes(client)),
    );
  }
  for (const [client, view] of shown) {
    const request: AgreeRequest = { type: 'agreeRequest', sessionId, sharers: clients, survivors: [...view] };
    const { state, message } = await onAgreeRequest(kept.get(client)!(), request, ports);
    signatures.get(view.join())!.push({ client, signature: message.signature });
    agreed.push({ state, view });
  }
  const holders = new Map(clients.flatMap((dealer) => kinds.map((kind) => [`${dealer}/${kind}`, new Set(corrupt)])));
  let answers = 0;
  for (const { state, view } of agreed) {
    try {
      const asked = { type: 'unmaskRequest' as const, sessionId, agreed: signatures.get(view.join())! };
      const { message } = await onUnmaskRequest(state, asked, ports);
      for (const { dealer, kind } of message.shares) holders.get(`${dealer}/${kind}`)!.add(message.client);
      answers++;
    } catch (error) {
      expect(error).toSatisfy(coded('SIGNATURE_INVALID'));
    }
  }
  const honest = clients.filter((client) => !corrupt.includes(client));
  const both = honest.map((dealer) => Math.min(...kinds.map((kind) => holders.get(`${dealer}/${kind}`)!.size)));
  return { most: Math.max(...both), answers };
}

const kinds = ['selfMask', 'recovery'] as const;
