import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts a thread of Node. The built package has plain JavaScript; in a checkout, where only sources are, tsx loads them.
 * @param file - by its name in the built package
 */
export function startThread(file: URL, options: WorkerOptions = {}): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(file, options);
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const entry = JSON.stringify(file.href.replace(/\.js$/, '.ts'));
  const load = `import(${tsx}).then(({ register }) => { register(); return import(${entry}); })`;
  return new Worker(load, { ...options, eval: true, execArgv: ['--conditions=source'] });
}
