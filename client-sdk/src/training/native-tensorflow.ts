import { createRequire } from 'node:module';
import { SottoError } from '@sotto/shared/errors';
import type * as Tf from '@tensorflow/tfjs-core';
import { startBackend, type EngineCandidate } from './engine.ts';

/** Native builds of TensorFlow, best first. Neither is a dependency: an owner adds one when the machine has use for it. */
const builds = [
  { name: '@tensorflow/tfjs-node-gpu', device: 'gpu' },
  { name: '@tensorflow/tfjs-node', device: 'cpu' },
] as const;

export type NativeProbe = {
  readonly name: string;
  readonly usable: boolean;
  readonly device: 'gpu' | 'cpu';
  readonly reason: string;
};

/**
 * Native builds as engines. Both register as one backend: where the first runs, the other does not.
 * @param from - address of the module that looks for them.
 */
export function nativeEngines(from = import.meta.url): readonly EngineCandidate[] {
  return builds.map(({ name, device }) => ({
    name,
    device,
    fixedRows: true,
    async start(limitMs) {
      const { tf, reason } = tryLoad(name, from);
      if (tf === null) throw new SottoError('UNSUPPORTED', reason);
      const engine = await startBackend(tf, 'tensorflow', limitMs);
      if (device === 'gpu' && !usesGpu(tf)) throw new SottoError('UNSUPPORTED', noGpu);
      return engine;
    },
  }));
}

/** What stands in the way of each native build. */
export async function probeNativeTensorflow(): Promise<readonly NativeProbe[]> {
  return builds.map(({ name, device }) => {
    const { tf, reason } = tryLoad(name);
    if (tf !== null && device === 'gpu' && !usesGpu(tf)) return { name, device, usable: false, reason: noGpu };
    return { name, device, usable: tf !== null, reason };
  });
}

const noGpu = 'it loads, but finds no GPU: the driver, CUDA 11 or cuDNN 8 is missing';

/** Without CUDA the GPU build computes on the processor and says nothing. */
function usesGpu(tf: typeof Tf): boolean {
  const backend = tf.findBackend('tensorflow') as unknown as { readonly isUsingGpuDevice?: boolean } | null;
  return backend?.isUsingGpuDevice === true;
}

/**
 * A native build, or why there is none.
 * @param from - address of the module that looks for it.
 */
export function tryLoad(name: string, from = import.meta.url): { tf: typeof Tf | null; reason: string } {
  const require = createRequire(from);
  try {
    require.resolve(name);
  } catch {
    const cure = name === '@tensorflow/tfjs-node' ? `npm install --no-save ${name}@4.22.0` : 'sotto-node gpu install';
    return { tf: null, reason: `it is not installed (${cure})` };
  }
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  restoreRemovedUtil(require('node:util'));
  try {
    return { tf: require(name) as typeof Tf, reason: 'loaded' };
  } catch (error) {
    // Installed without its addon: an install script that was not allowed to run, or no CUDA libraries.
    const message = error instanceof Error ? error.message.split('\n')[0] : String(error);
    return { tf: null, reason: `its addon does not load: ${message ?? 'unknown'}` };
  }
}

/** tfjs-node 4.22 calls two functions that Node 23 removed (tensorflow/tfjs issue 8609). */
export function restoreRemovedUtil(util: Record<string, unknown>): void {
  util['isNullOrUndefined'] ??= (value: unknown): boolean => value === null || value === undefined;
  util['isArray'] ??= Array.isArray;
}
