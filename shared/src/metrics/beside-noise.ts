import type { Figure } from './interval.ts';
import type { Shown } from './shown.ts';

/**
 * A figure of which 0 is the usual value, such as an importance: shown where its noise is no larger than its signal, or too small to
 * matter; else withheld. Decided by noisy numbers alone, as everything that is shown.
 *
 * @param negligible - noise up to here hides nothing that anybody would act on, in the figure's unit.
 * @param signal - what the noise is held against, where it is not the figure's own size.
 * @param silence - the reason where there is no figure at all.
 */
export function besideNoise(
  figure: Figure | null,
  negligible: number,
  signal = Math.abs(figure?.value ?? 0),
  silence = 'too few units beside the noise',
): Shown {
  if (figure === null) return { figure: null, withheld: silence };
  if (figure.noiseHalfWidth <= Math.max(signal, negligible)) return { figure, withheld: null };
  return { figure: null, withheld: `drowned: noise alone is ±${Number(figure.noiseHalfWidth.toPrecision(2))}` };
}
