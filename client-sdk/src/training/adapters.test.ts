import { expect, it } from 'vitest';
import { isSoftwareAdapter } from './adapters.ts';
import { webgpuEngine, type WebGpuAdapter } from './webgpu-engine.ts';

it.each([
  'ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device (Subzero) (0x0000C0DE)), SwiftShader driver)',
  'llvmpipe (LLVM 15.0.6, 256 bits)',
  'ANGLE (Microsoft, Microsoft Basic Render Driver Direct3D11 vs_5_0 ps_5_0, D3D11)',
  'Apple Software Renderer',
  'softpipe',
])('no hardware: %s', (name) => expect(isSoftwareAdapter([undefined, '', name])).toBe(true));

it.each([
  'ANGLE (NVIDIA, NVIDIA GeForce RTX 3080 Direct3D11 vs_5_0 ps_5_0, D3D11)',
  'ANGLE (Intel, Mesa Intel(R) UHD Graphics 620 (KBL GT2), OpenGL 4.6)',
  'Apple M2',
  'AMD Radeon Pro 5300M OpenGL Engine',
  'Mali-G78',
])('hardware: %s', (name) => expect(isSoftwareAdapter([name])).toBe(false));

it('a WebGPU adapter that is software is refused by its name, and so is none at all', async () => {
  const adapter = (architecture: string, isFallbackAdapter = false): WebGpuAdapter => ({
    info: { vendor: 'google', architecture, device: '', description: '' },
    isFallbackAdapter,
    limits: {},
    requestDevice: () => Promise.reject(new Error('a device was asked for')),
  });
  const started = (found: WebGpuAdapter | null) =>
    webgpuEngine(async () => ({ requestAdapter: async () => found })).start(1_000);
  await expect(started(adapter('swiftshader'))).rejects.toThrow('the adapter is software (swiftshader)');
  await expect(started(adapter('', true))).rejects.toThrow('the adapter is software (google)');
  await expect(started(null)).rejects.toThrow('there is no WebGPU adapter here');
  await expect(started(adapter('ampere'))).rejects.toThrow('a device was asked for');
});
