import { afterEach, expect, it, vi } from 'vitest';
import { startLimitMs } from './engine.ts';
import { cpuEngine, wasmEngine } from './tfjs-backend.ts';

afterEach(() => vi.restoreAllMocks());

it('computes without advertising anything on the screen', async () => {
  const said = [vi.spyOn(console, 'warn'), vi.spyOn(console, 'log'), vi.spyOn(console, 'info')];
  for (const engine of [cpuEngine, wasmEngine()]) {
    const { tf, backend } = await engine.start(startLimitMs);
    expect(tf.getBackend()).toBe(backend);
    const sum = tf.tidy(() => tf.sum(tf.matMul(tf.onesLike(tf.zeros([2, 3])), tf.onesLike(tf.zeros([3, 1])))));
    expect(sum.dataSync()[0]).toBe(6);
    sum.dispose();
  }
  for (const spy of said) expect(spy.mock.calls).toEqual([]);
});
