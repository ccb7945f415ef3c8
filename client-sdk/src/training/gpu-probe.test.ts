import { describe, expect, it } from 'vitest';
import { missingForCuda, probeEngines, type Machine } from './gpu-probe.ts';

const whole: Machine = {
  node: '22.1.0',
  platform: 'linux',
  arch: 'x64',
  nvidiaDriver: '550.54',
  cudaRuntime: true,
  cudnn: true,
};

describe('what a machine lacks for CUDA', () => {
  it('nothing, where all is there', () => expect(missingForCuda(whole)).toEqual([]));

  it.each([
    [{ nvidiaDriver: null }, /^the driver: /],
    [{ cudaRuntime: false }, /^CUDA: /],
    [{ cudnn: false }, /^the library: /],
    [{ arch: 'arm64' }, /^the processor: .* arm64/],
    [{ node: '28.0.0' }, /^Node: 28/],
    [{ platform: 'darwin', arch: 'arm64', nvidiaDriver: null }, /macOS/],
  ] as const)('%j', (less, line) => {
    const lines = missingForCuda({ ...whole, ...less });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(line);
  });
});

it('each engine that is not installed says how it would be', async () => {
  const probes = await probeEngines();
  expect(probes.map(({ name }) => name)).toEqual([
    '@tensorflow/tfjs-node-gpu',
    '@tensorflow/tfjs-node',
    'WebGPU by Dawn',
  ]);
  for (const { usable, reason } of probes) if (!usable) expect(reason).not.toBe('');
  const dawn = probes.at(-1)!;
  if (!dawn.usable) expect(dawn.reason).toMatch(/gpu install webgpu|adapter|Vulkan/);
});
