import { defineConfig } from 'vitest/config';
import { longestFirst } from './scripts/longest-first.mjs';

/** What every project has in common. The count of workers stands for all at once, so that `--maxWorkers` does too. */
const common = {
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
};
const settings = { testTimeout: 60_000, pool: 'forks' } as const;

/** Pure core: its tests change nothing that another file could see, so that a worker reads its modules once for all of them. */
const pure = 'shared/src/**/*.test.ts';
/** Those that change globals or modules, or measure their process. */
const apart = [
  'shared/src/crypto/crypto-port.test.ts',
  'shared/src/crypto/node-memory.test.ts',
  'shared/src/crypto/node-sodium-ml-kem.test.ts',
  'shared/src/crypto/word-kernel.test.ts',
];

/** Unit, property and contract tests lie beside what they test; `e2e/` holds what needs real processes. */
export default defineConfig({
  ...common,
  test: {
    maxWorkers: 2,
    sequence: {
      sequencer: longestFirst([
        'simulation/src/schedules.test.ts',
        'simulation/src/schedules-odd.test.ts',
        'simulation/src/grouped.test.ts',
        'simulation/src/crashes.test.ts',
        'simulation/src/large-cohort.test.ts',
        'client-sdk/src/training/contribution-thread.test.ts',
        'scripts/verify-card.test.mjs',
        'coordinator/src/runs/driver.test.ts',
        'simulation/src/lies.test.ts',
        'shared/src/secure-sum/honest-session.test.ts',
        'shared/src/secure-sum/ring-session.test.ts',
        'shared/src/privacy/accountants/account-case.test.ts',
      ]),
    },
    projects: [
      {
        ...common,
        test: {
          ...settings,
          name: 'apart',
          include: [
            '{coordinator,client-sdk,authority,simulation}/src/**/*.test.ts',
            ...apart,
            'dashboard/{charts,lib,build}/**/*.test.ts',
            'examples/react-app/src/**/*.test.ts',
            'scripts/**/*.test.mjs',
          ],
        },
      },
      { ...common, test: { ...settings, name: 'pure', include: [pure], exclude: apart, isolate: false } },
    ],
  },
});
