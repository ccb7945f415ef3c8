import { afterEach, expect, it, vi } from 'vitest';
import { loadTfjs } from './tfjs-backend.ts';

afterEach(() => vi.restoreAllMocks());

it('computes without advertising anything on the screen', async () => {
  const said = [vi.spyOn(console, 'warn'), vi.spyOn(console, 'log'), vi.spyOn(console, 'info')];
  const { tf } = await loadTfjs();
  for (const backend of ['cpu', 'wasm']) {
    expect(await tf.setBackend(backend)).toBe(true);
    const sum = tf.tidy(() => tf.sum(tf.matMul(tf.ones([2, 3]), tf.ones([3, 1]))));
    expect(sum.dataSync()[0]).toBe(6);
    sum.dispose();
  }
  for (const spy of said) expect(spy.mock.calls).toEqual([]);
});
