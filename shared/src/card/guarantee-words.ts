import type { Plan } from '../plan/index.ts';
import type { Accountant } from '../privacy/index.ts';

/** Whom the promise is made to. */
export function unitWords(unit: Plan['unit'], idColumn: string | null): string {
  if (unit === 'client') {
    return 'One client: everything that one participant holds, all its rows together. Its vector is clipped as a whole, once in each release.';
  }
  return idColumn === null
    ? 'One row of one client’s table. No column names the person: somebody with several rows is several units and is protected less, row by row.'
    : `One record: all rows of one client’s table with the same ${idColumn}. Their vectors are summed and clipped once in each release, so the number of rows does not weaken the promise. ` +
        'The same person in the tables of two clients is two units, and the two losses add up.';
}

/** Which two worlds are compared. */
export const adjacencyWords: Readonly<Record<Plan['adjacency'], string>> = {
  addOrRemove:
    'Two worlds are compared that differ in one unit being there or not. A unit that is exchanged for another one counts as one removed and one added.',
};

/** What each accountant does about intervals and errors. */
export const accountantWords: Readonly<Record<Accountant, { readonly interval: string; readonly error: string }>> = {
  'gaussian/1': {
    interval: 'None: a closed form (Balle and Wang 2018), exact for Gaussian releases without sampling.',
    error: 'Rounding of the formula is added to δ, so the figure is an upper bound.',
  },
  'pld/2': {
    interval:
      'Privacy loss distribution, both directions, on a grid of at most 0.005 and about a fiftieth of one release’s standard deviation of loss.',
    error: 'Discretised upward; cut tails, wrap-around and round-off are added to δ, so the figure is an upper bound.',
  },
  'rdp/1': {
    interval: 'None: Rényi differential privacy, the best of a list of orders.',
    error: 'Rounded upward, so the figure is an upper bound; it is looser than a privacy loss distribution.',
  },
};
