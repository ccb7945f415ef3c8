import { isSottoError } from '../../errors/index.ts';
import { agreeBytes } from '../binding.ts';
import {
  beginSession,
  maskVector,
  onAgreeRequest,
  onInbox,
  onRoster,
  onUnmaskRequest,
  rosterHashOf,
  sessionIdOf,
  type Advertise,
  type Inbox,
  type Roster,
  type Share,
  type SumClientState,
} from '../index.ts';
import { toHex } from '../../vector/index.ts';
import { keptState, subsetsOf } from '../testing/attacks.ts';
import type { Field } from './setting.ts';

/**
 * All that one honest client can be brought to do in one session, found by asking the client's own code: every request that the
 * attacker could make is given to it in every state, and what it takes becomes a move. Nothing of its rules is said again here.
 */
export type Stance = {
  readonly phase: 'advertised' | 'shared' | 'confirmed' | 'uploaded' | 'agreed' | 'done';
  /** Number of the roster that it took, over all clients; −1 before. */
  readonly roster: number;
  /** Who dealt to it, as bits by client. */
  readonly sharers: number;
  /** Number of (roster, sharers, survivors), over all clients; −1 before it signed. */
  readonly view: number;
  readonly survivors: number;
  /** Dealers of whom it gave a share of b, and of r, as bits by client. */
  readonly gaveSelfMask: number;
  readonly gaveRecovery: number;
  readonly moves: readonly Move[];
};

export type Move = {
  readonly to: number;
  /** Honest clients that must have dealt under the same roster. */
  readonly dealers: number;
  /** Sets of other honest clients whose signatures on its view are enough, by their bits; null where none are asked for. */
  readonly signers: readonly boolean[] | null;
};

export type ClientMoves = {
  /** By honest client: its stances, the first one the beginning. */
  readonly stances: readonly (readonly Stance[])[];
  /** Requests that were given to a client, and those that it refused. */
  readonly tried: number;
  readonly refused: number;
  readonly rosterSizes: readonly number[];
  /** Colluders on each roster. */
  readonly rosterColluders: readonly number[];
};

type Draft = { -readonly [K in keyof Stance]: Stance[K] } & { moves: Move[] };
type Dealing = { readonly roster: number; readonly share: Share };

/** Asks every honest client everything, in one attempt. */
export async function clientMoves(field: Field, attempt: 0 | 1): Promise<ClientMoves> {
  const { clients, honest, ports, setting } = field;
  const { rules, identities } = field.attempts[attempt]!;
  const everybody = 2 ** clients.length - 1;
  const bit = (client: string) => 2 ** clients.indexOf(client);
  const bitsOf = (some: readonly string[]) => some.reduce((bits, client) => bits + bit(client), 0);
  const sessionId = sessionIdOf(rules.header);
  const counts = { tried: 0, refused: 0 };

  /** What the client's code says: its next state and message, or a refusal with a code. */
  async function ask<T>(answer: Promise<T>): Promise<T | null> {
    counts.tried++;
    try {
      return await answer;
    } catch (error) {
      if (!isSottoError(error)) throw error;
      counts.refused++;
      return null;
    }
  }

  // Advertise. A colluder may show each honest client other keys: as many as there are honest clients.
  const begun = await Promise.all(
    identities.map((identity, i) =>
      Promise.all(
        Array.from({ length: i < honest || setting.rosters === 'whole' ? 1 : honest }, async () => {
          const { state, message } = await beginSession(rules, identity, ports);
          return { fresh: keptState(state), entry: message! };
        }),
      ),
    ),
  );
  // The other attempt, as far as its dealings: what was sent in it may come in this one.
  const other = field.attempts[1 - attempt]!;
  const otherId = sessionIdOf(other.rules.header);
  const otherBegun = await Promise.all(other.identities.map((identity) => beginSession(other.rules, identity, ports)));
  const stale = otherBegun.map(({ message }) => message!);
  const otherRoster: Roster = { type: 'roster', sessionId: otherId, entries: stale };
  const otherShares = await Promise.all(
    otherBegun.map(async ({ state }) => (await onRoster(state, otherRoster, ports)).message),
  );

  // Share. Every roster of signed entries, and such that no honest client may take.
  const rosters = subsetsOf(clients, setting.rosters === 'whole' ? clients.length : 1, clients.length).flatMap((some) =>
    entriesOf(some.map((client) => begun[clients.indexOf(client)]!.map(({ entry }) => entry))),
  );
  const bad = rosters.flatMap((entries) => spoiltRosters(entries, stale));
  const stances: Draft[][] = [];
  const states: (() => SumClientState)[][] = [];
  const dealings: Dealing[][] = [];
  for (let i = 0; i < clients.length; i++) {
    const own: Draft[] = [stance('advertised')];
    const kept: (() => SumClientState)[] = [begun[i]![0]!.fresh];
    const dealt: Dealing[] = [];
    for (const [number, entries] of [...rosters, ...bad].entries()) {
      const roster: Roster = { type: 'roster', sessionId, entries };
      const variant = begun[i]!.find(({ entry }) => entries.includes(entry)) ?? begun[i]![0]!;
      const next = await ask(onRoster(variant.fresh(), roster, ports));
      if (next === null) continue;
      if (number >= rosters.length) throw new Error('a client took a roster that is none');
      own[0]!.moves.push({ to: own.length, dealers: 0, signers: null });
      own.push(stance('shared', { roster: number, sharers: bitsOf(entries.map(({ client }) => client)) }));
      kept.push(keptState(next.state));
      dealt.push({ roster: number, share: next.message });
    }
    stances.push(own);
    states.push(kept);
    dealings.push(dealt);
  }

  // Confirm and upload. Boxes of every set of dealers; and each box exchanged for every other one that there is.
  for (let i = 0; i < honest; i++) {
    const [own, kept] = [stances[i]!, states[i]!];
    for (let at = 1; own[at]?.phase === 'shared'; at++) {
      const { roster } = own[at]!;
      const holder = clients[i]!;
      const boxes = clients.flatMap((_, dealer) => {
        const found = dealings[dealer]!.find((dealing) => dealing.roster === roster);
        return found === undefined ? [] : [boxFor(found.share, holder)!];
      });
      for (const some of subsetsOf(boxes, setting.rosters === 'whole' ? boxes.length : 0, boxes.length)) {
        const inbox: Inbox = { type: 'inbox', sessionId, dealt: some };
        const confirmed = await ask(onInbox(kept[at]!(), inbox, ports));
        if (confirmed === null) continue;
        const sharers = bitsOf(some.map(({ dealer }) => dealer));
        const fixed = { roster, sharers };
        own[at]!.moves.push({ to: own.length, dealers: sharers % 2 ** honest, signers: null });
        own.push(stance('confirmed', fixed));
        const fresh = keptState(confirmed.state);
        const { state } = await maskVector(fresh(), new Int32Array(1), ports);
        own.at(-1)!.moves.push({ to: own.length, dealers: 0, signers: null });
        own.push(stance('uploaded', fixed));
        kept.push(fresh, keptState(state));
      }
      for (const [which, right] of boxes.entries()) {
        const shares = [...dealings.flatMap((list) => list.map(({ share }) => share)), ...otherShares];
        for (const { holder: _, ...part } of shares.flatMap((share) => share.shares)) {
          if (part.sealed === right.sealed) continue;
          const wrong = { ...part, dealer: right.dealer };
          const inbox: Inbox = { type: 'inbox', sessionId, dealt: boxes.map((box, j) => (j === which ? wrong : box)) };
          if ((await ask(onInbox(kept[at]!(), inbox, ports))) !== null) throw new Error('a client took another box');
        }
      }
    }
  }

  // Agree. Every pair of sets that could be claimed.
  const views = new Map<string, { number: number; signatures: Map<number, string> }>();
  const viewOf = ({ roster, sharers }: Stance, survivors: number) => {
    const key = `${roster}/${sharers}/${survivors}`;
    const known = views.get(key) ?? { number: views.size, signatures: new Map<number, string>() };
    views.set(key, known);
    return known;
  };
  const claims = subsetsOf(clients, 0, clients.length);
  for (let i = 0; i < honest; i++) {
    const [own, kept] = [stances[i]!, states[i]!];
    for (let at = 1; at < own.length; at++) {
      if (own[at]!.phase !== 'uploaded') continue;
      for (const sharers of claims) {
        const right = bitsOf(sharers) === own[at]!.sharers;
        // Wrong sharers are refused before the survivors are looked at: with the whole roster, one trial each.
        for (const survivors of right || setting.rosters === 'all' ? claims : [sharers]) {
          const request = { type: 'agreeRequest', sessionId, sharers, survivors } as const;
          const agreed = await ask(onAgreeRequest(kept[at]!(), request, ports));
          if (agreed === null) continue;
          if (!right) throw new Error('a client signed other sharers');
          const view = viewOf(own[at]!, bitsOf(survivors));
          view.signatures.set(i, agreed.message.signature);
          own[at]!.moves.push({ to: own.length, dealers: 0, signers: null });
          const fixed = { roster: own[at]!.roster, sharers: own[at]!.sharers };
          own.push(stance('agreed', { ...fixed, view: view.number, survivors: bitsOf(survivors) }));
          kept.push(keptState(agreed.state));
        }
      }
    }
  }

  // Unmask. With the signatures of every set of honest clients, of all colluders, and many that were made over other views.
  for (let i = 0; i < honest; i++) {
    const [own, kept] = [stances[i]!, states[i]!];
    for (let at = 1; at < own.length; at++) {
      const { phase, view, roster, sharers, survivors } = own[at]!;
      if (phase !== 'agreed') continue;
      const binding = {
        suite: rules.header.suite,
        sessionId,
        rosterHash: rosterHashOf({ type: 'roster', sessionId, entries: rosters[roster]! }),
      };
      const named = (bits: number) => clients.filter((client) => Math.floor(bits / bit(client)) % 2 === 1);
      const signed = agreeBytes(binding, named(sharers), named(survivors));
      const proper = async (j: number) => ({
        client: clients[j]!,
        signature: toHex(await identities[j]!.sign(signed)),
      });
      const colluders = await Promise.all(clients.slice(honest).map((_, j) => proper(honest + j)));
      const others = [...views.values()]
        .filter(({ number }) => number !== view)
        .flatMap(({ signatures }) => [...signatures].map(([j, signature]) => ({ client: clients[j]!, signature })))
        .slice(0, 60);
      const enough: boolean[] = [];
      let given: { gaveSelfMask: number; gaveRecovery: number } | null = null;
      let last: SumClientState | null = null;
      for (let signers = 0; signers < 2 ** honest; signers++) {
        // Without the agree stage a client opens its shares as if everybody had signed.
        const willing = setting.agree ? signers : everybody;
        const honestOnes = await Promise.all(
          clients.slice(0, honest).flatMap((_, j) => (Math.floor(willing / 2 ** j) % 2 === 1 ? [proper(j)] : [])),
        );
        const agreed = [...honestOnes, ...(setting.agree ? others : []), ...colluders];
        const done = await ask(onUnmaskRequest(kept[at]!(), { type: 'unmaskRequest', sessionId, agreed }, ports));
        enough.push(done !== null);
        if (done === null) continue;
        last = done.state;
        const of = (kind: string) =>
          bitsOf(done.message.shares.filter((share) => share.kind === kind).map(({ dealer }) => dealer));
        given = { gaveSelfMask: of('selfMask'), gaveRecovery: of('recovery') };
      }
      if (given === null || last === null) continue;
      kept.push(keptState(last));
      own[at]!.moves.push({ to: own.length, dealers: 0, signers: setting.agree ? enough : null });
      own.push(stance('done', { roster, sharers, view, survivors, ...given }));
    }
    // Without the agree stage a client goes from its upload to its answer at once.
    if (setting.agree) continue;
    for (const draft of own) {
      if (draft.phase === 'uploaded') draft.moves = draft.moves.flatMap(({ to }) => own[to]!.moves);
    }
  }

  // Every request that is not the awaited one, of this attempt and of the other, in every stance.
  const [whole] = rosters.toReversed();
  const everyone = { sharers: [...clients], survivors: [...clients] };
  for (let i = 0; i < honest; i++) {
    const boxes = dealings.flatMap((list) => list.flatMap(({ share }) => boxFor(share, clients[i]!) ?? []));
    for (const [at, fresh] of states[i]!.entries()) {
      const { phase } = stances[i]![at]!;
      for (const session of [sessionId, otherId]) {
        const strays = [
          unlessAwaited(phase, 'advertised', session, () =>
            onRoster(fresh(), { type: 'roster', sessionId: session, entries: whole! }, ports),
          ),
          unlessAwaited(phase, 'shared', session, () =>
            onInbox(fresh(), { type: 'inbox', sessionId: session, dealt: boxes.slice(0, clients.length) }, ports),
          ),
          unlessAwaited(phase, 'uploaded', session, () =>
            onAgreeRequest(fresh(), { type: 'agreeRequest', sessionId: session, ...everyone }, ports),
          ),
          unlessAwaited(phase, 'agreed', session, () =>
            onUnmaskRequest(fresh(), { type: 'unmaskRequest', sessionId: session, agreed: [] }, ports),
          ),
        ];
        for (const stray of strays) {
          if (stray !== null && (await ask<unknown>(stray())) !== null) throw new Error('a client answered a stray');
        }
      }
    }
  }

  /** The request, unless it is the one that the phase waits for. */
  function unlessAwaited<T>(
    phase: Stance['phase'],
    awaitedIn: Stance['phase'],
    session: string,
    request: () => Promise<T>,
  ): (() => Promise<T>) | null {
    return phase === awaitedIn && session === sessionId ? null : request;
  }

  return {
    stances: stances.slice(0, honest),
    ...counts,
    rosterSizes: rosters.map((entries) => entries.length),
    rosterColluders: rosters.map((entries) => entries.filter(({ client }) => clients.indexOf(client) >= honest).length),
  };
}

function stance(phase: Stance['phase'], change: Partial<Stance> = {}): Draft {
  const nothing = { roster: -1, sharers: 0, view: -1, survivors: 0, gaveSelfMask: 0, gaveRecovery: 0 };
  return { phase, ...nothing, ...change, moves: [] };
}

function boxFor(share: Share, holder: string): Inbox['dealt'][number] | null {
  const found = share.shares.find((part) => part.holder === holder);
  if (found === undefined) return null;
  const { holder: _, ...box } = found;
  return { dealer: share.client, ...box };
}

/** Every choice of one entry for each client. */
function entriesOf(choices: readonly (readonly Advertise[])[]): Advertise[][] {
  return choices.reduce<Advertise[][]>((all, some) => all.flatMap((head) => some.map((last) => [...head, last])), [[]]);
}

/** Keys exchanged between two entries, an entry of the other attempt in the place of one, another order, one twice. */
function spoiltRosters(entries: readonly Advertise[], stale: readonly Advertise[]): Advertise[][] {
  const all: Advertise[][] = [[...entries].reverse(), [...entries, entries.at(-1)!]];
  for (const [i, entry] of entries.entries()) {
    const old = stale.find(({ client }) => client === entry.client)!;
    all.push(entries.map((other, j) => (i === j ? old : other)));
    all.push(entries.map((other, j) => (i === j ? { ...old, sessionId: entry.sessionId } : other)));
    const [next] = entries.filter((_, j) => j !== i);
    if (next === undefined) continue;
    for (const field of ['maskKey', 'sealKey', 'signature'] as const) {
      all.push(entries.map((other, j) => (i === j ? { ...entry, [field]: next[field] } : other)));
    }
  }
  return all.filter((spoilt) => spoilt.length !== entries.length || spoilt.some((entry, i) => entry !== entries[i]));
}
