import { createRequire } from 'node:module';
import type * as Tf from '@tensorflow/tfjs-core';

/** Native builds of TensorFlow, best first. Neither is a dependency: an owner adds one when the machine has use for it. */
const candidates = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;

export type NativeProbe = { readonly name: string; readonly usable: boolean; readonly reason: string };

/** The first native build that loads, or null. It brings a tfjs-core of its own. */
export function loadNativeTensorflow(): { name: string; tf: typeof Tf } | null {
  for (const name of candidates) {
    const loaded = tryLoad(name);
    if (loaded.tf !== null) return { name, tf: loaded.tf };
  }
  return null;
}

/** What stands in the way of each native build. */
export async function probeNativeTensorflow(): Promise<readonly NativeProbe[]> {
  return candidates.map((name) => {
    const { tf, reason } = tryLoad(name);
    return { name, usable: tf !== null, reason };
  });
}

function tryLoad(name: string): { tf: typeof Tf | null; reason: string } {
  const require = createRequire(import.meta.url);
  try {
    require.resolve(name);
  } catch {
    return { tf: null, reason: 'it is not installed (sotto-node gpu install)' };
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
function restoreRemovedUtil(util: Record<string, unknown>): void {
  util['isNullOrUndefined'] ??= (value: unknown): boolean => value === null || value === undefined;
  util['isArray'] ??= Array.isArray;
}
