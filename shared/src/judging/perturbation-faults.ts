import type { InputColumn, Topology } from '../model/index.ts';
import type { AttackNorm } from './attacks.ts';

/** What makes a wish impossible, and what to do about it; without the field that holds the wish. */
export type PerturbationFault = { readonly problem: string; readonly cure: string };

/** Why rows cannot be moved a little, as the plan alone shows; null: they can. */
export function perturbationFault(topology: Topology, columns: readonly InputColumn[]): PerturbationFault | null {
  if (topology.layers.some(({ kind }) => kind === 'embedding')) {
    return {
      problem:
        'the model reads tokens, which are names and not amounts: it has no gradient by its inputs, and nothing lies near a token',
      cure: 'Take it out, or train a model without an embedding.',
    };
  }
  if (columns.every(({ kind }) => kind === 'category')) {
    return {
      problem: 'no column is a number or a picture, and a category cannot be changed a little',
      cure: 'Take it out, or add a column that is a number.',
    };
  }
  return null;
}

/** Why an ε is too large: no two rows of the schema lie so far apart. Null: it is not. */
export function epsilonFault(
  columns: readonly InputColumn[],
  norm: AttackNorm,
  epsilon: number,
): PerturbationFault | null {
  let [widest, squares] = [0, 0];
  for (const { kind, from, to, low, high } of columns) {
    if (kind === 'category') continue;
    widest = Math.max(widest, high - low);
    squares += (to - from) * (high - low) ** 2;
  }
  const most = norm === 'linf' ? widest : Math.sqrt(squares);
  if (epsilon <= most) return null;
  return {
    problem: `${epsilon} is beyond the range of every input: within the schema's ranges a row moves by ${Number(most.toPrecision(4))} at most (${norm})`,
    cure: 'Sizes are in encoded inputs, where 1 is one scale of the schema; lower it.',
  };
}
