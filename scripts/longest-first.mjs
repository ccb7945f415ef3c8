// The order of test files: two workers end at the same time only if no long file begins when the others are done.
import { BaseSequencer } from 'vitest/node';

/**
 * Vitest's order, with these files before all others: it knows sizes, or times of an earlier run where there was one, and a
 * fresh clone has none.
 * @param {readonly string[]} first ends of paths, the longest test first
 */
export function longestFirst(first) {
  /** @param {string} path */
  const place = (path) => {
    const index = first.findIndex((end) => path.endsWith(`/${end}`));
    return index === -1 ? first.length : index;
  };
  return class LongestFirst extends BaseSequencer {
    /** @param {import('vitest/node').TestSpecification[]} files */
    async sort(files) {
      const usual = await super.sort(files);
      return usual.sort((a, b) => place(a.moduleId) - place(b.moduleId));
    }
  };
}
