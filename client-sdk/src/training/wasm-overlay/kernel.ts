import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type * as Tf from '@tensorflow/tfjs-core';
import type { Tfjs } from '../engine.ts';

/** What a composed kernel works with: the wasm backend, and its kernels as tfjs brings them. */
export type Stock = {
  readonly tf: Tfjs;
  readonly backend: BackendWasm;
  /** Runs a kernel that tfjs itself brings, outside the tape; the caller frees what comes back. */
  readonly run: (
    name: string,
    inputs: Readonly<Record<string, Tf.TensorInfo>>,
    attrs?: Tf.NamedAttrMap,
  ) => Tf.TensorInfo;
};

/** A kernel made of other kernels, for inputs that are all float32. Gives null for a case that it does not know. */
export type ComposedKernel = (
  stock: Stock,
  inputs: Readonly<Record<string, Tf.TensorInfo>>,
  attrs: Tf.NamedAttrMap,
) => Tf.TensorInfo | null;

/** Runs the work, then frees what it put onto the list, also when it throws. */
export function freeing<T>(backend: BackendWasm, work: (own: (info: Tf.TensorInfo) => Tf.TensorInfo) => T): T {
  const owned: Tf.TensorInfo[] = [];
  try {
    return work((info) => {
      owned.push(info);
      return info;
    });
  } finally {
    for (const { dataId } of owned) backend.disposeData(dataId);
  }
}

/** tfjs's wasm memory as floats, good until the next allocation; `info` is any tensor of floats there. */
export function heapOf(backend: BackendWasm, info: Tf.TensorInfo): Float32Array {
  return new Float32Array(backend.typedArrayFromHeap(info).buffer);
}

/** Where a tensor of floats begins in that memory, in floats. Offsets above 2 GiB come back signed. */
export function floatOffset(backend: BackendWasm, { dataId }: Tf.TensorInfo): number {
  return (backend.getMemoryOffset(dataId) >>> 0) / 4;
}
