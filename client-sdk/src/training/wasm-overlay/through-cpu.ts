import type { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type * as Tf from '@tensorflow/tfjs-core';
import type { Tfjs } from '../engine.ts';

/**
 * A kernel that wasm lacks, by the cpu backend's kernel of the same name: values are read, computed and written back. Slow, and
 * only a safety net: what large models spend their time in is composed of wasm's own kernels.
 */
export function throughCpu(tf: Tfjs, { kernelFunc }: Tf.KernelConfig): Tf.KernelFunc {
  return ({ inputs, backend, attrs }) => {
    const wasm = backend as BackendWasm;
    const cpu = tf.findBackend('cpu') as MathBackendCPU;
    const used = new Set<object>();
    const copied = (info: Tf.TensorInfo | undefined): Tf.TensorInfo | undefined => {
      if (info === undefined || info === null) return info;
      const copy = cpu.makeTensorInfo(info.shape, info.dtype, wasm.readSync(info.dataId));
      used.add(copy.dataId);
      // Some kernels of the cpu backend take their inputs for whole tensors.
      return { ...copy, rank: info.shape.length, size: tf.util.sizeFromShape(info.shape) } as Tf.TensorInfo;
    };
    const written = (info: Tf.TensorInfo): Tf.TensorInfo => {
      used.add(info.dataId);
      return wasm.makeOutput(info.shape, info.dtype, undefined, cpu.readSync(info.dataId));
    };
    try {
      // Kernels of any number of inputs (Concat, AddN) are given a list, whatever the type says.
      const given = Array.isArray(inputs)
        ? (inputs as Tf.TensorInfo[]).map(copied)
        : Object.fromEntries(Object.entries(inputs).map(([name, info]) => [name, copied(info)]));
      const results = kernelFunc({ inputs: given as Tf.NamedTensorInfoMap, backend: cpu, ...(attrs && { attrs }) });
      return Array.isArray(results) ? results.map(written) : written(results);
    } finally {
      for (const dataId of used) cpu.disposeData(dataId, true);
    }
  };
}
