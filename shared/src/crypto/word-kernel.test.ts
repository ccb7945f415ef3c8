import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import wabt from 'wabt';
import { kernelBytes } from './word-kernel.ts';

const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const lengths = [0, 1, 15, 16, 17, 32_767, 32_768, 32_769, 70_001];

describe('the kernel', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it('is what word-kernel.wat says', async () => {
    const { parseWat } = await wabt();
    const source = readFileSync(new URL('./word-kernel.wat', import.meta.url), 'utf8');
    expect(parseWat('word-kernel.wat', source, { simd: true }).toBinary({}).buffer).toEqual(kernelBytes());
  });

  it.each([true, false])('adds and subtracts modulo 2^32 at every length (WebAssembly: %s)', async (webAssembly) => {
    if (!webAssembly) vi.stubGlobal('WebAssembly', undefined);
    const { addStreams, addWords, pieceWords, wipeKernel } = await import('./word-kernel.ts');
    fc.assert(
      fc.property(fc.constantFrom(...lengths), word, word, fc.boolean(), (length, a, b, minus) => {
        const first = Int32Array.from({ length }, (_, i) => Math.imul(a, i + 1));
        const second = Int32Array.from({ length }, (_, i) => Math.imul(b, i + 3));
        const sum = first.slice();
        addWords(sum, second);
        expect(sum).toEqual(first.map((value, i) => value + second[i]!));
        const piece = first.slice(0, pieceWords);
        const bytes = new Uint8Array(second.buffer);
        const next = (count: number) => bytes.subarray(0, count);
        const stream = { next, sign: minus ? -1 : 1 } as const;
        addStreams(piece, [stream, stream], () => undefined);
        expect(piece).toEqual(first.slice(0, pieceWords).map((value, i) => value + (minus ? -2 : 2) * second[i]!));
        wipeKernel();
      }),
      { numRuns: 40 },
    );
  });
});
