import { readFileSync, readdirSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { applyRelease, initialServerState, publishWeights } from './server-state.ts';
import { decodeServerState, encodeServerState } from './state-bytes.ts';
import { strategySchema, type StrategyConfig } from './strategy-schema.ts';

const configs: StrategyConfig[] = [
  strategySchema.parse({ kind: 'fedAvg' }),
  strategySchema.parse({ kind: 'fedSgd', learningRate: 0.5, momentum: 0.9 }),
  strategySchema.parse({ kind: 'fedSgdAdam', learningRate: 0.01 }),
];
const start = Float32Array.of(1, -2, 0.1);
const releases = [Float64Array.of(0.5, 0, -1), Float64Array.of(0.25, 1, -1), Float64Array.of(-3, 1e-9, 0.3)];

function run(config: StrategyConfig, count = releases.length) {
  return releases
    .slice(0, count)
    .reduce((state, mean) => applyRelease(config, state, mean), initialServerState(config, start));
}

describe('strategies', () => {
  it('fedAvg adds the mean update', () => {
    const [one] = configs;
    expect(Array.from(run(one!, 1).weights)).toEqual([1.5, -2, Math.fround(0.1) - 1]);
    const half = applyRelease({ kind: 'fedAvg', learningRate: 0.5 }, initialServerState(one!, start), releases[0]!);
    expect(half.weights[0]).toBe(1.25);
  });

  it('fedSgd steps against the gradient with the velocity of all before', () => {
    const config = configs[1]!;
    expect(run(config, 1).weights[0]).toBe(1 - 0.5 * 0.5);
    // v = 0.9·0.5 + 0.25 = 0.7
    expect(run(config, 2).weights[0]).toBeCloseTo(0.75 - 0.5 * 0.7, 15);
  });

  it('Adam moves each coordinate by the learning rate at first, and by the textbook formula later', () => {
    const config = configs[2]!;
    const first = run(config, 1);
    expect(first.weights[0]).toBeCloseTo(1 - 0.01, 9);
    expect(first.weights[1]).toBe(-2);
    expect(first.weights[2]).toBeCloseTo(0.1 + 0.01, 7);
    let [m, v, weight] = [0, 0, 1];
    releases.forEach((mean, index) => {
      m = 0.9 * m + 0.1 * mean[0]!;
      v = 0.999 * v + 0.001 * mean[0]! ** 2;
      const [mHat, vHat] = [m / (1 - 0.9 ** (index + 1)), v / (1 - 0.999 ** (index + 1))];
      weight -= (0.01 * mHat) / (Math.sqrt(vHat) + 1e-8);
    });
    expect(run(config).weights[0]).toBeCloseTo(weight, 12);
  });

  it('weight decay is the L2 penalty in the gradient of fedSgd, and beside the step of Adam', () => {
    const decayed = strategySchema.parse({ ...configs[1]!, weightDecay: 0.1 });
    // g = .5 + .1·1, then .25 + .1·w with v = .9·.6 + g.
    expect(run(decayed, 1).weights[0]).toBeCloseTo(1 - 0.5 * 0.6, 15);
    expect(run(decayed, 2).weights[0]).toBeCloseTo(0.7 - 0.5 * (0.9 * 0.6 + 0.25 + 0.1 * 0.7), 15);
    const adam = strategySchema.parse({ ...configs[2]!, weightDecay: 0.5 });
    // Where the gradient is 0 nothing but the decay moves a weight.
    expect(run(adam, 1).weights[1]).toBeCloseTo(-2 * (1 - 0.01 * 0.5), 15);
    expect(run(adam, 1).weights[0]).toBeCloseTo(run(configs[2]!, 1).weights[0]! - 0.01 * 0.5, 15);
  });

  it.each(configs.map((config) => [config.kind, config] as const))(
    '%s replays bit for bit, also from a decoded checkpoint, and leaves the given state',
    (_, config) => {
      const middle = run(config, 2);
      const before = encodeServerState(middle);
      const end = applyRelease(config, middle, releases[2]!);
      expect(encodeServerState(middle)).toEqual(before);
      const resumed = applyRelease(config, decodeServerState(before), releases[2]!);
      expect(encodeServerState(resumed)).toEqual(encodeServerState(end));
      expect(encodeServerState(run(config))).toEqual(encodeServerState(end));
      expect(end.steps).toBe(3);
    },
  );

  it('give the stored bytes', () => {
    const hashes = configs.map((config) =>
      createHash('sha256')
        .update(encodeServerState(run(config)))
        .digest('hex'),
    );
    expect(hashes).toMatchInlineSnapshot(`
      [
        "bdb03c12de0d62d34e3cfa66444cbf5756eb8c912866713a31179934be8b538e",
        "50f93ed9996fc34be498da36fb55d36745ce9e7612adf7eca73efabdc4dbd19e",
        "316d30f116c7210287d3f007c8106f0363abdca3b413944bd4e6a69039209201",
      ]
    `);
  });

  it('publish float32 weights', () => {
    const state = run(configs[2]!);
    expect(Array.from(publishWeights(state))).toEqual(Array.from(state.weights, (weight) => Math.fround(weight)));
  });

  it('refuse a release of another length and a state of another strategy', () => {
    const state = initialServerState(configs[0]!, start);
    expect(() => applyRelease(configs[0]!, state, new Float64Array(2))).toThrowError(/3 coordinates, got 2/);
    expect(() => applyRelease(configs[1]!, state, releases[0]!)).toThrowError(/strategy is fedSgd.*fedAvg/);
  });

  it('call nothing of Math that engines may round differently', () => {
    const folder = new URL('.', import.meta.url);
    for (const name of readdirSync(folder).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))) {
      const source = readFileSync(new URL(name, folder), 'utf8');
      const called = Array.from(source.matchAll(/Math\.(\w+)/g), (match) => match[1]);
      expect(called.filter((method) => !['sqrt', 'fround', 'abs', 'floor', 'trunc'].includes(method!))).toEqual([]);
      expect(source).not.toMatch(/\w \*\* /);
    }
  });
});

describe('state bytes', () => {
  it('say so when they are something else or cut short', () => {
    const bytes = encodeServerState(run(configs[2]!));
    for (const length of [0, 5, 14, 20, 40, bytes.length - 1]) {
      expect(() => decodeServerState(bytes.subarray(0, length))).toThrowError(
        expect.objectContaining({ code: 'INVALID_INPUT' }),
      );
    }
    const otherVersion = bytes.slice();
    otherVersion[12] = '2'.charCodeAt(0);
    expect(() => decodeServerState(otherVersion)).toThrowError(/sotto\/state\/1/);
  });

  it('keep signed zeros and survive an unaligned view', () => {
    const state = { ...run(configs[1]!), weights: Float64Array.of(-0, 1, 2) };
    const bytes = encodeServerState(state);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    const decoded = decodeServerState(shifted.subarray(3));
    expect(Object.is(decoded.weights[0], -0)).toBe(true);
    expect(encodeServerState(decoded)).toEqual(bytes);
  });
});
