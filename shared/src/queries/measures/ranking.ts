import { noiseReach, type Shown } from '../../metrics/index.ts';

/** Largest figure first; what is withheld last, in the order of the plan's columns, which tells nothing. */
export function byImportance<Feature>(
  features: readonly Feature[],
  of: (feature: Feature) => Shown,
): readonly Feature[] {
  const told = features.filter((feature) => of(feature).figure !== null);
  const silent = features.filter((feature) => of(feature).figure === null);
  return [...told.sort((a, b) => of(b).figure!.value - of(a).figure!.value), ...silent];
}

/** How many figures are withheld, and what would help; null where none is. */
export function drownedWords(figures: readonly Shown[], units: number): string | null {
  const silent = figures.filter(({ figure }) => figure === null).length;
  if (silent === 0) return null;
  return `${silent} of ${figures.length} columns cannot be told beside the noise of a sum over about ${Math.max(0, Math.round(units))} units. The noise of a mean falls as units rise: ask again with more of them, with fewer measures beside this one, or with a larger ε of the report.`;
}

/** What noise alone shows in the largest of so many figures; nothing where there is no noise. */
export function floorOf({ figure }: Shown, among: number): { readonly floor?: number } {
  return figure === null || figure.noiseHalfWidth === 0 ? {} : { floor: noiseReach(figure, among) };
}
