import { SottoError } from '../errors/index.ts';
import type { DenseTrace } from './local-model.ts';
import type { UnitBatch } from './units.ts';

/**
 * Gradient of each unit: over its rows, the sum of the outer products activation × delta (the kernel's part) and of the
 * deltas (the bias's part) of every dense layer. Sums are float64, row after row.
 *
 * @param traces - the batch's traces, first layer first.
 * @param visit - called once per unit in the batch's order with float64 [d] in the order of `modelLayout`; the buffer is
 * reused after `visit` returns. A unit without rows gets zeros.
 * @throws {INVALID_INPUT} when a trace does not cover the batch's rows.
 */
export function denseUnitGradients(
  traces: readonly DenseTrace[],
  batch: Pick<UnitBatch, 'units' | 'rows' | 'rowOffsets'>,
  visit: (gradient: Float64Array) => void,
): void {
  let dimension = 0;
  for (const trace of traces) {
    requireRows(trace, batch.rows);
    dimension += (trace.inputs + 1) * trace.units;
  }
  const gradient = takeScratch(dimension);
  for (let unit = 0; unit < batch.units; unit++) {
    const first = batch.rowOffsets[unit]!;
    const end = batch.rowOffsets[unit + 1]!;
    let offset = 0;
    if (first === end) gradient.fill(0);
    else {
      for (const trace of traces) {
        // The first row is written, not added: that saves clearing the buffer.
        setRow(trace, first, gradient, offset);
        for (let row = first + 1; row < end; row++) addRow(trace, row, gradient, offset);
        offset += (trace.inputs + 1) * trace.units;
      }
    }
    visit(gradient);
  }
  // A unit's gradient stays in no memory.
  gradient.fill(0);
  scratch = gradient;
}

/** Memory of the last call, taken by one call at a time; most calls in a process have one dimension. */
let scratch: Float64Array | null = null;

function takeScratch(dimension: number): Float64Array {
  const taken = scratch;
  scratch = null;
  return taken?.length === dimension ? taken : new Float64Array(dimension);
}

/**
 * Writes a row's outer product and deltas. Four columns at a time: their deltas stay in registers while the activations
 * pass by.
 */
function setRow(trace: DenseTrace, row: number, gradient: Float64Array, start: number): void {
  const { activations, deltas, inputs, units } = trace;
  const first = row * inputs;
  const end = first + inputs;
  const base = row * units;
  let j = 0;
  for (; j + 4 <= units; j += 4) {
    const d0 = deltas[base + j]!;
    const d1 = deltas[base + j + 1]!;
    const d2 = deltas[base + j + 2]!;
    const d3 = deltas[base + j + 3]!;
    let at = start + j;
    for (let i = first; i < end; i++) {
      const activation = activations[i]!;
      gradient[at] = activation * d0;
      gradient[at + 1] = activation * d1;
      gradient[at + 2] = activation * d2;
      gradient[at + 3] = activation * d3;
      at += units;
    }
    gradient[at] = d0;
    gradient[at + 1] = d1;
    gradient[at + 2] = d2;
    gradient[at + 3] = d3;
  }
  for (; j < units; j++) {
    const d = deltas[base + j]!;
    let at = start + j;
    for (let i = first; i < end; i++) {
      gradient[at] = activations[i]! * d;
      at += units;
    }
    gradient[at] = d;
  }
}

/** Adds a further row's, likewise. */
function addRow(trace: DenseTrace, row: number, gradient: Float64Array, start: number): void {
  const { activations, deltas, inputs, units } = trace;
  const first = row * inputs;
  const end = first + inputs;
  const base = row * units;
  let j = 0;
  for (; j + 4 <= units; j += 4) {
    const d0 = deltas[base + j]!;
    const d1 = deltas[base + j + 1]!;
    const d2 = deltas[base + j + 2]!;
    const d3 = deltas[base + j + 3]!;
    let at = start + j;
    for (let i = first; i < end; i++) {
      const activation = activations[i]!;
      gradient[at]! += activation * d0;
      gradient[at + 1]! += activation * d1;
      gradient[at + 2]! += activation * d2;
      gradient[at + 3]! += activation * d3;
      at += units;
    }
    gradient[at]! += d0;
    gradient[at + 1]! += d1;
    gradient[at + 2]! += d2;
    gradient[at + 3]! += d3;
  }
  for (; j < units; j++) {
    const d = deltas[base + j]!;
    let at = start + j;
    for (let i = first; i < end; i++) {
      gradient[at]! += activations[i]! * d;
      at += units;
    }
    gradient[at]! += d;
  }
}

function requireRows(trace: DenseTrace, rows: number): void {
  if (trace.activations.length !== rows * trace.inputs || trace.deltas.length !== rows * trace.units) {
    throw new SottoError(
      'INVALID_INPUT',
      `trace: expected ${rows} rows of ${trace.inputs} activations and ${trace.units} deltas, ` +
        `got ${trace.activations.length} and ${trace.deltas.length} values`,
    );
  }
}
