import { SottoError } from '../errors/index.ts';
import type { LayerTrace, OuterTrace, ScaleTrace, ScatterTrace } from './local-model.ts';
import { addOuterProducts, gatherTaps } from './outer-products.ts';
import type { UnitBatch } from './units.ts';

type Values = Float32Array | Float64Array;

/**
 * Gradient of each unit: the sum over its rows of what the traces say of each weight. Sums are float64, row after row and, within a
 * row, position after position; only the unit's own rows are read.
 *
 * @param traces - the batch's traces; together they name each coordinate once.
 * @param dimension - d, number of trained coordinates.
 * @param visit - called once per unit in the batch's order with float64 [d] in the order of `trainedLayout`; the buffer is
 * reused after `visit` returns. A unit without rows gets zeros.
 * @throws {INVALID_INPUT} when a trace does not cover the batch's rows, or the traces do not make up the dimension.
 */
export function unitGradients(
  traces: readonly LayerTrace<Values>[],
  dimension: number,
  batch: Pick<UnitBatch, 'units' | 'rows' | 'rowOffsets'>,
  visit: (gradient: Float64Array) => void,
): void {
  let named = 0;
  for (const trace of traces) named += requireTrace(trace, batch.rows, dimension);
  if (named !== dimension) {
    throw new SottoError('INVALID_INPUT', `traces: expected ${dimension} coordinates, they name ${named}`);
  }
  const gradient = takeScratch(dimension);
  // A coordinate that no trace writes stays no number, and the door counts such a unit as zero: never what a unit before it left.
  gradient.fill(Number.NaN);
  for (let unit = 0; unit < batch.units; unit++) {
    const first = batch.rowOffsets[unit]!;
    const end = batch.rowOffsets[unit + 1]!;
    if (first === end) gradient.fill(0);
    else {
      for (const trace of traces) writeSum(trace, first, end, gradient, batch.rows);
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

/** Writes the sums over rows [first, end) to the trace's coordinates, whatever stood there. */
function writeSum(trace: LayerTrace<Values>, first: number, end: number, gradient: Float64Array, rows: number): void {
  switch (trace.form) {
    case 'outer':
      return writeOuter(trace, first, end, gradient, rows);
    case 'scatter':
      return writeScatter(trace, first, end, gradient);
    case 'scale':
      return writeScale(trace, first, end, gradient);
  }
}

function writeOuter(trace: OuterTrace<Values>, first: number, end: number, gradient: Float64Array, rows: number): void {
  const { deltas, positions, inputs, units, taps, biasOffset } = trace;
  if (taps === null) {
    // Rows and positions lie one after the other: they are summed alike.
    const count = (end - first) * positions;
    addOuterProducts(
      trace.activations,
      first * positions * inputs,
      deltas,
      first * positions * units,
      count,
      trace,
      gradient,
      true,
    );
  } else {
    const width = trace.activations.length / rows;
    const gathered = gatheredOf(positions * inputs);
    for (let row = first; row < end; row++) {
      gatherTaps(trace.activations.subarray(row * width, (row + 1) * width), taps, gathered);
      addOuterProducts(gathered, 0, deltas, row * positions * units, positions, trace, gradient, row === first);
    }
    gathered.fill(0);
  }
  if (biasOffset !== null) writeColumnSums(deltas, first * positions, end * positions, units, gradient, biasOffset);
}

/** Memory of a row's gathered inputs. */
let gatheredMemory = new Float64Array(0);

function gatheredOf(length: number): Float64Array {
  if (gatheredMemory.length < length) gatheredMemory = new Float64Array(length);
  return gatheredMemory.subarray(0, length);
}

function writeScatter(trace: ScatterTrace<Values>, first: number, end: number, gradient: Float64Array): void {
  const { activations, deltas, positions, units, entries, tableOffset } = trace;
  gradient.fill(0, tableOffset, tableOffset + entries * units);
  for (let place = first * positions; place < end * positions; place++) {
    const entry = Math.trunc(activations[place]!);
    // What names no entry has no gradient; the unit's is then no vector, like that of an input that is no number.
    const known = entry >= 0 && entry < entries;
    const at = tableOffset + (known ? entry * units : 0);
    for (let unit = 0; unit < units; unit++) {
      gradient[at + unit] = known ? gradient[at + unit]! + deltas[place * units + unit]! : Number.NaN;
    }
  }
}

function writeScale(trace: ScaleTrace<Values>, first: number, end: number, gradient: Float64Array): void {
  const { activations, deltas, positions, units, factorOffset, shiftOffset } = trace;
  gradient.fill(0, factorOffset, factorOffset + units);
  for (let place = first * positions; place < end * positions; place++) {
    const at = place * units;
    for (let unit = 0; unit < units; unit++) {
      gradient[factorOffset + unit]! += activations[at + unit]! * deltas[at + unit]!;
    }
  }
  writeColumnSums(deltas, first * positions, end * positions, units, gradient, shiftOffset);
}

function writeColumnSums(
  deltas: Values,
  first: number,
  end: number,
  units: number,
  gradient: Float64Array,
  offset: number,
): void {
  for (let unit = 0; unit < units; unit++) gradient[offset + unit] = deltas[first * units + unit]!;
  for (let place = first + 1; place < end; place++) {
    for (let unit = 0; unit < units; unit++) gradient[offset + unit]! += deltas[place * units + unit]!;
  }
}

/** Number of coordinates that a trace names. */
function requireTrace(trace: LayerTrace<Values>, rows: number, dimension: number): number {
  const { deltas, activations, positions, units } = trace;
  const width = widthOf(trace, rows);
  if (activations.length !== rows * width || deltas.length !== rows * positions * units) {
    throw new SottoError(
      'INVALID_INPUT',
      `trace: expected ${rows} rows of ${width} activations and ${positions * units} deltas, ` +
        `got ${activations.length} and ${deltas.length} values`,
    );
  }
  if (trace.form === 'outer' && trace.taps !== null && trace.taps.length !== positions * trace.inputs) {
    const expected = positions * trace.inputs;
    throw new SottoError('INVALID_INPUT', `trace: expected ${expected} taps, got ${trace.taps.length}`);
  }
  const ranges = rangesOf(trace);
  for (const { from, span } of ranges) {
    if (!(from >= 0) || from + span > dimension) {
      throw new SottoError(
        'INVALID_INPUT',
        `trace: expected coordinates below ${dimension}, it names ${from} to ${from + span}`,
      );
    }
  }
  return ranges.reduce((sum, { length }) => sum + length, 0);
}

/** Activations of a row. */
function widthOf(trace: LayerTrace<Values>, rows: number): number {
  switch (trace.form) {
    case 'outer':
      if (trace.taps === null) return trace.positions * trace.inputs;
      return rows === 0 ? 0 : Math.floor(trace.activations.length / rows);
    case 'scatter':
      return trace.positions;
    case 'scale':
      return trace.positions * trace.units;
  }
}

/** Where a trace's coordinates lie: so many, within that span. */
function rangesOf(trace: LayerTrace<Values>): readonly { from: number; span: number; length: number }[] {
  const { units } = trace;
  const whole = (from: number, length: number) => ({ from, span: length, length });
  switch (trace.form) {
    case 'outer': {
      const { inputs, kernelOffset, kernelStride, biasOffset } = trace;
      const span = inputs === 0 ? 0 : (inputs - 1) * kernelStride + units;
      const kernel = { from: kernelOffset, span, length: inputs * units };
      return biasOffset === null ? [kernel] : [kernel, whole(biasOffset, units)];
    }
    case 'scatter':
      return [whole(trace.tableOffset, trace.entries * units)];
    case 'scale':
      return [whole(trace.factorOffset, units), whole(trace.shiftOffset, units)];
  }
}
