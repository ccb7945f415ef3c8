import { clientMoves, type ClientMoves, type Stance } from './client-moves.ts';
import { createJudge } from './knowledge.ts';
import { createField, rulesOf, type Setting } from './setting.ts';

export type Exploration = {
  /** Reachable states: each honest client's stance in each attempt. */
  readonly states: number;
  readonly transitions: number;
  /** Stances of one client in one attempt. */
  readonly stances: number;
  /** Requests that were given to clients to find their moves, and those that they refused. */
  readonly tried: number;
  readonly refused: number;
  /** States in which some sum is open, and the fewest honest contributions in any. */
  readonly open: number;
  readonly smallestSum: number;
  /** Honest contributions that the noise floor asks for. */
  readonly floor: number;
  /** States in which both secrets of some honest client are known, and in which a sum below the floor is open. */
  readonly bothSecretsIn: number;
  readonly belowFloorIn: number;
  /** The first that was found. */
  readonly violation: Violation | null;
};

export type Violation = {
  readonly what: 'both secrets of one client' | 'a sum below the noise floor';
  /** Where every honest client stands, attempt by attempt. */
  readonly stances: readonly Stance[];
};

/**
 * Every state of the protocol that the coordinator can bring about.
 *
 * A state is where every honest client stands in every attempt. Everything else follows from it: what an honest client has sent
 * (its stance tells), hence what the attacker knows, hence what it can send. Steps: a client advertises when its session is
 * opened, takes a roster, takes an inbox, uploads, agrees, unmasks; each when the messages of others that it needs exist.
 *
 * What is left out, and why nothing is lost by it:
 * - *Withholding, losing and delaying* are states that are not left, and orders of steps: all are explored.
 * - *Refused requests* lead nowhere: a client that refuses gives nothing and answers less afterwards than one that was not asked.
 * - *Repeating* and messages of *other stages, clients, rosters and attempts* are given to the clients' code in every stance
 *   (`client-moves.ts`); that it refuses them is checked, not assumed. One wrong part at a time is tried: the code judges each
 *   box and each signature by itself.
 * - *Colluders* follow the protocol where that only tells the attacker what it knows. Their own keys differ from roster to
 *   roster in as many ways as there are honest clients: two clients that hold different rosters have no key, box or signature
 *   in common, so more ways would make no more differences. A colluder that copies an honest client's key knows less than
 *   one with a key of its own. What they deal, and to whom, concerns no honest secret.
 * - *Clients are interchangeable*, so the last ones of the roster are the colluders.
 * - *Two attempts* of 3 clients are explored as they are. Of 4, one is, with what the other could send at hand: no client takes
 *   any of it, so the states of both together are the pairs of the states of each.
 * - *Contributions of two attempts* are different numbers with noise of their own, so no sum spans attempts.
 * - *Cryptography is perfect* (`symbolic-crypto.ts`), and *what is known* is closed under the rules of `knowledge.ts`.
 *
 * @param stopAtViolation - ends with the first one; otherwise the whole is counted
 */
export async function explore(setting: Setting, stopAtViolation: boolean): Promise<Exploration> {
  const field = await createField(setting);
  const { honest } = field;
  const { minSurvivors, colluding } = rulesOf(setting);
  const floor = minSurvivors - colluding;
  const sessions: ClientMoves[] = [];
  for (let attempt = 0; attempt < setting.attempts; attempt++) {
    sessions.push(await clientMoves(field, attempt as 0 | 1));
  }
  const judges = sessions.map((moves) => createJudge(moves, honest));
  const actors = sessions.flatMap(({ stances }) => stances);
  const radix = actors.map(({ length }) => length);
  const weights = radix.map((_, i) => radix.slice(0, i).reduce((product, size) => product * size, 1));
  const total = radix.reduce((product, size) => product * size, 1);
  const seen = new Uint8Array(Math.ceil(total / 8));
  const stack: number[] = [0];
  seen[0] = 1;
  const at = new Int32Array(actors.length);
  const views = sessions.map((_, session) => at.subarray(session * honest, (session + 1) * honest));
  let [states, transitions, open, smallestSum] = [0, 0, 0, Infinity];
  let [bothSecretsIn, belowFloorIn] = [0, 0];
  let violation: Violation | null = null;

  for (let code = stack.pop(); code !== undefined; code = stack.pop()) {
    states++;
    for (let i = 0, rest = code; i < actors.length; i++) {
      at[i] = rest % radix[i]!;
      rest = Math.floor(rest / radix[i]!);
    }
    for (const [session, judge] of judges.entries()) {
      const verdict = judge(views[session]!);
      if (verdict.smallestSum < Infinity) open++;
      smallestSum = Math.min(smallestSum, verdict.smallestSum);
      if (verdict.bothSecretsOf >= 0) bothSecretsIn++;
      if (verdict.smallestSum < floor) belowFloorIn++;
      if (violation !== null || (verdict.bothSecretsOf < 0 && verdict.smallestSum >= floor)) continue;
      const what = verdict.bothSecretsOf >= 0 ? 'both secrets of one client' : 'a sum below the noise floor';
      violation = { what, stances: actors.map((stances, i) => stances[at[i]!]!) };
    }
    if (violation !== null && stopAtViolation) break;
    for (let i = 0; i < actors.length; i++) {
      const first = i - (i % honest);
      for (const move of actors[i]![at[i]!]!.moves) {
        if (!isOpen(move, i, first)) continue;
        transitions++;
        const next = code + (move.to - at[i]!) * weights[i]!;
        const [byte, bit] = [Math.floor(next / 8), 1 << (next % 8)];
        if ((seen[byte]! & bit) !== 0) continue;
        seen[byte]! |= bit;
        stack.push(next);
      }
    }
  }
  return {
    states,
    transitions,
    stances: actors[0]!.length,
    tried: sessions.reduce((sum, { tried }) => sum + tried, 0),
    refused: sessions.reduce((sum, { refused }) => sum + refused, 0),
    open,
    smallestSum,
    floor,
    bothSecretsIn,
    belowFloorIn,
    violation,
  };

  /** Whether the messages of others that a step needs exist. `first`: the first actor of the same attempt. */
  function isOpen({ to, dealers, signers }: Stance['moves'][number], actor: number, first: number): boolean {
    const target = actors[actor]![to]!;
    for (let j = 0; j < honest; j++) {
      if (((dealers >> j) & 1) === 1 && actors[first + j]![at[first + j]!]!.roster !== target.roster) return false;
    }
    if (signers === null) return true;
    let signed = 0;
    for (let j = 0; j < honest; j++) {
      if (actors[first + j]![at[first + j]!]!.view === target.view) signed |= 1 << j;
    }
    return signers[signed]!;
  }
}
