import { createNodeCrypto } from '../../crypto/node.ts';
import { createSeededRandom, type RandomSource } from '../../random/index.ts';
import { toHex } from '../../vector/index.ts';
import { advertiseBytes, agreeBytes, memberOf, shareBytes, uploadBytes, type Binding } from '../binding.ts';
import {
  addVector,
  beginSession,
  createSum,
  maskVector,
  onAgreeRequest,
  onInbox,
  onRoster,
  onUnmaskRequest,
  recoverSum,
  rosterHashOf,
  sessionIdOf,
  stepSum,
  type SumClientState,
  type SumEffect,
  type SumMessage,
  type SumRequest,
} from '../index.ts';
import { testCohort, testHeader, type TestCohort } from './harness.ts';
import type { BadCase, SessionVectors, VectorFiles } from './vector-files.ts';

/**
 * One seeded session of four clients, the last of whom is lost before its upload, with all that it follows from; and what must be
 * refused beside it, made by changing it. Written down by `write-vectors.ts`.
 */
export async function recordVectors(): Promise<VectorFiles> {
  const crypto = createNodeCrypto();
  const dimension = 8;
  const cohort = await testCohort(4, crypto, { header: testHeader(dimension, { suite: 'x25519' }), seed: 'vectors' });
  const { rules } = cohort;
  const { header } = rules;
  const clients = cohort.identities.map(({ client }) => client);
  const lost = clients[3]!;
  const threshold = 3;

  const drawn = new Map(clients.map((client) => [client, [] as string[]]));
  const portsOf = (client: string) => {
    const inner = createSeededRandom(`vectors of ${client}`);
    return { crypto, random: recorded(inner, drawn.get(client)!) };
  };
  const ports = new Map(clients.map((client) => [client, portsOf(client)]));
  const states = new Map<string, SumClientState>();
  const contributions = new Map(
    clients.map((client, i) => [client, Int32Array.from({ length: dimension }, (_, j) => (i + 1) * 1_000 - 300 * j)]),
  );
  const good: SessionVectors['exchange'][number][] = [];
  const vectors = new Map<string, Uint8Array>();
  const accumulator = new Uint32Array(dimension);
  let { state: sum } = createSum(rules, clients);
  let effects: readonly SumEffect[] = [];

  function tell(message: SumMessage): void {
    good.push({ from: message.client, message });
    const step = stepSum(sum, { type: 'message', message });
    sum = step.state;
    effects = [...effects, ...step.effects];
  }
  async function asked<T extends SumRequest['type']>(
    type: T,
    answer: (request: Extract<SumRequest, { type: T }>, client: string) => Promise<void>,
  ): Promise<void> {
    const sends = effects.flatMap((effect) => (effect.type === 'send' && effect.message.type === type ? [effect] : []));
    for (const { to, message } of sends) {
      good.push({ to, request: message });
      await answer(message as Extract<SumRequest, { type: T }>, to);
    }
  }

  for (const identity of cohort.identities) {
    const begun = await beginSession(rules, identity, ports.get(identity.client)!);
    states.set(identity.client, begun.state);
    tell(begun.message!);
  }
  await asked('roster', async (request, client) => {
    const next = await onRoster(states.get(client)!, request, ports.get(client)!);
    states.set(client, next.state);
    tell(next.message);
  });
  await asked('inbox', async (request, client) => {
    const next = await onInbox(states.get(client)!, request, ports.get(client)!);
    states.set(client, next.state);
    tell(next.message);
  });
  for (const client of clients.slice(0, 3)) {
    const masked = await maskVector(states.get(client)!, contributions.get(client)!, ports.get(client)!);
    states.set(client, masked.state);
    vectors.set(client, masked.vector);
    addVector(accumulator, masked.vector);
    tell(masked.message);
  }
  good.push({ lost });
  ({ state: sum, effects } = stepSum(sum, { type: 'lost', client: lost, reason: 'gone' }));
  await asked('agreeRequest', async (request, client) => {
    const next = await onAgreeRequest(states.get(client)!, request, ports.get(client)!);
    states.set(client, next.state);
    tell(next.message);
  });
  await asked('unmaskRequest', async (request, client) => {
    const next = await onUnmaskRequest(states.get(client)!, request, ports.get(client)!);
    states.set(client, next.state);
    tell(next.message);
  });
  const recover = effects.find((effect) => effect.type === 'recover');
  if (recover?.type !== 'recover') throw new Error('the session did not come to its end');
  const outcome = await recoverSum(recover.job, accumulator, crypto);
  if (!outcome.ok) throw new Error(outcome.reason);

  const roster = good.flatMap((step) =>
    'request' in step && step.request.type === 'roster' ? [step.request] : [],
  )[0]!;
  const session: SessionVectors = {
    reading:
      'Four clients, t = 3; the last one is lost before its upload. `exchange` is everything in order. Each client draws 32 bytes at ' +
      'a time: r (last bit cleared), the secret of its sealing key, b (last bit cleared), then the coefficients of degree 1 and 2 of ' +
      'the shares of b, and of r. Vectors are little-endian 32-bit words.',
    header,
    sessionId: sessionIdOf(header),
    rosterHash: rosterHashOf(roster),
    minSurvivors: rules.minSurvivors,
    colluding: rules.colluding,
    threshold,
    clients: await Promise.all(
      clients.map(async (client, i) => ({
        client,
        identitySeed: cohort.seeds[i]!,
        identity: rules.identities.get(client)!,
        draws: drawn.get(client)!,
        contribution: [...contributions.get(client)!],
        masked: vectors.has(client) ? toHex(vectors.get(client)!) : null,
      })),
    ),
    exchange: good,
    sum: [...outcome.sum],
  };
  return { session, ...(await badCases(cohort, session)) };
}

/** Draws that are written down. */
function recorded(inner: RandomSource, draws: string[]): RandomSource {
  return {
    secure: false,
    words: (target) => inner.words(target),
    bytes(length) {
      const bytes = inner.bytes(length);
      draws.push(toHex(bytes));
      return bytes;
    },
  };
}

/** What the coordinator and what a client must refuse, with the code that it refuses with. */
async function badCases(cohort: TestCohort, session: SessionVectors): Promise<Omit<VectorFiles, 'session'>> {
  const { rules, identities } = cohort;
  const { suite } = rules.header;
  const { sessionId, rosterHash } = session;
  const binding: Binding = { suite, sessionId, rosterHash };
  const [first, second, third, lost] = identities.map(({ client }) => client) as [string, string, string, string];
  const signed = async (client: string, bytes: Uint8Array) =>
    toHex(await identities.find((identity) => identity.client === client)!.sign(bytes));
  const of = <T extends SumMessage['type']>(type: T, client = first) =>
    session.exchange.flatMap((step) =>
      'message' in step && step.message.type === type && step.message.client === client
        ? [step.message as Extract<SumMessage, { type: T }>]
        : [],
    )[0]!;
  const asked = <T extends SumRequest['type']>(type: T, client = first) =>
    session.exchange.flatMap((step) =>
      'request' in step && step.request.type === type && step.to === client
        ? [step.request as Extract<SumRequest, { type: T }>]
        : [],
    )[0]!;
  const other = '77'.repeat(32);
  const stranger = 'ee'.repeat(20);
  const flipped = (hex: string) => (hex.startsWith('0') ? '1' : '0') + hex.slice(1);

  const advertise = of('advertise');
  const advertised = async (change: Partial<typeof advertise>) => {
    const changed = { ...advertise, ...change };
    return { ...changed, signature: await signed(first, advertiseBytes(suite, changed)) };
  };
  const share = of('share');
  const dealt = async (shares: typeof share.shares, from: Binding = binding) => ({
    ...share,
    rosterHash: from.rosterHash,
    shares,
    signature: await signed(first, shareBytes(from, first, { shares })),
  });
  const confirm = of('confirm');
  const upload = of('upload');
  const agree = of('agree');
  const unmask = of('unmask');
  const roster = asked('roster');
  const inbox = asked('inbox');
  const agreeRequest = asked('agreeRequest');
  const unmaskRequest = asked('unmaskRequest');
  const [own, ...others] = roster.entries as [typeof advertise, ...(typeof advertise)[]];
  const { signature: _, ...unsigned } = advertise;
  const unmasked = (change: (shares: typeof unmask.shares) => typeof unmask.shares) => ({
    ...unmask,
    shares: change(unmask.shares),
  });
  const over = (sharers: string[], survivors: string[]) => signed(second, agreeBytes(binding, sharers, survivors));
  const ownAgreement = unmaskRequest.agreed.find(({ client }) => client === first)!;
  const secondAgreement = unmaskRequest.agreed.find(({ client }) => client === second)!;

  const files: Record<string, BadCase[]> = {
    advertise: [
      {
        name: 'a signature of other keys',
        message: { ...advertise, maskKey: of('advertise', second).maskKey },
        code: 'SIGNATURE_INVALID',
      },
      {
        name: "another client's signature",
        message: { ...advertise, signature: of('advertise', second).signature },
        code: 'SIGNATURE_INVALID',
      },
      {
        name: 'a signature of the other attempt',
        message: {
          ...advertise,
          signature: await signed(first, advertiseBytes(suite, { ...advertise, sessionId: other })),
        },
        code: 'SIGNATURE_INVALID',
      },
      { name: 'another session', message: await advertised({ sessionId: other }), code: 'MESSAGE_UNEXPECTED' },
      { name: 'a client that was not asked', message: { ...advertise, client: stranger }, code: 'MESSAGE_UNEXPECTED' },
      {
        name: 'a low-order mask key',
        message: await advertised({ maskKey: '00'.repeat(32) }),
        code: 'MESSAGE_INVALID',
      },
      {
        name: 'a low-order key that is not reduced',
        message: await advertised({ sealKey: `ed${'ff'.repeat(30)}7f` }),
        code: 'MESSAGE_INVALID',
      },
      {
        name: 'one key for both purposes',
        message: await advertised({ sealKey: advertise.maskKey }),
        code: 'MESSAGE_INVALID',
      },
      {
        name: 'upper-case hexadecimal',
        message: { ...advertise, maskKey: advertise.maskKey.toUpperCase() },
        code: 'decode',
      },
      { name: 'a short key', message: { ...advertise, maskKey: advertise.maskKey.slice(2) }, code: 'decode' },
      { name: 'an unknown field', message: { ...advertise, priority: 1 }, code: 'decode' },
      { name: 'no signature', message: unsigned, code: 'decode' },
    ],
    share: [
      {
        name: 'another roster',
        message: await dealt(share.shares, { ...binding, rosterHash: other }),
        code: 'MESSAGE_INVALID',
      },
      { name: 'a holder left out', message: await dealt(share.shares.slice(1)), code: 'MESSAGE_INVALID' },
      { name: 'holders in another order', message: await dealt([...share.shares].reverse()), code: 'MESSAGE_INVALID' },
      { name: 'a holder twice', message: await dealt([...share.shares, share.shares[3]!]), code: 'MESSAGE_INVALID' },
      {
        name: 'a box that was exchanged after signing',
        message: {
          ...share,
          shares: share.shares.map((part, i) => (i === 1 ? { ...part, sealed: share.shares[2]!.sealed } : part)),
        },
        code: 'SIGNATURE_INVALID',
      },
      {
        name: 'a hash that was altered after signing',
        message: {
          ...share,
          shares: share.shares.map((part, i) =>
            i === 1 ? { ...part, recoveryShareHash: flipped(part.recoveryShareHash) } : part,
          ),
        },
        code: 'SIGNATURE_INVALID',
      },
      { name: "the upload's signature", message: { ...share, signature: upload.signature }, code: 'SIGNATURE_INVALID' },
      {
        name: 'a box that is too short',
        message: { ...share, shares: [{ ...share.shares[0]!, sealed: 'ab' }] },
        code: 'decode',
      },
      { name: 'no shares', message: { ...share, shares: [] }, code: 'decode' },
    ],
    confirm: [
      { name: 'a pair left out', message: { ...confirm, tags: confirm.tags.slice(1) }, code: 'MESSAGE_INVALID' },
      {
        name: 'pairs in another order',
        message: { ...confirm, tags: [...confirm.tags].reverse() },
        code: 'MESSAGE_INVALID',
      },
      {
        name: 'a tag for itself',
        message: { ...confirm, tags: [{ ...confirm.tags[0]!, peer: first }, ...confirm.tags.slice(1)] },
        code: 'MESSAGE_INVALID',
      },
      {
        name: "a tag that is not the other end's",
        message: {
          ...confirm,
          tags: confirm.tags.map((tag, i) => (i === 0 ? { ...tag, tag: flipped(tag.tag) } : tag)),
        },
        code: 'KEY_MISMATCH',
      },
      { name: 'a short tag', message: { ...confirm, tags: [{ ...confirm.tags[0]!, tag: '00' }] }, code: 'decode' },
    ],
    upload: [
      { name: 'another roster', message: { ...upload, rosterHash: other }, code: 'UPLOAD_INVALID' },
      {
        name: 'another vector than was signed',
        message: { ...upload, vectorHash: of('upload', second).vectorHash },
        code: 'SIGNATURE_INVALID',
      },
      {
        name: 'a signature bound to another roster',
        message: {
          ...upload,
          signature: await signed(first, uploadBytes({ ...binding, rosterHash: other }, first, upload)),
        },
        code: 'SIGNATURE_INVALID',
      },
      { name: 'an upload of the client that is lost', message: { ...upload, client: lost }, code: 'SIGNATURE_INVALID' },
      { name: 'a hash that is no hexadecimal', message: { ...upload, vectorHash: 'zz'.repeat(32) }, code: 'decode' },
    ],
    agree: [
      {
        name: 'other survivors',
        message: {
          ...agree,
          signature: await signed(
            first,
            agreeBytes(binding, [first, second, third, lost], [first, second, third, lost]),
          ),
        },
        code: 'SIGNATURE_INVALID',
      },
      {
        name: 'other sharers',
        message: {
          ...agree,
          signature: await signed(first, agreeBytes(binding, [first, second, third], [first, second, third])),
        },
        code: 'SIGNATURE_INVALID',
      },
      { name: "the upload's signature", message: { ...agree, signature: upload.signature }, code: 'SIGNATURE_INVALID' },
      { name: 'the client that is lost', message: { ...agree, client: lost }, code: 'MESSAGE_UNEXPECTED' },
    ],
    unmask: [
      { name: 'a dealer left out', message: unmasked((shares) => shares.slice(1)), code: 'MESSAGE_INVALID' },
      {
        name: 'both kinds of one dealer',
        message: unmasked((shares) => [...shares, { ...shares[0]!, kind: 'recovery' }]),
        code: 'MESSAGE_INVALID',
      },
      {
        name: 'the other kind',
        message: unmasked((shares) =>
          shares.map((given) => (given.dealer === second ? { ...given, kind: 'recovery' as const } : given)),
        ),
        code: 'MESSAGE_INVALID',
      },
      {
        name: 'dealers in another order',
        message: unmasked((shares) => [...shares].reverse()),
        code: 'MESSAGE_INVALID',
      },
      {
        name: 'an altered share',
        message: unmasked((shares) =>
          shares.map((given) => (given.dealer === lost ? { ...given, share: flipped(given.share) } : given)),
        ),
        code: 'SHARE_INVALID',
      },
      { name: "another holder's shares", message: { ...of('unmask', second), client: first }, code: 'SHARE_INVALID' },
      {
        name: 'a kind that is none',
        message: unmasked((shares) => shares.map((given) => ({ ...given, kind: 'both' as 'selfMask' }))),
        code: 'decode',
      },
    ],
    roster: [
      { name: 'another session', request: { ...roster, sessionId: other }, code: 'MESSAGE_UNEXPECTED' },
      {
        name: "a key exchanged for the coordinator's",
        request: {
          ...roster,
          entries: [own, { ...others[0]!, maskKey: flipped(others[0]!.maskKey) }, ...others.slice(1)],
        },
        code: 'SIGNATURE_INVALID',
      },
      {
        name: 'the own entry altered',
        request: { ...roster, entries: [{ ...own, sealKey: flipped(own.sealKey) }, ...others] },
        code: 'ROSTER_INVALID',
      },
      { name: 'the own entry left out', request: { ...roster, entries: others }, code: 'ROSTER_INVALID' },
      {
        name: 'an entry of another session',
        request: { ...roster, entries: [own, { ...others[0]!, sessionId: other }, ...others.slice(1)] },
        code: 'ROSTER_INVALID',
      },
      {
        name: 'one key in two places',
        request: { ...roster, entries: [own, { ...others[0]!, maskKey: others[1]!.maskKey }, ...others.slice(1)] },
        code: 'ROSTER_INVALID',
      },
      { name: 'a client twice', request: { ...roster, entries: [own, ...others, others[2]!] }, code: 'ROSTER_INVALID' },
      { name: 'another order', request: { ...roster, entries: [...others, own] }, code: 'ROSTER_INVALID' },
      {
        name: 'a client that the plan does not name',
        request: { ...roster, entries: [own, ...others.slice(0, 2), { ...others[2]!, client: 'ff'.repeat(20) }] },
        code: 'ROSTER_INVALID',
      },
      {
        name: 'everybody by hash as well, which is for more than 200 clients',
        request: { ...roster, members: roster.entries.map(memberOf) },
        code: 'ROSTER_INVALID',
      },
      { name: 'too few', request: { ...roster, entries: [own, others[0]!] }, code: 'COHORT_TOO_SMALL' },
      { name: 'nobody', request: { ...roster, entries: [] }, code: 'decode' },
    ],
    inbox: [
      { name: 'another session', request: { ...inbox, sessionId: other }, code: 'MESSAGE_UNEXPECTED' },
      {
        name: 'an altered box',
        request: {
          ...inbox,
          dealt: inbox.dealt.map((part, i) => (i === 1 ? { ...part, sealed: flipped(part.sealed) } : part)),
        },
        code: 'SHARE_INVALID',
      },
      {
        name: 'an altered hash',
        request: {
          ...inbox,
          dealt: inbox.dealt.map((part, i) =>
            i === 2 ? { ...part, selfMaskShareHash: flipped(part.selfMaskShareHash) } : part,
          ),
        },
        code: 'SHARE_INVALID',
      },
      {
        name: "another holder's box",
        request: { ...inbox, dealt: inbox.dealt.map((part, i) => (i === 1 ? asked('inbox', third).dealt[1]! : part)) },
        code: 'SHARE_INVALID',
      },
      {
        name: 'two dealers exchanged',
        request: {
          ...inbox,
          dealt: inbox.dealt.map((part, i) => ({
            ...inbox.dealt[i === 1 ? 2 : i === 2 ? 1 : i]!,
            dealer: part.dealer,
          })),
        },
        code: 'SHARE_INVALID',
      },
      {
        name: 'a dealer who is not on the roster',
        request: { ...inbox, dealt: [...inbox.dealt.slice(0, 3), { ...inbox.dealt[3]!, dealer: 'ff'.repeat(20) }] },
        code: 'MESSAGE_INVALID',
      },
      { name: 'the own dealing left out', request: { ...inbox, dealt: inbox.dealt.slice(1) }, code: 'MESSAGE_INVALID' },
      {
        name: 'dealers in another order',
        request: { ...inbox, dealt: [...inbox.dealt].reverse() },
        code: 'MESSAGE_INVALID',
      },
      { name: 'too few dealers', request: { ...inbox, dealt: inbox.dealt.slice(0, 2) }, code: 'COHORT_TOO_SMALL' },
    ],
    agreeRequest: [
      { name: 'another session', request: { ...agreeRequest, sessionId: other }, code: 'MESSAGE_UNEXPECTED' },
      { name: 'too few survivors', request: { ...agreeRequest, survivors: [first, second] }, code: 'COHORT_TOO_SMALL' },
      { name: 'other sharers', request: { ...agreeRequest, sharers: [first, second, third] }, code: 'MESSAGE_INVALID' },
      {
        name: 'the client itself named lost',
        request: { ...agreeRequest, survivors: [second, third, lost] },
        code: 'MESSAGE_INVALID',
      },
      {
        name: 'a survivor twice',
        request: { ...agreeRequest, survivors: [first, first, second, third] },
        code: 'MESSAGE_INVALID',
      },
      {
        name: 'a survivor who did not deal',
        request: { ...agreeRequest, survivors: [first, second, third, 'ff'.repeat(20)] },
        code: 'MESSAGE_INVALID',
      },
      { name: 'no survivor', request: { ...agreeRequest, survivors: [] }, code: 'decode' },
    ],
    unmaskRequest: [
      { name: 'another session', request: { ...unmaskRequest, sessionId: other }, code: 'MESSAGE_UNEXPECTED' },
      {
        name: 'too few signatures',
        request: { ...unmaskRequest, agreed: [ownAgreement, secondAgreement] },
        code: 'SIGNATURE_INVALID',
      },
      {
        name: 'one signature many times',
        request: { ...unmaskRequest, agreed: [ownAgreement, secondAgreement, secondAgreement, secondAgreement] },
        code: 'SIGNATURE_INVALID',
      },
      {
        name: 'a signature over other survivors',
        request: {
          ...unmaskRequest,
          agreed: [
            ownAgreement,
            { client: second, signature: await over([first, second, third, lost], [first, second, third, lost]) },
            ...unmaskRequest.agreed.filter(({ client }) => client === lost),
          ],
        },
        code: 'SIGNATURE_INVALID',
      },
      {
        name: 'a signature of a client named lost',
        request: {
          ...unmaskRequest,
          agreed: [
            ownAgreement,
            secondAgreement,
            {
              client: lost,
              signature: await signed(lost, agreeBytes(binding, [first, second, third, lost], [first, second, third])),
            },
          ],
        },
        code: 'SIGNATURE_INVALID',
      },
      {
        name: 'signatures under each other’s names',
        request: {
          ...unmaskRequest,
          agreed: unmaskRequest.agreed.map(({ client }, i, all) => ({
            client,
            signature: all[(i + 1) % all.length]!.signature,
          })),
        },
        code: 'SIGNATURE_INVALID',
      },
      { name: 'no signature', request: { ...unmaskRequest, agreed: [] }, code: 'decode' },
    ],
  };
  return { bad: files };
}
