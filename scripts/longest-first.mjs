// The order of test files: two workers end at the same time only if no long file begins when the others are done.
import { BaseSequencer } from 'vitest/node';

/**
 * Vitest's order, with these files before all others: it knows sizes, or times of an earlier run where there was one, and a
 * fresh clone has none. Files whose modules their worker keeps come last, all in a row: a worker that meets another kind begins anew.
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
      const keeps = (/** @type {import('vitest/node').TestSpecification} */ { project }) =>
        Number(!project.config.isolate);
      return usual.sort((a, b) => keeps(a) - keeps(b) || place(a.moduleId) - place(b.moduleId));
    }
  };
}
