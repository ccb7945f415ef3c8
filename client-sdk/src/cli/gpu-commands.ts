import { spawn } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { SottoError } from '@sotto/shared/errors';
import { missingForCuda, probeEngines, type Machine } from '../training/gpu-probe.ts';
import type { Screen } from './screen.ts';

/** What each engine consists of. They are no dependencies: a node without a GPU must not carry them. */
const packages = {
  cuda: ['@tensorflow/tfjs-node-gpu@4.22.0'],
  webgpu: ['webgpu', '@tensorflow/tfjs-backend-webgpu@4.22.0'],
} as const;

/** Shows each engine for a GPU with what stands in its way. Ends with 0 also where none can be used: nothing needs one. */
export async function gpuCheck(screen: Screen): Promise<number> {
  const machine = await readMachine();
  const missing = missingForCuda(machine);
  screen.show(
    { type: 'gpuMachine', node: machine.node, driver: machine.nvidiaDriver, missingForCuda: missing },
    [
      `Node ${machine.node} on ${machine.platform} (${machine.arch}); NVIDIA driver: ${machine.nvidiaDriver ?? 'none found'}.`,
      ...missing.map((line) => `tfjs-node-gpu, ${line}`),
    ].join('\n'),
  );
  const probes = await probeEngines();
  for (const { name, usable, device, reason } of probes) {
    screen.show(
      { type: 'engineProbe', name, usable, device, reason },
      `${name}: ${usable ? `can be used (${reason})` : `cannot be used: ${reason}`}`,
    );
  }
  const usable = probes.some((probe) => probe.usable && probe.device === 'gpu');
  screen.show(
    { type: 'gpu', usable },
    usable
      ? 'Large models are tried on the GPU, and train there if that is quicker.'
      : 'Models train in WebAssembly or plain arrays; nothing else is needed.',
  );
  return 0;
}

export async function gpuInstall(screen: Screen, _options: unknown, engine: string): Promise<number> {
  const wanted = packages[engine === 'webgpu' ? 'webgpu' : 'cuda'];
  screen.show({ type: 'installing', packages: wanted }, `npm install --no-save ${wanted.join(' ')}`);
  const code = await new Promise<number>((resolve, reject) => {
    // Progress goes to standard error, so that --json stays one object a line.
    const npm = spawn('npm', ['install', '--no-save', ...wanted], {
      stdio: ['ignore', 2, 2],
      shell: process.platform === 'win32',
    });
    npm.once('error', (error) => reject(new SottoError('UNSUPPORTED', `npm cannot be started: ${error.message}`)));
    npm.once('exit', (exit) => resolve(exit ?? 1));
  });
  if (code !== 0) throw new SottoError('UNSUPPORTED', `npm ended with ${code}; its own lines above say why`);
  return gpuCheck(screen);
}

/** What is found of the machine; nothing is started for it. */
async function readMachine(): Promise<Machine> {
  const driver = await readFile('/proc/driver/nvidia/version', 'utf8').catch(() => null);
  const folders = [
    ...(process.env['LD_LIBRARY_PATH'] ?? '').split(':').filter((folder) => folder !== ''),
    '/usr/local/cuda/lib64',
    '/usr/lib/x86_64-linux-gnu',
    '/usr/lib64',
    '/usr/lib',
  ];
  const hasLibrary = async (name: string): Promise<boolean> => {
    const found = await Promise.all(
      folders.map((folder) =>
        access(`${folder}/${name}`).then(
          () => true,
          () => false,
        ),
      ),
    );
    return found.includes(true);
  };
  return {
    node: process.versions.node,
    platform: process.platform,
    arch: process.arch,
    nvidiaDriver: driver === null ? null : (/Kernel Module\D*([\d.]+)/.exec(driver)?.[1] ?? 'of an unknown version'),
    cudaRuntime: await hasLibrary('libcudart.so.11.0'),
    cudnn: await hasLibrary('libcudnn.so.8'),
  };
}
