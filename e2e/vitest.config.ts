import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Tests that need real processes, sockets or a browser: `npx vitest run --config e2e/vitest.config.ts`. One file at a time. */
export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
  test: {
    include: ['e2e/**/*.e2e.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
  },
});
