import { initialWeights, referenceModel, topologySchema } from '@sotto/shared/model';
import { describe, expect, it } from 'vitest';
import { chooseEngine } from './choose-engine.ts';
import { missingForCuda, probeEngines, type Machine } from './gpu-probe.ts';
import { dawn } from './node-engines.ts';
import type { ModelSpec } from './tfjs-model.ts';
import { webgpuEngine } from './webgpu-engine.ts';

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

/**
 * Dawn itself, where somebody has installed `webgpu` (or NODE_PATH has it): `SOTTO_DAWN=1`, with Vulkan's loader and a driver.
 * Not one of the tests otherwise. Software will do here.
 */
if (process.env['SOTTO_DAWN'] === '1') {
  it('WebGPU by Dawn trains as plain arrays do, each row by itself', async () => {
    const spec: ModelSpec = {
      topology: topologySchema.parse({
        layers: [
          { kind: 'dense', units: 40, activation: 'tanh' },
          { kind: 'dense', units: 3, activation: 'linear' },
        ],
      }),
      inputs: 20,
      loss: 'categoricalCrossEntropy',
    };
    const rows = 60;
    const batch = {
      units: rows,
      rowOffsets: Uint32Array.from({ length: rows + 1 }, (_, row) => row),
      rows,
      inputs: Float32Array.from({ length: rows * 20 }, (_, index) => Math.sin(index)),
      features: 20,
      targets: Float32Array.from({ length: rows }, (_, row) => row % 3),
    };
    const search = { rowsApart: true, nowMs: () => performance.now(), limitMs: 30_000, device: 'gpu' } as const;
    const { model, choice } = await chooseEngine(spec, {
      ...search,
      candidates: [webgpuEngine(dawn, { allowSoftware: true })],
    });
    expect(choice).toMatchObject({ engine: 'tfjs webgpu', device: 'gpu' });
    const plain = referenceModel(spec.topology, spec.inputs, spec.loss);
    const trained = [];
    for (const one of [model, plain]) {
      await one.setWeights(initialWeights(spec.topology, spec.inputs, '10'.repeat(32)));
      const settings = { epochs: 1, batchSize: 16, learningRate: 0.2, proximal: 0 };
      trained.push(await one.train(batch, settings, new Uint8Array(32)));
      await one.dispose();
    }
    const [own, wanted] = trained as [Float32Array, Float32Array];
    wanted.forEach((value, index) => expect(Math.abs(value - own[index]!)).toBeLessThan(1e-5));
  });
}
