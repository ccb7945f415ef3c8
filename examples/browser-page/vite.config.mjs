import { defineConfig } from 'vite';

export default defineConfig({
  base: './',
  // The client's workers are modules that load parts on need.
  worker: { format: 'es' },
  // In development Vite would move the package's entry away from its workers.
  optimizeDeps: { exclude: ['@sotto/client'] },
});
