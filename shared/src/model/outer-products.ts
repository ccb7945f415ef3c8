type Values = Float32Array | Float64Array;

/** Where a sum of outer products goes: row-major [inputs, units] from `kernelOffset`, rows `kernelStride` apart. */
export type OuterTarget = {
  readonly inputs: number;
  readonly units: number;
  readonly kernelOffset: number;
  readonly kernelStride: number;
};

/**
 * Sum over places of the outer products activations × deltas, one place after the other; added to the target, or written over it.
 *
 * Two inputs by four units at a time: their sums stay in registers while the places pass by. Each coordinate's sum is its own, so the
 * blocks change no bit.
 *
 * @param activations - row-major [count, inputs] from `activationsAt`.
 * @param deltas - row-major [count, units] from `deltasAt`.
 */
export function addOuterProducts(
  activations: Values,
  activationsAt: number,
  deltas: Values,
  deltasAt: number,
  count: number,
  target: OuterTarget,
  gradient: Float64Array,
  overwrite: boolean,
): void {
  const { inputs, units, kernelOffset, kernelStride } = target;
  if (count === 1 && overwrite) {
    writeOuterProduct(activations, activationsAt, deltas, deltasAt, target, gradient);
    return;
  }
  const end = activationsAt + count * inputs;
  for (let i = 0; i < inputs; i += 2) {
    // A last single input is taken twice, and its sums are written once.
    const second = i + 1 < inputs ? 1 : 0;
    const rowA = kernelOffset + i * kernelStride;
    const rowB = rowA + second * kernelStride;
    let j = 0;
    for (; j + 4 <= units; j += 4) {
      let a0 = 0;
      let a1 = 0;
      let a2 = 0;
      let a3 = 0;
      let b0 = 0;
      let b1 = 0;
      let b2 = 0;
      let b3 = 0;
      let delta = deltasAt + j;
      for (let at = activationsAt + i; at < end; at += inputs) {
        const a = activations[at]!;
        const b = activations[at + second]!;
        const d0 = deltas[delta]!;
        const d1 = deltas[delta + 1]!;
        const d2 = deltas[delta + 2]!;
        const d3 = deltas[delta + 3]!;
        a0 += a * d0;
        a1 += a * d1;
        a2 += a * d2;
        a3 += a * d3;
        b0 += b * d0;
        b1 += b * d1;
        b2 += b * d2;
        b3 += b * d3;
        delta += units;
      }
      if (!overwrite) {
        a0 += gradient[rowA + j]!;
        a1 += gradient[rowA + j + 1]!;
        a2 += gradient[rowA + j + 2]!;
        a3 += gradient[rowA + j + 3]!;
        b0 += gradient[rowB + j]!;
        b1 += gradient[rowB + j + 1]!;
        b2 += gradient[rowB + j + 2]!;
        b3 += gradient[rowB + j + 3]!;
      }
      gradient[rowA + j] = a0;
      gradient[rowA + j + 1] = a1;
      gradient[rowA + j + 2] = a2;
      gradient[rowA + j + 3] = a3;
      gradient[rowB + j] = b0;
      gradient[rowB + j + 1] = b1;
      gradient[rowB + j + 2] = b2;
      gradient[rowB + j + 3] = b3;
    }
    for (; j < units; j++) {
      let a0 = 0;
      let b0 = 0;
      let delta = deltasAt + j;
      for (let at = activationsAt + i; at < end; at += inputs) {
        const d = deltas[delta]!;
        a0 += activations[at]! * d;
        b0 += activations[at + second]! * d;
        delta += units;
      }
      if (!overwrite) {
        a0 += gradient[rowA + j]!;
        b0 += gradient[rowB + j]!;
      }
      gradient[rowA + j] = a0;
      gradient[rowB + j] = b0;
    }
  }
}

/** Copies what a window sees of a row: gathered [positions × inputs], 0 where a tap is -1. */
export function gatherTaps(row: Values, taps: Int32Array, gathered: Float64Array): void {
  for (let i = 0; i < taps.length; i++) {
    const tap = taps[i]!;
    gathered[i] = tap < 0 ? 0 : row[tap]!;
  }
}

/** One place's outer product, written. Four columns at a time: their deltas stay in registers while the activations pass by. */
function writeOuterProduct(
  activations: Values,
  activationsAt: number,
  deltas: Values,
  deltasAt: number,
  { inputs, units, kernelOffset, kernelStride }: OuterTarget,
  gradient: Float64Array,
): void {
  const end = activationsAt + inputs;
  let j = 0;
  for (; j + 4 <= units; j += 4) {
    const d0 = deltas[deltasAt + j]!;
    const d1 = deltas[deltasAt + j + 1]!;
    const d2 = deltas[deltasAt + j + 2]!;
    const d3 = deltas[deltasAt + j + 3]!;
    let at = kernelOffset + j;
    for (let i = activationsAt; i < end; i++) {
      const activation = activations[i]!;
      gradient[at] = activation * d0;
      gradient[at + 1] = activation * d1;
      gradient[at + 2] = activation * d2;
      gradient[at + 3] = activation * d3;
      at += kernelStride;
    }
  }
  for (; j < units; j++) {
    const d = deltas[deltasAt + j]!;
    let at = kernelOffset + j;
    for (let i = activationsAt; i < end; i++) {
      gradient[at] = activations[i]! * d;
      at += kernelStride;
    }
  }
}
