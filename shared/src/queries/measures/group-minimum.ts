import type { QueryContext } from '../query.ts';

/**
 * Units, noise included, below which a group is withheld: the plan's minimum, and where noise is large three deviations of what it
 * alone would count in an empty group. Both are public before anything is read.
 *
 * @param cells - noisy counts that a group's units are added up from.
 */
export function smallGroups({ minimumUnits }: QueryContext, cells: number, noiseStd: number): number {
  return Math.max(minimumUnits, 3 * noiseStd * Math.sqrt(cells));
}

/** The reason for silence about a small group. */
export function whyTooSmall(units: number, minimum: number, { unit }: QueryContext): string {
  const what = unit === 'client' ? 'clients' : 'units';
  return `about ${Math.max(0, Math.round(units))} ${what}, at least ${Math.ceil(minimum)} are needed`;
}
