import { defineConfig } from 'vitest/config';
import { longestFirst } from './scripts/longest-first.mjs';

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
    sequence: {
      sequencer: longestFirst([
        'simulation/src/schedules.test.ts',
        'simulation/src/schedules-odd.test.ts',
        'simulation/src/grouped.test.ts',
        'simulation/src/crashes.test.ts',
        'shared/src/secure-sum/honest-session.test.ts',
        'shared/src/secure-sum/ring-session.test.ts',
        'simulation/src/large-cohort.test.ts',
        'client-sdk/src/training/contribution-thread.test.ts',
        'scripts/verify-card.test.mjs',
        'shared/src/privacy/accountants/account-case.test.ts',
        'coordinator/src/runs/driver.test.ts',
        'simulation/src/lies.test.ts',
      ]),
    },
  },
});
