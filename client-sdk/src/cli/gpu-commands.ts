import { spawn } from 'node:child_process';
import { SottoError } from '@sotto/shared/errors';
import { probeNativeTensorflow } from '../training/native-tensorflow.ts';
import type { Screen } from './screen.ts';

const packageName = '@tensorflow/tfjs-node-gpu@4.22.0';

export async function gpuCheck(screen: Screen): Promise<number> {
  const probes = await probeNativeTensorflow();
  for (const { name, usable, reason } of probes) {
    screen.show(
      { type: 'engineProbe', name, usable, reason },
      `${name}: ${usable ? 'can be used' : `cannot be used: ${reason}`}`,
    );
  }
  const usable = probes.some((probe) => probe.usable);
  screen.show(
    { type: 'gpu', usable },
    usable
      ? 'Large models train on the native engine.'
      : 'Models train in WebAssembly or plain arrays; nothing else is needed.',
  );
  return 0;
}

export async function gpuInstall(screen: Screen): Promise<number> {
  screen.show({ type: 'installing', package: packageName }, `npm install --no-save ${packageName}`);
  const code = await new Promise<number>((resolve, reject) => {
    // Progress goes to standard error, so that --json stays one object a line.
    const npm = spawn('npm', ['install', '--no-save', packageName], {
      stdio: ['ignore', 2, 2],
      shell: process.platform === 'win32',
    });
    npm.once('error', (error) => reject(new SottoError('UNSUPPORTED', `npm cannot be started: ${error.message}`)));
    npm.once('exit', (exit) => resolve(exit ?? 1));
  });
  if (code !== 0) throw new SottoError('UNSUPPORTED', `npm ended with ${code}; its own lines above say why`);
  return gpuCheck(screen);
}
