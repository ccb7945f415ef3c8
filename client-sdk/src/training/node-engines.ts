import { SottoError } from '@sotto/shared/errors';
import type { EngineCandidate } from './engine.ts';
import { nativeEngines } from './native-tensorflow.ts';
import { cpuEngine, wasmEngine } from './tfjs-backend.ts';
import { webgpuEngine, type WebGpu } from './webgpu-engine.ts';

/** Engines of a node, those first that need something to be installed. */
export function nodeEngines(): readonly EngineCandidate[] {
  return [...nativeEngines, webgpuEngine(dawn), wasmEngine(), cpuEngine];
}

let dawnGpu: WebGpu | null = null;

/** WebGPU by Dawn, from the package `webgpu`, which is no dependency (`sotto-node gpu install webgpu`). */
export async function dawn(): Promise<WebGpu> {
  if (dawnGpu !== null) return dawnGpu;
  // Not by a literal: neither the compiler nor the bundle may want to have it.
  const name: string = 'webgpu';
  type Dawn = { readonly create: (options: readonly string[]) => WebGpu; readonly globals: object };
  const { create, globals } = await (import(name) as Promise<Dawn>).catch((error: unknown) => {
    const missing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
    throw missing ? new SottoError('UNSUPPORTED', 'it is not installed (sotto-node gpu install webgpu)') : error;
  });
  dawnGpu = create([]);
  // tfjs looks for both there.
  Object.assign(globalThis, globals);
  const navigator = (globalThis as { navigator?: object }).navigator ?? {};
  Object.defineProperty(navigator, 'gpu', { value: dawnGpu, configurable: true });
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  return dawnGpu;
}
