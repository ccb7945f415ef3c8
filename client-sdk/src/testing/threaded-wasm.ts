import type { EngineCandidate } from '../training/engine.ts';
import { startBackend } from '../training/engine.ts';
import { loadTfjs } from '../training/tfjs-backend.ts';

/** tfjs's wasm as it starts by itself: with threads where the page is isolated, from a `blob:` script. */
export function threadedWasm(folder: string): EngineCandidate {
  return {
    name: 'wasm with threads',
    device: 'cpu',
    async start(limitMs) {
      const tf = await loadTfjs();
      const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
      setWasmPaths(folder);
      return startBackend(tf, 'wasm', limitMs);
    },
  };
}
