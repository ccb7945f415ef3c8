import { SottoError } from '@sotto/shared/errors';
import { isSoftwareAdapter } from './adapters.ts';
import { startBackend, withinLimit, type EngineCandidate } from './engine.ts';
import { loadTfjs } from './tfjs-backend.ts';

/** What is used of WebGPU (its types are no part of TypeScript's). */
export type WebGpu = { requestAdapter(options: object): Promise<WebGpuAdapter | null> };
export type WebGpuAdapter = {
  readonly info?: {
    readonly vendor: string;
    readonly architecture: string;
    readonly device: string;
    readonly description: string;
  };
  readonly isFallbackAdapter?: boolean;
  readonly limits: Readonly<Record<string, number>>;
  requestDevice(descriptor: object): Promise<object>;
};

/** Limits that tfjs makes use of, where the adapter has more than the least. */
const limits = [
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
] as const;

/**
 * tfjs on WebGPU, on one adapter that is asked for here and looked at before: tfjs would take any.
 * @param gpu - WebGPU as the platform has it; null or a failure says that it has none.
 */
export function webgpuEngine(
  gpu: () => Promise<WebGpu | null>,
  { allowSoftware = false }: { readonly allowSoftware?: boolean } = {},
): EngineCandidate {
  return {
    name: 'tfjs webgpu',
    device: 'gpu',
    async start(limitMs) {
      const adapter = await withinLimit(adapterOf(gpu), limitMs);
      if (!allowSoftware && isSoftware(adapter)) {
        throw new SottoError('UNSUPPORTED', `the adapter is software (${adapterName(adapter)})`);
      }
      const tf = await loadTfjs();
      if ('webgpu' in tf.engine().registry) return startBackend(tf, 'webgpu', limitMs);
      const { WebGPUBackend } = await import('@tensorflow/tfjs-backend-webgpu');
      const requiredLimits = Object.fromEntries(limits.map((name) => [name, adapter.limits[name]]));
      const device = await withinLimit(adapter.requestDevice({ requiredLimits }), limitMs);
      if (tf.findBackendFactory('webgpu') !== null) tf.removeBackend('webgpu');
      type Device = ConstructorParameters<typeof WebGPUBackend>[0];
      tf.registerBackend('webgpu', () => new WebGPUBackend(device as Device, (adapter.info ?? {}) as never));
      return startBackend(tf, 'webgpu', limitMs);
    },
  };
}

/** An adapter, hardware first. */
export async function adapterOf(gpu: () => Promise<WebGpu | null>): Promise<WebGpuAdapter> {
  const adapter = (await (await gpu())?.requestAdapter({ powerPreference: 'high-performance' })) ?? null;
  if (adapter === null) throw new SottoError('UNSUPPORTED', 'there is no WebGPU adapter here');
  return adapter;
}

export function isSoftware({ info, isFallbackAdapter }: WebGpuAdapter): boolean {
  const names = [info?.vendor, info?.architecture, info?.device, info?.description];
  return isFallbackAdapter === true || isSoftwareAdapter(names);
}

export function adapterName({ info }: WebGpuAdapter): string {
  return [info?.description, info?.device, info?.architecture, info?.vendor].find((name) => name) ?? 'without a name';
}
