import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layoutLength } from '../vector/index.ts';
import { initialWeights } from './initial-weights.ts';
import { integerStream } from './integer-stream.ts';
import { denseShapes, modelLayout } from './layout.ts';
import { backward, forward, lossSlopes, lossValues, networkSteps } from './network.ts';
import { referenceModel } from './reference-model.ts';
import type { Loss, Topology } from './topology.ts';
import { denseUnitGradients } from './unit-gradients.ts';
import { selectUnits, type UnitBatch } from './units.ts';

const anyLoss = fc.constantFrom<Loss>('binaryCrossEntropy', 'categoricalCrossEntropy', 'meanSquaredError');
const hidden = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('dense' as const),
      units: fc.integer({ min: 1, max: 5 }),
      activation: fc.constantFrom('linear' as const, 'tanh' as const, 'sigmoid' as const, 'relu' as const),
    }),
    fc.record({ kind: fc.constant('dropout' as const), rate: fc.constantFrom(0, 0.3, 0.6) }),
  ),
  { maxLength: 4 },
);
const anyCase = fc.record({
  layers: hidden,
  inputs: fc.integer({ min: 1, max: 5 }),
  loss: anyLoss,
  seed: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  rowsPerUnit: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 4 }),
});
type Case = typeof anyCase extends fc.Arbitrary<infer T> ? T : never;

function build({ layers, inputs, loss, seed, rowsPerUnit }: Case) {
  const outputs = loss === 'categoricalCrossEntropy' ? 3 : 1;
  const topology: Topology = { layers: [...layers, { kind: 'dense', units: outputs, activation: 'linear' }] };
  const next = integerStream(seed);
  const normalish = () => (next() + next() + next()) / 2 ** 31 - 3;
  const rows = rowsPerUnit.reduce((sum, count) => sum + count, 0);
  const rowOffsets = new Uint32Array(rowsPerUnit.length + 1);
  rowsPerUnit.forEach((count, unit) => (rowOffsets[unit + 1] = rowOffsets[unit]! + count));
  const batch: UnitBatch = {
    units: rowsPerUnit.length,
    rowOffsets,
    rows,
    inputs: Float32Array.from({ length: rows * inputs }, normalish),
    features: inputs,
    targets: Float32Array.from({ length: rows }, () =>
      loss === 'meanSquaredError' ? normalish() : next() % Math.max(2, outputs),
    ),
  };
  const weights = Float32Array.from({ length: layoutLength(modelLayout(topology, inputs)) }, () => 0.5 * normalish());
  return { topology, inputs, loss, batch, weights, outputs };
}

describe('gradients', () => {
  it('are the slopes of the loss by finite differences, for every topology, loss and dropout mask', () => {
    fc.assert(
      fc.property(anyCase, (drawn) => {
        const { topology, inputs, loss, batch, weights, outputs } = build(drawn);
        const shapes = denseShapes(topology, inputs);
        const steps = networkSteps(topology, shapes);
        const at = Float64Array.from(weights);
        const features = Float64Array.from(batch.inputs);
        // The same seed gives the same masks at every evaluation.
        const run = () => forward(steps, at, features, batch.rows, integerStream(drawn.seed));
        const total = (): number =>
          lossValues(loss, run().outputs.at(-1)!, batch.targets, outputs).reduce((sum, value) => sum + value, 0);
        const pass = run();
        // A relu within a step of its kink has no slope to compare with.
        const kinks = shapes.some((shape) => shape.activation === 'relu');
        const deltas = backward(
          shapes,
          at,
          pass,
          lossSlopes(loss, pass.outputs.at(-1)!, batch.targets, outputs),
          batch.rows,
        );
        shapes.forEach((shape, layer) => {
          for (let coordinate = shape.kernelOffset; coordinate < shape.biasOffset + shape.units; coordinate += 3) {
            const inKernel = coordinate < shape.biasOffset;
            const i = Math.floor((coordinate - shape.kernelOffset) / shape.units);
            const j = (coordinate - shape.kernelOffset) % shape.units;
            let slope = 0;
            for (let row = 0; row < batch.rows; row++) {
              const activation = inKernel ? pass.inputs[layer]![row * shape.inputs + i]! : 1;
              slope += activation * deltas[layer]![row * shape.units + j]!;
            }
            const kept = at[coordinate]!;
            const difference = (step: number): number => {
              at[coordinate] = kept + step;
              const above = total();
              at[coordinate] = kept - step;
              const below = total();
              at[coordinate] = kept;
              return (above - below) / (2 * step);
            };
            const wide = difference(1e-4);
            const narrow = difference(1e-5);
            const tolerance = 1e-5 * (1 + Math.abs(slope));
            if (kinks && Math.abs(wide - narrow) > tolerance) continue;
            expect(Math.abs(narrow - slope)).toBeLessThan(tolerance);
          }
        });
      }),
      { numRuns: 150 },
    );
  });

  it('of a unit are the sum over its rows, in layout order, whatever units stand beside it', async () => {
    await fc.assert(
      fc.asyncProperty(anyCase, async (drawn) => {
        const { topology, inputs, loss, batch, weights } = build({
          ...drawn,
          layers: drawn.layers.filter((layer) => layer.kind === 'dense'),
        });
        const model = referenceModel(topology, inputs, loss);
        await model.setWeights(weights);
        const together: Float64Array[] = [];
        denseUnitGradients(await model.traces(batch, drawn.seed), batch, (gradient) => together.push(gradient.slice()));
        expect(together.length).toBe(batch.units);
        const traces = await model.traces(batch, drawn.seed);
        together.forEach((gradient, unit) => {
          const naive: number[] = [];
          for (const trace of traces) {
            const sum = (term: (row: number) => number): number => {
              let total = 0;
              for (let row = batch.rowOffsets[unit]!; row < batch.rowOffsets[unit + 1]!; row++) total += term(row);
              return total;
            };
            const delta = (row: number, j: number) => trace.deltas[row * trace.units + j]!;
            for (let i = 0; i < trace.inputs; i++) {
              for (let j = 0; j < trace.units; j++) {
                naive.push(sum((row) => trace.activations[row * trace.inputs + i]! * delta(row, j)));
              }
            }
            for (let j = 0; j < trace.units; j++) naive.push(sum((row) => delta(row, j)));
          }
          expect(naive.length).toBe(gradient.length);
          naive.forEach((value, i) => expect(gradient[i]).toBeCloseTo(value, 12));
        });
        for (let unit = 0; unit < batch.units; unit++) {
          const alone = selectUnits(batch, [unit]);
          denseUnitGradients(await model.traces(alone, drawn.seed), alone, (gradient) => {
            expect(gradient).toEqual(together[unit]);
          });
          const byRow = new Float64Array(weights.length);
          for (let row = batch.rowOffsets[unit]!; row < batch.rowOffsets[unit + 1]!; row++) {
            const single: UnitBatch = {
              units: 1,
              rowOffsets: Uint32Array.of(0, 1),
              rows: 1,
              inputs: batch.inputs.subarray(row * inputs, (row + 1) * inputs),
              features: inputs,
              targets: batch.targets.subarray(row, row + 1),
            };
            denseUnitGradients(await model.traces(single, drawn.seed), single, (gradient) => {
              gradient.forEach((value, i) => (byRow[i]! += value));
            });
          }
          byRow.forEach((value, i) => expect(together[unit]![i]).toBeCloseTo(value, 9));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('of a unit with a NaN input hold a NaN, and the other units do not', async () => {
    const topology: Topology = {
      layers: [
        { kind: 'dense', units: 4, activation: 'relu' },
        { kind: 'dense', units: 1, activation: 'linear' },
      ],
    };
    const model = referenceModel(topology, 2, 'binaryCrossEntropy');
    await model.setWeights(initialWeights(topology, 2, '07'));
    const batch: UnitBatch = {
      units: 2,
      rowOffsets: Uint32Array.of(0, 1, 2),
      rows: 2,
      inputs: Float32Array.of(NaN, 1, 0.5, -0.5),
      features: 2,
      targets: Float32Array.of(1, 0),
    };
    const finite: boolean[] = [];
    denseUnitGradients(await model.traces(batch, new Uint8Array(8)), batch, (gradient) =>
      finite.push(gradient.every((value) => Number.isFinite(value))),
    );
    expect(finite).toEqual([false, true]);
  });

  it('refuse traces of another batch', () => {
    const trace = { activations: new Float32Array(4), deltas: new Float32Array(2), inputs: 2, units: 1 };
    const batch = { units: 1, rows: 3, rowOffsets: Uint32Array.of(0, 3) };
    expect(() => denseUnitGradients([trace], batch, () => undefined)).toThrowError(/expected 3 rows/);
  });
});
