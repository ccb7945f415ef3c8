import { normalQuantile, z95, type Figure } from './interval.ts';
import type { Shown } from './shown.ts';

/** What a figure is held against. */
export type NoiseRule = {
  /** How many figures are looked at together: the more, the likelier one of them is nothing but noise. */
  readonly among: number;
  /** Noise up to here hides nothing that anybody would act on, in the figure's unit. */
  readonly negligible: number;
  /** What the noise is held against, where it is not the figure's own size. */
  readonly signal?: number;
  /** The reason where there is no figure at all. */
  readonly silence?: string | undefined;
};

/**
 * A figure of which 0 is the usual value, such as an importance: shown where it is larger than what noise alone shows in the largest of so many
 * figures in 95 of 100 releases, or where that is too small to matter; else withheld. Decided by noisy numbers alone, as everything that is
 * shown. What is shown beside much noise reads high: it was shown because it did.
 *
 * @see Dunn 1961, "Multiple Comparisons Among Means" (Bonferroni's bound).
 */
export function besideNoise(
  figure: Figure | null,
  { among, negligible, signal = Math.abs(figure?.value ?? 0), silence = 'too few units beside the noise' }: NoiseRule,
): Shown {
  if (figure === null) return { figure: null, withheld: silence };
  const reach = noiseReach(figure, among);
  if (reach <= Math.max(signal, negligible)) return { figure, withheld: null };
  const others = among > 1 ? `among ${among} figures ` : '';
  return { figure: null, withheld: `drowned: ${others}noise alone reaches ±${Number(reach.toPrecision(2))}` };
}

/** What the noise of none of so many figures passes in 95 of 100 releases. */
export function noiseReach({ noiseHalfWidth }: Figure, among: number): number {
  return (noiseHalfWidth * normalQuantile(1 - 0.025 / among)) / z95;
}
