import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layoutLength } from '../vector/index.ts';
import { initialWeights } from './initial-weights.ts';
import { integerStream } from './integer-stream.ts';
import { modelLayout, trainedLayout } from './layout.ts';
import type { LayerTrace } from './local-model.ts';
import { lossSlopes, lossValues } from './network/loss.ts';
import { backward, createNetwork, forward } from './network/network.ts';
import { referenceModel } from './reference-model.ts';
import { topologySchema, type Loss, type Topology } from './topology.ts';
import { trainedRanges } from './trained-part.ts';
import { unitGradients } from './unit-gradients.ts';
import { selectUnits, type UnitBatch } from './units.ts';

const activation = fc.constantFrom('linear' as const, 'tanh' as const, 'sigmoid' as const, 'relu' as const);
const padding = fc.constantFrom('valid' as const, 'same' as const);
const side = fc.integer({ min: 1, max: 3 });
const trainable = fc.constantFrom(undefined, undefined, true, false);
const dense = fc.record({
  kind: fc.constant('dense' as const),
  units: fc.integer({ min: 1, max: 5 }),
  activation,
  trainable,
});
const dropout = fc.record({ kind: fc.constant('dropout' as const), rate: fc.constantFrom(0, 0.3, 0.6) });
const layerNorm = fc.record({
  kind: fc.constant('layerNorm' as const),
  epsilon: fc.constantFrom(1e-3, 0.1),
  trainable,
});
const convolution = <Kind extends 'conv1d' | 'conv2d'>(kind: Kind) =>
  fc.record({ kind: fc.constant(kind), filters: side, kernelSize: side, stride: side, padding, activation, trainable });
const pool = fc.record({
  kind: fc.constantFrom('maxPool' as const, 'averagePool' as const),
  size: side,
  stride: side,
  padding,
});
const gru = fc.record({ kind: fc.constant('gru' as const), units: side, returnSequences: fc.boolean(), trainable });
const global = fc.constant({ kind: 'globalAveragePool' as const });
const embedding = fc.record({
  kind: fc.constant('embedding' as const),
  vocabulary: fc.constant(5),
  units: side,
  trainable,
});

/** Bodies of networks, each with the number of inputs that it takes; what does not fit is drawn again. */
const plain = fc.record({
  inputs: fc.integer({ min: 1, max: 5 }),
  layers: fc.array(fc.oneof(dense, dropout), { maxLength: 4 }),
});
const image = fc
  .array(fc.oneof(convolution('conv2d'), convolution('conv2d'), pool, layerNorm, dropout), {
    minLength: 1,
    maxLength: 3,
  })
  .map((layers) => ({
    inputs: 50,
    layers: [{ kind: 'reshape' as const, shape: [5, 5, 2] }, ...layers, { kind: 'flatten' as const }],
  }));
const series = fc
  .tuple(
    fc.array(fc.oneof(convolution('conv1d'), pool, gru, layerNorm, dropout), { minLength: 1, maxLength: 3 }),
    fc.boolean(),
  )
  .map(([layers, mean]) => ({
    inputs: 18,
    layers: [
      { kind: 'reshape' as const, shape: [6, 3] },
      ...layers,
      ...(mean ? [{ kind: 'globalAveragePool' as const }] : []),
      { kind: 'flatten' as const },
    ],
  }));
const words = fc
  .tuple(embedding, fc.array(fc.oneof(gru, convolution('conv1d'), layerNorm, global), { minLength: 1, maxLength: 2 }))
  .map(([first, layers]) => ({ inputs: 4, layers: [first, ...layers, { kind: 'flatten' as const }] }));

const anyCase = fc
  .record({
    body: fc.oneof(plain, image, image, series, series, words),
    loss: fc.constantFrom<Loss>('binaryCrossEntropy', 'categoricalCrossEntropy', 'meanSquaredError'),
    seed: fc.uint8Array({ minLength: 8, maxLength: 8 }),
    rowsPerUnit: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 4 }),
  })
  .filter(({ body }) => {
    try {
      modelLayout(topologySchema.parse({ layers: body.layers }), body.inputs);
      return true;
    } catch {
      return false;
    }
  });
type Case = typeof anyCase extends fc.Arbitrary<infer T> ? T : never;

function build({ body: { layers, inputs }, loss, seed, rowsPerUnit }: Case) {
  const outputs = loss === 'categoricalCrossEntropy' ? 3 : 1;
  const last = { kind: 'dense' as const, units: outputs, activation: 'linear' as const };
  const topology: Topology = topologySchema.parse({ layers: [...layers, last] });
  const next = integerStream(seed);
  const normalish = () => (next() + next() + next()) / 2 ** 31 - 3;
  const rows = rowsPerUnit.reduce((sum, count) => sum + count, 0);
  const rowOffsets = new Uint32Array(rowsPerUnit.length + 1);
  rowsPerUnit.forEach((count, unit) => (rowOffsets[unit + 1] = rowOffsets[unit]! + count));
  const tokens = layers[0]?.kind === 'embedding';
  const batch: UnitBatch = {
    units: rowsPerUnit.length,
    rowOffsets,
    rows,
    inputs: Float32Array.from({ length: rows * inputs }, () => (tokens ? next() % 5 : normalish())),
    features: inputs,
    targets: Float32Array.from({ length: rows }, () =>
      loss === 'meanSquaredError' ? normalish() : next() % Math.max(2, outputs),
    ),
  };
  const weights = Float32Array.from({ length: layoutLength(modelLayout(topology, inputs)) }, () => 0.5 * normalish());
  const dimension = layoutLength(trainedLayout(topology, inputs));
  return { topology, inputs, loss, batch, weights, outputs, dimension };
}

/** Kinds at whose kinks a slope may have no finite difference to compare with. */
const hasKinks = ({ layers }: Topology): boolean =>
  layers.some((layer) => layer.kind === 'maxPool' || ('activation' in layer && layer.activation === 'relu'));

describe('gradients', () => {
  it('are the slopes of the loss by finite differences, for every kind of layer, loss and dropout mask', () => {
    const kinds = new Set<string>();
    fc.assert(
      fc.property(anyCase, (drawn) => {
        const { topology, inputs, loss, batch, weights, outputs, dimension } = build(drawn);
        if (batch.rows === 0) return;
        for (const { kind } of topology.layers) kinds.add(kind);
        const network = createNetwork(topology, inputs);
        const at = Float64Array.from(weights);
        const features = Float64Array.from(batch.inputs);
        // The same seed gives the same masks at every evaluation.
        const run = () => forward(network, at, features, batch.rows, integerStream(drawn.seed));
        const total = (): number =>
          lossValues(loss, run().outputs, batch.targets, outputs).reduce((sum, value) => sum + value, 0);
        const pass = run();
        const traces = backward(network, pass, lossSlopes(loss, pass.outputs, batch.targets, outputs));
        const whole = { units: 1, rows: batch.rows, rowOffsets: Uint32Array.of(0, batch.rows) };
        let gradient = new Float64Array(0);
        unitGradients(traces, dimension, whole, (found) => (gradient = found.slice()));
        expect(gradient.length).toBe(dimension);
        for (const { offset, trainedOffset, length } of trainedRanges(topology, inputs)) {
          for (let index = 0; index < length; index += length > 60 ? 5 : 2) {
            const slope = gradient[trainedOffset + index]!;
            const kept = at[offset + index]!;
            const difference = (step: number): number => {
              at[offset + index] = kept + step;
              const above = total();
              at[offset + index] = kept - step;
              const below = total();
              at[offset + index] = kept;
              return (above - below) / (2 * step);
            };
            const narrow = difference(1e-5);
            const tolerance = 2e-5 * (1 + Math.abs(slope));
            if (hasKinks(topology) && Math.abs(difference(1e-4) - narrow) > tolerance) continue;
            expect(Math.abs(narrow - slope)).toBeLessThan(tolerance);
          }
        }
      }),
      { numRuns: 200 },
    );
    expect(kinds.size).toBe(12);
  });

  it('of a unit are the sum over its rows, in layout order, whatever units stand beside it', async () => {
    await fc.assert(
      fc.asyncProperty(anyCase, async (drawn) => {
        // A dropout's masks go by place.
        const { topology: drawnTopology, inputs, loss, batch, weights, dimension } = build(drawn);
        const topology = { layers: drawnTopology.layers.filter(({ kind }) => kind !== 'dropout') };
        const model = referenceModel(topology, inputs, loss);
        await model.setWeights(weights);
        const traces = await model.traces(batch, drawn.seed);
        const together: Float64Array[] = [];
        unitGradients(traces, dimension, batch, (gradient) => together.push(gradient.slice()));
        expect(together.length).toBe(batch.units);
        together.forEach((gradient, unit) => {
          const naive = naiveGradient(traces, dimension, batch, unit);
          const largest = gradient.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
          naive.forEach((value, i) => expect(Math.abs(gradient[i]! - value)).toBeLessThan(1e-12 * largest));
        });
        for (let unit = 0; unit < batch.units; unit++) {
          const alone = selectUnits(batch, [unit]);
          unitGradients(await model.traces(alone, drawn.seed), dimension, alone, (gradient) => {
            expect(gradient).toEqual(together[unit]);
          });
          const byRow = new Float64Array(dimension);
          for (let row = batch.rowOffsets[unit]!; row < batch.rowOffsets[unit + 1]!; row++) {
            const single: UnitBatch = {
              units: 1,
              rowOffsets: Uint32Array.of(0, 1),
              rows: 1,
              inputs: batch.inputs.subarray(row * inputs, (row + 1) * inputs),
              features: inputs,
              targets: batch.targets.subarray(row, row + 1),
            };
            unitGradients(await model.traces(single, drawn.seed), dimension, single, (gradient) => {
              gradient.forEach((value, i) => (byRow[i]! += value));
            });
          }
          const largest = byRow.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
          byRow.forEach((value, i) => expect(Math.abs(together[unit]![i]! - value)).toBeLessThan(1e-9 * largest));
        }
      }),
      { numRuns: 80 },
    );
  });

  it.each<[string, unknown[], number]>([
    ['dense layers', [{ kind: 'dense', units: 4, activation: 'relu' }], 4],
    [
      'a convolution and a pooling that would step over it',
      [
        { kind: 'reshape', shape: [2, 2, 1] },
        { kind: 'conv2d', filters: 2, kernelSize: 1, activation: 'relu' },
        { kind: 'maxPool', size: 2 },
        { kind: 'flatten' },
      ],
      4,
    ],
    [
      'a recurrent unit',
      [
        { kind: 'reshape', shape: [4, 1] },
        { kind: 'gru', units: 2 },
      ],
      4,
    ],
    [
      'an embedding',
      [
        { kind: 'embedding', vocabulary: 3, units: 2 },
        { kind: 'gru', units: 2 },
      ],
      4,
    ],
  ])('of a unit with a NaN input hold a NaN, and the other units do not: %s', async (_, layers, inputs) => {
    const topology = topologySchema.parse({ layers: [...layers, { kind: 'dense', units: 1, activation: 'linear' }] });
    const model = referenceModel(topology, inputs, 'binaryCrossEntropy');
    await model.setWeights(initialWeights(topology, inputs, '07'));
    const batch: UnitBatch = {
      units: 2,
      rowOffsets: Uint32Array.of(0, 1, 2),
      rows: 2,
      inputs: Float32Array.of(1, NaN, 2, 0, 2, 1, 0, 1),
      features: 4,
      targets: Float32Array.of(1, 0),
    };
    const finite: boolean[] = [];
    const dimension = layoutLength(trainedLayout(topology, inputs));
    unitGradients(await model.traces(batch, new Uint8Array(8)), dimension, batch, (gradient) =>
      finite.push(gradient.every((value) => Number.isFinite(value))),
    );
    expect(finite).toEqual([false, true]);
  });

  const trace = {
    form: 'outer',
    activations: new Float32Array(6),
    deltas: new Float32Array(3),
    inputs: 2,
    units: 1,
    positions: 1,
    taps: null,
    kernelOffset: 0,
    kernelStride: 1,
    biasOffset: 2,
  } as const;
  const batch = { units: 2, rows: 3, rowOffsets: Uint32Array.of(0, 2, 3) };

  it.each<[string, LayerTrace, RegExp]>([
    [
      'of another batch',
      { ...trace, activations: new Float32Array(4), deltas: new Float32Array(2) },
      /expected 3 rows/,
    ],
    ['that leave coordinates out', { ...trace, biasOffset: null }, /expected 3 coordinates, they name 2/],
    ['beyond the vector', { ...trace, kernelOffset: 2, kernelStride: 2 }, /below 3, it names 2 to 5/],
    ['with taps for another window', { ...trace, taps: Int32Array.of(0) }, /expected 2 taps, got 1/],
  ])('refuse traces %s', (_, wrong, message) => {
    expect(() => unitGradients([wrong], 3, batch, () => undefined)).toThrowError(message);
  });

  it('never hold what the unit before left, even where traces overlap and leave a gap', () => {
    const ones = { ...trace, activations: new Float32Array(6).fill(1), deltas: new Float32Array(3).fill(1) };
    const found: number[][] = [];
    unitGradients([{ ...ones, biasOffset: 1 }], 3, batch, (gradient) => {
      found.push([...gradient]);
      gradient.fill(7, 0, 2);
    });
    expect(found).toEqual([
      [2, 2, NaN],
      [1, 1, NaN],
    ]);
  });

  it('never read another row through a tap that is beyond its own', () => {
    const wide = { ...trace, taps: Int32Array.of(0, 2), activations: new Float32Array(6).fill(1) };
    unitGradients([wide], 3, batch, (gradient) => expect([...gradient]).toEqual([0, NaN, 0]));
  });
});

/** A unit's gradient from the traces, coordinate by coordinate, as their documentation says. */
function naiveGradient(traces: readonly LayerTrace[], dimension: number, batch: UnitBatch, unit: number): Float64Array {
  const gradient = new Float64Array(dimension);
  for (const trace of traces) {
    const { positions, units } = trace;
    const width = trace.activations.length / Math.max(1, batch.rows);
    for (let row = batch.rowOffsets[unit]!; row < batch.rowOffsets[unit + 1]!; row++) {
      for (let position = 0; position < positions; position++) {
        const given = (place: number): number => trace.activations[row * width + place]!;
        for (let j = 0; j < units; j++) {
          const delta = trace.deltas[(row * positions + position) * units + j]!;
          switch (trace.form) {
            case 'outer':
              for (let i = 0; i < trace.inputs; i++) {
                const own = position * trace.inputs + i;
                const tap = trace.taps === null ? own : trace.taps[own]!;
                gradient[trace.kernelOffset + i * trace.kernelStride + j]! += tap < 0 ? 0 : given(tap) * delta;
              }
              if (trace.biasOffset !== null) gradient[trace.biasOffset + j]! += delta;
              break;
            case 'scatter':
              gradient[trace.tableOffset + given(position) * units + j]! += delta;
              break;
            case 'scale':
              gradient[trace.factorOffset + j]! += given(position * units + j) * delta;
              gradient[trace.shiftOffset + j]! += delta;
          }
        }
      }
    }
  }
  return gradient;
}
