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
  const gradient = new Float64Array(dimension);
  const delta = new Float64Array(traces.reduce((widest, trace) => Math.max(widest, trace.units), 0));
  for (let unit = 0; unit < batch.units; unit++) {
    const first = batch.rowOffsets[unit]!;
    const end = batch.rowOffsets[unit + 1]!;
    let offset = 0;
    if (first === end) gradient.fill(0);
    else {
      for (const trace of traces) {
        setRow(trace, first, gradient, offset, delta);
        for (let row = first + 1; row < end; row++) addRow(trace, row, gradient, offset, delta);
        offset += (trace.inputs + 1) * trace.units;
      }
    }
    visit(gradient);
  }
}

/** The first row is written, not added: it saves clearing the buffer. */
function setRow(trace: DenseTrace, row: number, gradient: Float64Array, start: number, delta: Float64Array): void {
  const { activations, inputs, units } = trace;
  loadDelta(trace, row, delta);
  let offset = start;
  for (let at = row * inputs; at < (row + 1) * inputs; at++) {
    const activation = activations[at]!;
    for (let j = 0; j < units; j++) gradient[offset + j] = activation * delta[j]!;
    offset += units;
  }
  for (let j = 0; j < units; j++) gradient[offset + j] = delta[j]!;
}

function addRow(trace: DenseTrace, row: number, gradient: Float64Array, start: number, delta: Float64Array): void {
  const { activations, inputs, units } = trace;
  loadDelta(trace, row, delta);
  let offset = start;
  for (let at = row * inputs; at < (row + 1) * inputs; at++) {
    const activation = activations[at]!;
    for (let j = 0; j < units; j++) gradient[offset + j]! += activation * delta[j]!;
    offset += units;
  }
  for (let j = 0; j < units; j++) gradient[offset + j]! += delta[j]!;
}

function loadDelta(trace: DenseTrace, row: number, delta: Float64Array): void {
  const { deltas, units } = trace;
  const base = row * units;
  for (let j = 0; j < units; j++) delta[j] = deltas[base + j]!;
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
