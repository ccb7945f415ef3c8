import { defineConfig } from 'vitest/config';

/** Unit, property and contract tests lie beside what they test; `e2e/` holds what needs real processes. */
export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
  test: {
    include: [
      '{shared,coordinator,client-sdk,authority,simulation}/src/**/*.test.ts',
      'dashboard/{charts,lib,build}/**/*.test.ts',
      'examples/react-app/src/**/*.test.ts',
      'scripts/**/*.test.mjs',
    ],
    testTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
