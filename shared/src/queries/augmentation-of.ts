import type { Augmentation } from '../model/index.ts';
import type { QueryContext } from './query.ts';

/** What the plan asks a device to do to its rows before it learns from them; null: nothing. */
export function augmentationOf({ training, columns, target }: QueryContext): Augmentation | null {
  const { augmentation } = training;
  if (augmentation === undefined) return null;
  // Noise on a one-hot category would be a value that no row has.
  const places = columns.flatMap(({ kind, from, to }) =>
    kind === 'category' ? [] : Array.from({ length: to - from }, (_, i) => from + i),
  );
  return { ...augmentation, places, classTargets: target === 'classes' };
}
