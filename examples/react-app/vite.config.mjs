import { cpSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/** The files of `@sotto/client` for browsers: a page's entry, its workers, and chunks that they load on need. */
const shipped = fileURLToPath(new URL('browser/', import.meta.resolve('@sotto/client')));

/**
 * Puts these files beside the page as they are, and loads the entry from there: its workers find one another by their addresses,
 * which a bundler would change.
 */
function sottoAsShipped() {
  let config;
  return {
    name: 'sotto-as-shipped',
    apply: 'build',
    enforce: 'pre',
    configResolved: (resolved) => void (config = resolved),
    resolveId: (id) => (id === '@sotto/client' ? { id: `${config.base}sotto/index.js`, external: 'absolute' } : null),
    closeBundle: () => cpSync(shipped, resolve(config.root, config.build.outDir, 'sotto'), { recursive: true }),
  };
}

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [sottoAsShipped()],
  // In development too.
  optimizeDeps: { exclude: ['@sotto/client'] },
  build: { target: 'es2022', emptyOutDir: true },
});
