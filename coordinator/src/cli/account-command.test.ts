import { describe, expect, it } from 'vitest';
import { run } from './program.ts';

async function* pieces(...texts: (string | Uint8Array)[]): AsyncGenerator<string | Uint8Array> {
  for (const text of texts) yield await Promise.resolve(text);
}

async function account(input: AsyncIterable<string | Uint8Array>) {
  let out = '';
  const exit = await run(['privacy', 'account'], {
    out: (text) => (out += text),
    error: () => expect.unreachable(),
    input,
    environment: {},
    ended: Promise.resolve(),
  });
  expect(exit).toBe(0);
  const lines: {
    id: string | null;
    pld?: { epsilon: number };
    rdp?: { epsilon: number };
    error?: string;
  }[] = out
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
  return lines;
}

const gaussian = (id: string, noiseMultiplier: number) =>
  JSON.stringify({
    id,
    neighboring: 'add-or-remove-one',
    events: [{ type: 'gaussian', noiseMultiplier, count: 1 }],
    query: { kind: 'epsilon', delta: 1e-5 },
  });

describe('sotto privacy account', () => {
  it('answers each line with a line, in their order', async () => {
    const lines = await account(pieces(`${gaussian('a', 1)}\n${gaussian('b', 2)}\n`));
    expect(lines.map(({ id }) => id)).toEqual(['a', 'b']);
    // Analytic Gaussian, by an independent implementation.
    expect(lines[0]?.pld?.epsilon).toBeCloseTo(4.377178, 5);
    expect(lines[0]?.rdp?.epsilon).toBeCloseTo(4.728507, 5);
    expect(lines[1]?.pld?.epsilon).toBeLessThan(2);
  });

  it('says of a malformed line what is wrong with it, and goes on', async () => {
    const lines = await account(
      pieces(`{"id": "x", \n\n{"id": "y", "neighboring": "somebody"}\n7\n${gaussian('z', 1)}`),
    );
    expect(lines.map(({ id }) => id)).toEqual([null, 'y', null, 'z']);
    expect(lines[0]?.error).toMatch(/^INVALID_INPUT: line 1: not JSON/);
    expect(lines[1]?.error).toMatch(/^INVALID_INPUT: neighboring "somebody"/);
    expect(lines[2]?.error).toMatch(/^INVALID_INPUT: line 4: expected a JSON object/);
    expect(lines[3]?.error).toBeUndefined();
  });

  it('reads lines that come in pieces, cut within a character', async () => {
    const bytes = new TextEncoder().encode(`${gaussian('ε', 1)}\n`);
    const cut = bytes.indexOf(0xce) + 1;
    const lines = await account(pieces(bytes.subarray(0, cut), bytes.subarray(cut)));
    expect(lines.map(({ id }) => id)).toEqual(['ε']);
  });

  it('writes an infinite ε as the string "Infinity"', async () => {
    const [line] = await account(pieces(gaussian('no noise', 0)));
    expect(line?.pld?.epsilon).toBe('Infinity');
  });

  it('answers nothing with nothing', async () => {
    expect(await account(pieces())).toEqual([]);
  });
});
