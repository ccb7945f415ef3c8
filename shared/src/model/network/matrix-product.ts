/** A matrix within the flat weights: row-major [inputs, units] from `offset`, rows `stride` apart. */
export type Matrix = {
  readonly inputs: number;
  readonly units: number;
  readonly offset: number;
  readonly stride: number;
};

/**
 * Adds inputs × matrix to the outputs. Each output is summed input after input, whatever the blocks.
 *
 * @param inputs - row-major [count, matrix.inputs] from `inputsAt`.
 * @param outputs - row-major [count, matrix.units] from `outputsAt`.
 */
export function addProduct(
  inputs: Float64Array,
  inputsAt: number,
  count: number,
  matrix: Matrix,
  weights: Float64Array,
  outputs: Float64Array,
  outputsAt: number,
): void {
  if (matrix.units < wideUnits) addNarrowProduct(inputs, inputsAt, count, matrix, weights, outputs, outputsAt);
  else addWideProduct(inputs, inputsAt, count, matrix, weights, outputs, outputsAt);
}

/** From so many units on, running along the kernel's rows is quicker than along its columns. */
const wideUnits = 24;

/** Four inputs at a time along the units, added one after the other: a quarter of the loads and stores. */
function addWideProduct(
  inputs: Float64Array,
  inputsAt: number,
  count: number,
  matrix: Matrix,
  weights: Float64Array,
  outputs: Float64Array,
  outputsAt: number,
): void {
  const { units, offset, stride } = matrix;
  const fours = matrix.inputs & ~3;
  for (let row = 0; row < count; row++) {
    const out = outputsAt + row * units;
    const first = inputsAt + row * matrix.inputs;
    for (let i = 0; i < fours; i += 4) {
      const a = inputs[first + i]!;
      const b = inputs[first + i + 1]!;
      const c = inputs[first + i + 2]!;
      const d = inputs[first + i + 3]!;
      const kernelA = offset + i * stride;
      const kernelB = kernelA + stride;
      const kernelC = kernelB + stride;
      const kernelD = kernelC + stride;
      for (let j = 0; j < units; j++) {
        outputs[out + j] =
          outputs[out + j]! +
          a * weights[kernelA + j]! +
          b * weights[kernelB + j]! +
          c * weights[kernelC + j]! +
          d * weights[kernelD + j]!;
      }
    }
    for (let i = fours; i < matrix.inputs; i++) {
      const input = inputs[first + i]!;
      const kernel = offset + i * stride;
      for (let j = 0; j < units; j++) outputs[out + j]! += input * weights[kernel + j]!;
    }
  }
}

/** Two rows by four units at a time: their sums stay in registers while the inputs pass by. */
function addNarrowProduct(
  inputs: Float64Array,
  inputsAt: number,
  count: number,
  matrix: Matrix,
  weights: Float64Array,
  outputs: Float64Array,
  outputsAt: number,
): void {
  const { units, offset, stride } = matrix;
  const width = matrix.inputs;
  for (let row = 0; row < count; row += 2) {
    // A last single row is taken twice, and written twice alike.
    const next = row + 1 < count ? 1 : 0;
    const firstA = inputsAt + row * width;
    const firstB = firstA + next * width;
    const outA = outputsAt + row * units;
    const outB = outA + next * units;
    let j = 0;
    for (; j + 4 <= units; j += 4) {
      let a0 = outputs[outA + j]!;
      let a1 = outputs[outA + j + 1]!;
      let a2 = outputs[outA + j + 2]!;
      let a3 = outputs[outA + j + 3]!;
      let b0 = outputs[outB + j]!;
      let b1 = outputs[outB + j + 1]!;
      let b2 = outputs[outB + j + 2]!;
      let b3 = outputs[outB + j + 3]!;
      let kernel = offset + j;
      for (let i = 0; i < width; i++) {
        const a = inputs[firstA + i]!;
        const b = inputs[firstB + i]!;
        const w0 = weights[kernel]!;
        const w1 = weights[kernel + 1]!;
        const w2 = weights[kernel + 2]!;
        const w3 = weights[kernel + 3]!;
        a0 += a * w0;
        a1 += a * w1;
        a2 += a * w2;
        a3 += a * w3;
        b0 += b * w0;
        b1 += b * w1;
        b2 += b * w2;
        b3 += b * w3;
        kernel += stride;
      }
      outputs[outA + j] = a0;
      outputs[outA + j + 1] = a1;
      outputs[outA + j + 2] = a2;
      outputs[outA + j + 3] = a3;
      outputs[outB + j] = b0;
      outputs[outB + j + 1] = b1;
      outputs[outB + j + 2] = b2;
      outputs[outB + j + 3] = b3;
    }
    for (; j < units; j++) {
      let a0 = outputs[outA + j]!;
      let b0 = outputs[outB + j]!;
      let kernel = offset + j;
      for (let i = 0; i < width; i++) {
        const w = weights[kernel]!;
        a0 += inputs[firstA + i]! * w;
        b0 += inputs[firstB + i]! * w;
        kernel += stride;
      }
      outputs[outA + j] = a0;
      outputs[outB + j] = b0;
    }
  }
}

/**
 * Adds deltas × matrixᵀ to the slopes. Each is summed unit after unit, from 0; four inputs at a time.
 *
 * @param deltas - row-major [count, matrix.units] from `deltasAt`.
 * @param slopes - row-major [count, matrix.inputs] from `slopesAt`.
 */
export function addTransposedProduct(
  deltas: Float64Array,
  deltasAt: number,
  count: number,
  matrix: Matrix,
  weights: Float64Array,
  slopes: Float64Array,
  slopesAt: number,
): void {
  const { inputs, units, offset, stride } = matrix;
  for (let row = 0; row < count; row++) {
    const first = deltasAt + row * units;
    const out = slopesAt + row * inputs;
    let i = 0;
    for (; i + 4 <= inputs; i += 4) {
      const kernelA = offset + i * stride;
      const kernelB = kernelA + stride;
      const kernelC = kernelB + stride;
      const kernelD = kernelC + stride;
      let a = 0;
      let b = 0;
      let c = 0;
      let d = 0;
      for (let j = 0; j < units; j++) {
        const delta = deltas[first + j]!;
        a += delta * weights[kernelA + j]!;
        b += delta * weights[kernelB + j]!;
        c += delta * weights[kernelC + j]!;
        d += delta * weights[kernelD + j]!;
      }
      slopes[out + i]! += a;
      slopes[out + i + 1]! += b;
      slopes[out + i + 2]! += c;
      slopes[out + i + 3]! += d;
    }
    for (; i < inputs; i++) {
      const kernel = offset + i * stride;
      let sum = 0;
      for (let j = 0; j < units; j++) sum += deltas[first + j]! * weights[kernel + j]!;
      slopes[out + i]! += sum;
    }
  }
}
