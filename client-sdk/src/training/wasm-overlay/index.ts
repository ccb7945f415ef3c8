import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type * as Tf from '@tensorflow/tfjs-core';
import type { Tfjs } from '../engine.ts';
import { convolutionFilterGradient } from './convolution-filter-gradient.ts';
import { convolutionInputGradient } from './convolution-input-gradient.ts';
import type { ComposedKernel, Stock } from './kernel.ts';
import { matrixProduct } from './matrix-product.ts';
import { maxPoolGradient } from './max-pool-gradient.ts';
import { throughCpu } from './through-cpu.ts';

/** What a kernel is made of here; a case that one does not know goes to tfjs's own kernel, or to the cpu backend's. */
const composed: Readonly<Record<string, ComposedKernel>> = {
  BatchMatMul: matrixProduct,
  Conv2DBackpropFilter: convolutionFilterGradient,
  Conv2DBackpropInput: convolutionInputGradient,
  MaxPoolGrad: maxPoolGradient,
};

/** Kernels that tfjs 4.22 brings for wasm and that compute something else than on every other backend, without an error. */
const wrong: readonly string[] = [
  'Conv3DBackpropFilterV2',
  'Conv3DBackpropInputV2',
  'Dilation2D',
  'Dilation2DBackpropFilter',
  'Dilation2DBackpropInput',
  'MaxPool3D',
  'MaxPool3DGrad',
];

/** Takes the overlay away that is there now; null where none is. The registry of kernels is one for the whole process. */
let removal: (() => void) | null = null;

/**
 * Adds to tfjs's wasm backend what it lacks for training (tensorflow/tfjs issues 8474, 8082): gradients of convolutions, matrix
 * products with transpose flags on XNNPACK, what it computes wrongly, and everything else that the cpu backend has, by its
 * kernels. Both backends' packages must be loaded. Adding it again changes nothing.
 *
 * @returns takes it away again.
 */
export function addWasmOverlay(tf: Tfjs): () => void {
  if (removal !== null) return removal;
  const stock = new Map(tf.getKernelsForBackend('wasm').map((config) => [config.kernelName, config]));
  const fromCpu = new Map(tf.getKernelsForBackend('cpu').map((config) => [config.kernelName, throughCpu(tf, config)]));

  const run = (backend: BackendWasm): Stock['run'] => {
    return (name, inputs, attrs = {}) => {
      const kernel = stock.get(name);
      if (kernel === undefined) throw new Error(`tfjs's wasm backend has no kernel ${name}`);
      const result = kernel.kernelFunc({ inputs: inputs as Tf.NamedTensorInfoMap, backend, attrs });
      return Array.isArray(result) ? result[0]! : result;
    };
  };
  const added: Tf.KernelConfig[] = [];
  const put = (kernelName: string, kernelFunc: Tf.KernelFunc): void => {
    // What sets the own kernel up or takes it down still has to: the composed one may call it.
    added.push({ ...stock.get(kernelName), kernelName, backendName: 'wasm', kernelFunc });
  };

  for (const [name, kernel] of Object.entries(composed)) {
    const otherwise = stock.get(name)?.kernelFunc;
    put(name, (given) => {
      const backend = given.backend as BackendWasm;
      const inputs = given.inputs as Record<string, Tf.TensorInfo>;
      const float = Object.values(inputs).every(({ dtype }) => dtype === 'float32');
      const known = float ? kernel({ tf, backend, run: run(backend) }, inputs, given.attrs ?? {}) : null;
      if (known !== null) return known;
      const other = (float ? otherwise : undefined) ?? fromCpu.get(name);
      if (other === undefined) throw new Error(`no backend has a kernel ${name}`);
      return other(given);
    });
  }
  for (const [name, kernel] of fromCpu) {
    if ((!stock.has(name) || wrong.includes(name)) && !(name in composed)) put(name, kernel);
  }
  for (const config of added) replace(tf, config);

  removal = () => {
    removal = null;
    for (const { kernelName } of added) {
      tf.unregisterKernel(kernelName, 'wasm');
      const own = stock.get(kernelName);
      if (own !== undefined) tf.registerKernel(own);
    }
  };
  return removal;
}

/** tfjs says so on the screen when a kernel is registered over another. */
function replace(tf: Tfjs, config: Tf.KernelConfig): void {
  if (tf.getKernel(config.kernelName, 'wasm') !== undefined) tf.unregisterKernel(config.kernelName, 'wasm');
  tf.registerKernel(config);
}
