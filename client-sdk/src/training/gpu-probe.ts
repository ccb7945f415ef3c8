import { adapterName, adapterOf, isSoftware } from './webgpu-engine.ts';
import { reasonOf, startLimitMs, withinLimit } from './engine.ts';
import { probeNativeTensorflow, type NativeProbe } from './native-tensorflow.ts';
import { dawn } from './node-engines.ts';

/** What is known of a machine that may have a GPU. */
export type Machine = {
  readonly node: string;
  readonly platform: string;
  readonly arch: string;
  /** Version of NVIDIA's kernel module; null where it is not loaded. */
  readonly nvidiaDriver: string | null;
  readonly cudaRuntime: boolean;
  readonly cudnn: boolean;
};

/** What tfjs-node-gpu 4.22 (TensorFlow 2.9) lacks on a machine, a line each: what, and what to do. */
export function missingForCuda(machine: Machine): readonly string[] {
  const { node, platform, arch, nvidiaDriver, cudaRuntime, cudnn } = machine;
  if (platform === 'darwin') return ['there is none for macOS; WebGPU uses its GPU'];
  const lines: string[] = [];
  if (platform === 'linux') {
    if (nvidiaDriver === null)
      lines.push("the driver: NVIDIA's kernel module is not loaded (450.80 or later is needed)");
    if (!cudaRuntime) lines.push('CUDA: libcudart.so.11.0 is in none of the library folders (CUDA 11.2 is needed)');
    if (!cudnn) lines.push('the library: libcudnn.so.8 is in none of the library folders (cuDNN 8.1 is needed)');
  }
  if (arch !== 'x64') lines.push(`the processor: there is no build for ${arch}`);
  if (Number(node.split('.')[0]) > 26) lines.push(`Node: ${node} is newer than what was tried (20 to 26)`);
  return lines;
}

/** Each engine that is not part of the product: whether it can be used here, and what with, or why not. */
export async function probeEngines(): Promise<readonly NativeProbe[]> {
  return [...(await probeNativeTensorflow()), await probeDawn()];
}

async function probeDawn(): Promise<NativeProbe> {
  const probe = { name: 'WebGPU by Dawn', device: 'gpu' } as const;
  try {
    const adapter = await withinLimit(adapterOf(dawn), startLimitMs);
    const name = adapterName(adapter);
    if (isSoftware(adapter)) return { ...probe, usable: false, reason: `the adapter is software (${name})` };
    await import('@tensorflow/tfjs-backend-webgpu');
    return { ...probe, usable: true, reason: name };
  } catch (error) {
    return { ...probe, usable: false, reason: reasonOf(error) };
  }
}
