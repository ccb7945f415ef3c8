import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { longestFirst } from '../scripts/longest-first.mjs';

/**
 * Tests that need real processes, sockets or a browser: `npx vitest run --config e2e/vitest.config.ts`. Two files at a time:
 * processes mostly wait for one another. Each has folders and ports of its own.
 */
export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
  test: {
    include: ['e2e/**/*.e2e.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    sequence: {
      sequencer: longestFirst([
        'e2e/demo.e2e.ts',
        'e2e/by-hand.e2e.ts',
        'e2e/kills.e2e.ts',
        'e2e/namespaces.e2e.ts',
        'e2e/dashboard.e2e.ts',
        'e2e/attacks/secrets-in-logs.e2e.ts',
        'e2e/full-disk.e2e.ts',
        'e2e/browser-clients.e2e.ts',
        'e2e/reconnects.e2e.ts',
      ]),
    },
  },
});
