import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { initialWeights } from './initial-weights.ts';
import { modelTensors, weightsOfTensors } from './model-tensors.ts';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';
import { encodeTfjsModel } from './tfjs-model.ts';
import type { Topology } from './topology.ts';

const topology: Topology = {
  layers: [
    { kind: 'dense', units: 5, activation: 'relu' },
    { kind: 'dropout', rate: 0.5 },
    { kind: 'dense', units: 3, activation: 'linear' },
  ],
};
const weights = initialWeights(topology, 4, 'c0ffee');

function fileOf(header: unknown, dataLength: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

describe('safetensors', () => {
  it('holds length, JSON header and data, with the data at a multiple of 8', () => {
    const bytes = encodeSafetensors(modelTensors(topology, 4, weights), { plan: 'ab' });
    const view = new DataView(bytes.buffer);
    const headerLength = Number(view.getBigUint64(0, true));
    expect((8 + headerLength) % 8).toBe(0);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength)));
    expect(header).toEqual({
      __metadata__: { plan: 'ab' },
      'dense0/kernel': { dtype: 'F32', shape: [4, 5], data_offsets: [0, 80] },
      'dense0/bias': { dtype: 'F32', shape: [5], data_offsets: [80, 100] },
      'dense1/kernel': { dtype: 'F32', shape: [5, 3], data_offsets: [100, 160] },
      'dense1/bias': { dtype: 'F32', shape: [3], data_offsets: [160, 172] },
    });
    expect(view.getFloat32(8 + headerLength + 4, true)).toBe(weights[1]);
    expect(bytes.length).toBe(8 + headerLength + 172);
  });

  it('comes back as it went, and the weights from tensors in any order', () => {
    const tensors = modelTensors(topology, 4, weights);
    const decoded = decodeSafetensors(encodeSafetensors([...tensors].reverse(), { a: 'ä' }));
    expect(decoded.metadata).toEqual({ a: 'ä' });
    expect(weightsOfTensors(topology, 4, decoded.tensors)).toEqual(weights);
    expect(() => weightsOfTensors(topology, 5, decoded.tensors)).toThrowError(/dense0\/kernel.*5×5, got 4×5/);
    expect(() => weightsOfTensors(topology, 4, decoded.tensors.slice(1))).toThrowError(/dense1\/bias.*got none/);
  });

  it('keeps every float32, names and shapes', () => {
    const tensor = fc.tuple(fc.string({ minLength: 1 }), fc.float32Array({ maxLength: 12 }));
    fc.assert(
      fc.property(fc.uniqueArray(tensor, { selector: ([name]) => name, maxLength: 5 }), (drawn) => {
        // An object's member of these names would not be a member of its own; JSON.parse and entries keep the others.
        fc.pre(drawn.every(([name]) => name !== '__proto__' && name !== '__metadata__'));
        const tensors = drawn.map(([name, values]) => ({ name, shape: [1, values.length], values }));
        const decoded = decodeSafetensors(encodeSafetensors(tensors));
        const byName = new Map(decoded.tensors.map((one) => [one.name, one]));
        expect(byName.size).toBe(tensors.length);
        for (const one of tensors) expect(byName.get(one.name)).toEqual(one);
      }),
    );
  });

  it.each([
    ['too short for a length', new Uint8Array(7), /expected 8 bytes, got 7/],
    ['a header longer than the file', fileOf('{}', 0).fill(0xff, 0, 8), /a header of/],
    ['a header that is no JSON', fileOf('{', 0), /not JSON/],
    ['an entry without a shape', fileOf({ a: { dtype: 'F32', data_offsets: [0, 4] } }, 4), /tensor a/],
    ['another type', fileOf({ a: { dtype: 'F16', shape: [2], data_offsets: [0, 4] } }, 4), /expected F32, got F16/],
    [
      'a shape that is too large',
      fileOf({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 4] } }, 4),
      /asks for 2 values, got 1/,
    ],
    ['a gap', fileOf({ a: { dtype: 'F32', shape: [1], data_offsets: [4, 8] } }, 8), /from 0, got 4 to 8/],
    ['data beyond the end', fileOf({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }, 4), /got 0 to 8/],
    [
      'data that no tensor names',
      fileOf({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }, 8),
      /names 4 bytes of data, got 8/,
    ],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes)).toThrowError(
      expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringMatching(message) }),
    );
  });

  it('refuses to write a name twice, a reserved name, and a shape that does not match', () => {
    const values = new Float32Array(2);
    expect(() =>
      encodeSafetensors([
        { name: 'a', shape: [2], values },
        { name: 'a', shape: [2], values },
      ]),
    ).toThrowError(/taken/);
    expect(() => encodeSafetensors([{ name: '__metadata__', shape: [2], values }])).toThrowError(/taken/);
    expect(() => encodeSafetensors([{ name: 'a', shape: [3], values }])).toThrowError(/asks for 3 values, got 2/);
  });
});

describe('tfjs model', () => {
  it('names its weights in layout order and gives the last layer the activation of the loss', () => {
    const { modelJson, weightsBin } = encodeTfjsModel(topology, 4, weights, 'categoricalCrossEntropy');
    const model = JSON.parse(modelJson);
    expect(model.modelTopology.config.layers.map((layer: { config: object }) => layer.config)).toMatchObject([
      { units: 5, activation: 'relu', batch_input_shape: [null, 4] },
      { rate: 0.5 },
      { units: 3, activation: 'softmax' },
    ]);
    expect(model.weightsManifest[0].weights.map((entry: { name: string }) => entry.name)).toEqual([
      'dense0/kernel',
      'dense0/bias',
      'dense1/kernel',
      'dense1/bias',
    ]);
    expect(weightsBin.length).toBe(4 * weights.length);
  });
});
