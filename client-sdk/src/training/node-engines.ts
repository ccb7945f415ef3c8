import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { SottoError } from '@sotto/shared/errors';
import type { EngineCandidate } from './engine.ts';
import { nativeEngines } from './native-tensorflow.ts';
import { cpuEngine, wasmEngine } from './tfjs-backend.ts';
import { webgpuEngine, type WebGpu } from './webgpu-engine.ts';

/** Engines of a node, those first that need something to be installed. */
export function nodeEngines(): readonly EngineCandidate[] {
  return [...nativeEngines(), webgpuEngine(dawn), wasmEngine(), cpuEngine];
}

let dawnGpu: WebGpu | null = null;

/** WebGPU by Dawn, from the package `webgpu`, which is no dependency (`sotto-node gpu install webgpu`). */
export async function dawn(): Promise<WebGpu> {
  if (dawnGpu !== null) return dawnGpu;
  let path: string;
  try {
    path = createRequire(import.meta.url).resolve('webgpu');
  } catch {
    throw new SottoError('UNSUPPORTED', 'it is not installed (sotto-node gpu install webgpu)');
  }
  type Dawn = { readonly create: (options: readonly string[]) => WebGpu; readonly globals: object };
  const { create, globals } = (await import(pathToFileURL(path).href)) as Dawn;
  dawnGpu = create([]);
  // tfjs looks for both there.
  Object.assign(globalThis, globals);
  const navigator = (globalThis as { navigator?: object }).navigator ?? {};
  Object.defineProperty(navigator, 'gpu', { value: dawnGpu, configurable: true });
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  return dawnGpu;
}
