import { startBackend, type EngineCandidate, type Tfjs } from './engine.ts';

/** tfjs with its cpu backend, which the others fall back on for single operations. */
export async function loadTfjs(): Promise<Tfjs> {
  const tf = await import('./tfjs-core.ts');
  // Also silences the banner by which the cpu backend advertises the native package on a hospital's screen.
  tf.enableProdMode();
  await import('@tensorflow/tfjs-backend-cpu');
  return tf;
}

/** tfjs in plain JavaScript. */
export const cpuEngine: EngineCandidate = {
  name: 'tfjs cpu',
  device: 'cpu',
  lastResort: true,
  start: async (limitMs) => startBackend(await loadTfjs(), 'cpu', limitMs),
};

/**
 * tfjs on WebAssembly, with the overlay that makes it train.
 *
 * One thread: no gain by more was measured, and tfjs starts them from a `blob:` script, which a strict content security policy
 * forbids; it then waits for ever. As it is, `script-src 'self' 'wasm-unsafe-eval'` and `connect-src 'self'` are enough.
 *
 * @param folder - URL, with a slash at its end, of the folder with tfjs's `.wasm` files; without it, they lie beside its script.
 */
export function wasmEngine(folder?: string): EngineCandidate {
  return {
    name: 'tfjs wasm',
    device: 'cpu',
    async start(limitMs) {
      const tf = await loadTfjs();
      const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
      if (tf.findBackendFactory('wasm') !== null && !('wasm' in tf.engine().registry)) {
        tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
        if (folder !== undefined) setWasmPaths(folder);
      }
      const engine = await startBackend(tf, 'wasm', limitMs);
      const { addWasmOverlay } = await import('./wasm-overlay/index.ts');
      addWasmOverlay(tf);
      return engine;
    },
  };
}
