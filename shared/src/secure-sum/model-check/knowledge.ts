import { thresholdFor } from '../index.ts';
import type { ClientMoves, Stance } from './client-moves.ts';

/** What the attacker, that is the coordinator with its colluders, has of one session. */
export type Verdict = {
  /** An honest client of whom it knows b and r; −1 for none. */
  readonly bothSecretsOf: number;
  /** Fewest honest contributions in a sum that it can open; Infinity when it can open none. */
  readonly smallestSum: number;
};

/**
 * Judges states of a session by the rules of Dolev and Yao: t shares give a secret; b gives the self mask; r gives the masking
 * key, and with it every pair mask of its client; a pair mask of a colluder is known; what is hashed, sealed or signed gives
 * nothing else. Colluders know the shares that were dealt to them.
 *
 * Which sums can be opened: the attacker may add up uploads with any integer factors. A mask of a pair that it does not know stands
 * in the two uploads with opposite signs, so it vanishes only where both have the same factor, and not at all where the other end
 * did not upload or masked under another roster or without this one. So what it can open are sums over whole components of the
 * graph of unknown pair masks (and sums of those), and a component only if every b in it is known and no mask is left over.
 * @param moves - of one session
 * @param honest - number of honest clients
 */
export function createJudge({ stances, rosterSizes, rosterColluders }: ClientMoves, honest: number) {
  const thresholds = rosterSizes.map(thresholdFor);
  const selfMaskKnown = new Uint8Array(honest);
  const recoveryKnown = new Uint8Array(honest);
  const component = new Int32Array(honest);
  const sizes = new Int32Array(honest);
  const closed = new Uint8Array(honest);

  function has(bits: number, client: number): boolean {
    return ((bits >> client) & 1) === 1;
  }

  function uploaded({ phase }: Stance): boolean {
    return phase === 'uploaded' || phase === 'agreed' || phase === 'done';
  }

  /** @param at - stance of each honest client, by number */
  return function judge(at: ArrayLike<number>): Verdict {
    let bothSecretsOf = -1;
    for (let i = 0; i < honest; i++) {
      const { roster } = stances[i]![at[i]!]!;
      selfMaskKnown[i] = recoveryKnown[i] = 0;
      if (roster < 0) continue;
      let [ofSelfMask, ofRecovery] = [rosterColluders[roster]!, rosterColluders[roster]!];
      for (let j = 0; j < honest; j++) {
        const holder = stances[j]![at[j]!]!;
        if (holder.roster !== roster) continue;
        if (has(holder.gaveSelfMask, i)) ofSelfMask++;
        if (has(holder.gaveRecovery, i)) ofRecovery++;
      }
      if (ofSelfMask >= thresholds[roster]!) selfMaskKnown[i] = 1;
      if (ofRecovery >= thresholds[roster]!) recoveryKnown[i] = 1;
      if (selfMaskKnown[i] === 1 && recoveryKnown[i] === 1) bothSecretsOf = i;
    }

    for (let i = 0; i < honest; i++) {
      component[i] = i;
      closed[i] = 0;
      sizes[i] = 0;
    }
    for (let i = 0; i < honest; i++) {
      const own = stances[i]![at[i]!]!;
      if (!uploaded(own)) continue;
      if (selfMaskKnown[i] === 0) closed[i] = 1;
      for (let j = 0; j < honest; j++) {
        if (j === i || !has(own.sharers, j) || recoveryKnown[i] === 1 || recoveryKnown[j] === 1) continue;
        const other = stances[j]![at[j]!]!;
        const same = uploaded(other) && other.roster === own.roster && has(other.sharers, i);
        if (same) join(i, j);
        else closed[i] = 1;
      }
    }
    let smallestSum = Infinity;
    for (let i = 0; i < honest; i++) {
      if (!uploaded(stances[i]![at[i]!]!)) continue;
      sizes[root(i)]!++;
      if (closed[i] === 1) closed[root(i)] = 1;
    }
    for (let i = 0; i < honest; i++) {
      if (sizes[i]! > 0 && closed[i] === 0) smallestSum = Math.min(smallestSum, sizes[i]!);
    }
    return { bothSecretsOf, smallestSum };
  };

  function root(i: number): number {
    let at = i;
    while (component[at] !== at) at = component[at]!;
    return at;
  }

  function join(i: number, j: number): void {
    component[root(j)] = root(i);
  }
}
