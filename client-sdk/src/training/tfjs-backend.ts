import type * as Tf from '@tensorflow/tfjs-core';
import { loadNativeTensorflow } from './native-tensorflow.ts';

export type LoadedTfjs = { readonly tf: typeof Tf; readonly name: string };

/** Longest wait for a backend, in milliseconds: where a page forbids its worker, tfjs's wasm waits for ever and says nothing. */
const backendMs = 5_000;

/** Loads tfjs on the best backend that starts: a native build if the owner installed one, then wasm, then plain JavaScript. */
export async function loadTfjs(): Promise<LoadedTfjs> {
  const native = loadNativeTensorflow();
  if (native !== null) return native;
  const tf = await import('@tensorflow/tfjs-core');
  // Also silences the banner by which the cpu backend advertises the native package on a hospital's screen.
  tf.enableProdMode();
  await import('@tensorflow/tfjs-backend-cpu');
  await import('@tensorflow/tfjs-backend-wasm');
  for (const name of ['wasm', 'cpu']) {
    if (await starts(tf, name)) return { tf, name: `tfjs ${name}` };
  }
  return { tf, name: `tfjs ${tf.getBackend()}` };
}

async function starts(tf: typeof Tf, name: string): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), backendMs);
  });
  try {
    return await Promise.race([tf.setBackend(name), late]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
