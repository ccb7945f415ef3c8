import type { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { madeUp } from '../../testing/layer-models.ts';
import { addWasmOverlay } from './index.ts';

beforeAll(async () => {
  tf.enableProdMode();
  await tf.setBackend('cpu');
  await tf.setBackend('wasm');
  addWasmOverlay(tf);
});

type Make = () => tf.Tensor | tf.Tensor[];

/** The same on cpu and on wasm, with the overlay: values of all results, one list each. */
async function onBoth(make: Make): Promise<[Float32Array[], Float32Array[]]> {
  const values = async (backend: string): Promise<Float32Array[]> => {
    await tf.setBackend(backend);
    const results = tf.tidy(() => {
      const made = make();
      return Array.isArray(made) ? made : [made];
    });
    const read = results.map((result) => Float32Array.from(result.dataSync()));
    tf.dispose(results);
    return read;
  };
  return [await values('cpu'), await values('wasm')];
}

/** Largest difference, as a part of the largest value. */
async function expectSame(make: Make, tolerance = 2e-6): Promise<void> {
  const [cpu, wasm] = await onBoth(make);
  expect(wasm.map(({ length }) => length)).toEqual(cpu.map(({ length }) => length));
  cpu.forEach((wanted, which) => {
    const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const apart = wanted.reduce((most, value, index) => Math.max(most, Math.abs(value - wasm[which]![index]!)), 0);
    expect(apart).toBeLessThanOrEqual(tolerance * largest);
  });
}

const tensor = (shape: number[], salt: number): tf.Tensor =>
  tf.tensor(
    madeUp(
      shape.reduce((product, size) => product * size, 1),
      salt,
    ),
    shape,
  );

/** Derivatives of a weighted sum of the results by both arguments. */
const slopes = (of: (x: tf.Tensor, filter: tf.Tensor) => tf.Tensor, x: tf.Tensor, filter: tf.Tensor): tf.Tensor[] =>
  tf.grads((a: tf.Tensor, b: tf.Tensor) => {
    const result = of(a, b);
    return tf.sum(tf.mul(tensor(result.shape, 3), result));
  })([x, filter]);

describe('products of matrices', () => {
  for (const [m, n, k] of [
    [1, 1, 1],
    [7, 5, 3],
    [64, 33, 129],
  ] as const) {
    for (const [left, right] of [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ]) {
      it(`${m}×${k}×${n}${left ? ', left turned' : ''}${right ? ', right turned' : ''}`, () =>
        expectSame(() =>
          tf.matMul(tensor(left ? [k, m] : [m, k], 1), tensor(right ? [n, k] : [k, n], 2), left, right),
        ));
    }
  }

  it('of batches, with one side for all', () =>
    expectSame(() => [
      tf.matMul(tensor([3, 4, 5], 1), tensor([3, 6, 5], 2), false, true),
      tf.matMul(tensor([3, 5, 4], 1), tensor([1, 5, 6], 2), true, false),
    ]));

  // Failure: what XNNPACK packed of the first shape is used for the second (tfjs keeps it by the memory).
  it('of one memory under two shapes', () =>
    expectSame(() => {
      const right = tensor([6, 4], 1);
      return [
        tf.matMul(tensor([2, 6], 2), right),
        tf.matMul(tensor([2, 4], 3), tf.reshape(right, [4, 6])),
        tf.matMul(tensor([2, 6], 4), right),
      ];
    }));

  it('of whole numbers', () =>
    expectSame(() =>
      tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2], 'int32'), tf.tensor2d([5, 6, 7, 8], [2, 2], 'int32'), true),
    ));
});

describe('gradients of convolutions', () => {
  for (const pad of ['valid', 'same', 1] as const) {
    for (const stride of [1, 2] as const) {
      for (const [size, channels, units, filter] of [
        [7, 3, 5, 3],
        [6, 8, 2, 2],
        [5, 1, 40, 1],
      ] as const) {
        const name = `${pad}, stride ${stride}, ${size}×${size}×${channels}, ${units} filters of ${filter}×${filter}`;
        it(name, () =>
          expectSame(() =>
            slopes(
              (x, f) =>
                tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, stride, pad, 'NHWC', 1, pad === 1 ? 'floor' : undefined),
              tensor([3, size, size, channels], 1),
              tensor([filter, filter, channels, units], 2),
            ),
          ),
        );
      }
      it(`depthwise, ${pad}, stride ${stride}`, () =>
        expectSame(() =>
          slopes(
            (x, f) =>
              tf.depthwiseConv2d(
                x as tf.Tensor4D,
                f as tf.Tensor4D,
                stride,
                pad,
                'NHWC',
                1,
                pad === 1 ? 'floor' : undefined,
              ),
            tensor([2, 7, 7, 3], 1),
            tensor([3, 3, 3, 2], 2),
          ),
        ));
      if (pad === 1) continue;
      it(`transposed, ${pad}, stride ${stride}`, () =>
        expectSame(() =>
          slopes(
            (x, f) => {
              const size = pad === 'same' ? 4 * stride : 4 * stride + 3 - stride;
              return tf.conv2dTranspose(x as tf.Tensor4D, f as tf.Tensor4D, [2, size, size, 3], stride, pad);
            },
            tensor([2, 4, 4, 5], 1),
            tensor([3, 3, 3, 5], 2),
          ),
        ));
    }
  }

  it('a rectangular filter over a long image', () =>
    expectSame(() =>
      slopes(
        (x, f) => tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, [1, 2], 'same'),
        tensor([2, 4, 11, 2], 1),
        tensor([2, 5, 2, 3], 2),
      ),
    ));

  it('with channels first, by the cpu', () =>
    expectSame(() => {
      const attrs = {
        strides: [1, 1],
        pad: 'same',
        dataFormat: 'NCHW',
        filterShape: [3, 3, 2, 4],
        dimRoundingMode: 'floor',
      };
      return tf
        .engine()
        .runKernel(
          'Conv2DBackpropFilter',
          { x: tensor([2, 2, 5, 5], 1), dy: tensor([2, 4, 5, 5], 2) },
          attrs,
        ) as tf.Tensor;
    }));

  // tfjs has no gradient of a dilated convolution on any backend; forward it is right, and the error is the same.
  it('dilated: the same forward, and the same refusal to differentiate', async () => {
    const dilated = (x: tf.Tensor, f: tf.Tensor): tf.Tensor =>
      tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, 1, 'same', 'NHWC', 2);
    await expectSame(() => [
      dilated(tensor([2, 9, 9, 3], 1), tensor([3, 3, 3, 4], 2)),
      tf.depthwiseConv2d(
        tensor([2, 9, 9, 3], 1) as tf.Tensor4D,
        tensor([3, 3, 3, 2], 2) as tf.Tensor4D,
        1,
        'same',
        'NHWC',
        2,
      ),
    ]);
    for (const backend of ['cpu', 'wasm']) {
      await tf.setBackend(backend);
      const attempt = (): unknown => tf.tidy(() => slopes(dilated, tensor([2, 9, 9, 3], 1), tensor([3, 3, 3, 4], 2)));
      expect(attempt).toThrow(/dilation rates/);
    }
  });

  // More patches than lie in memory at once.
  it('in pieces', () =>
    expectSame(
      () =>
        slopes(
          (x, f) => tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, 1, 'valid'),
          tensor([3, 130, 130, 12], 1),
          tensor([3, 3, 12, 1], 2),
        ),
      2e-5,
    ));
});

/** Derivative of a weighted sum of the results. */
const slope = (of: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor): tf.Tensor =>
  tf.grad((a: tf.Tensor) => {
    const result = of(a);
    return tf.sum(tf.mul(tensor(result.shape, 4), result));
  })(x);

// Failure: tfjs's own kernels for wasm give other values than its cpu backend, and no error. Half of the values are negative.
describe('what tfjs computes wrongly on wasm', () => {
  for (const pad of ['valid', 'same', 1] as const) {
    for (const [pool, stride] of [
      [2, 2],
      [3, 2],
      [3, 1],
    ] as const) {
      it(`maximum pooling, ${pad}, ${pool}×${pool} by ${stride}`, () =>
        expectSame(() => {
          const x = tensor([2, 7, 7, 3], 1);
          const round = pad === 1 ? 'floor' : undefined;
          const pooled = (a: tf.Tensor): tf.Tensor => tf.maxPool(a as tf.Tensor4D, pool, stride, pad, round);
          return [pooled(x), slope(pooled, x), slope((a) => pooled(tf.relu(a)), x)];
        }));
    }
  }

  it('maximum pooling in space, convolutions in space, dilations', () =>
    expectSame(() => {
      const space = tensor([1, 5, 5, 5, 2], 1);
      const pooled = (a: tf.Tensor): tf.Tensor => tf.maxPool3d(a as tf.Tensor5D, 2, 2, 'same');
      const flat = tensor([1, 4, 4, 2], 2);
      const dilated = (a: tf.Tensor): tf.Tensor =>
        tf.dilation2d(a as tf.Tensor4D, tensor([2, 2, 2], 3) as tf.Tensor3D, 1, 'same');
      return [
        pooled(space),
        slope(pooled, space),
        ...slopes(
          (x, f) => tf.conv3d(x as tf.Tensor5D, f as tf.Tensor5D, 1, 'same'),
          space,
          tensor([3, 3, 3, 2, 3], 4),
        ),
        dilated(flat),
        slope(dilated, flat),
      ];
    }));
});

it('what neither backend composes goes through the cpu: sums of segments, tables of words', () =>
  expectSame(() => {
    const words = tf.tensor1d([3, 0, 3, 2], 'int32');
    return [
      tf.unsortedSegmentSum(tensor([4, 3], 1) as tf.Tensor2D, words, 5),
      ...tf.grads((table: tf.Tensor) => tf.sum(tf.mul(tensor([4, 3], 2), tf.gather(table, words))))([
        tensor([5, 3], 3),
      ]),
    ];
  }));

/** Bytes of the wasm backend's memory. */
function heapOf(wasm: BackendWasm): number {
  const probe = wasm.makeOutput([1], 'float32');
  const { byteLength } = wasm.typedArrayFromHeap(probe).buffer;
  wasm.disposeData(probe.dataId);
  return byteLength;
}

it('ten rounds of convolutions leave no tensor, no memory of either backend and less than a megabyte', async () => {
  await tf.setBackend('wasm');
  const wasm = tf.backend() as BackendWasm;
  const cpu = tf.findBackend('cpu') as MathBackendCPU;
  const round = (): void => {
    tf.tidy(() => {
      slopes(
        (x, f) => tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, 1, 'same'),
        tensor([8, 20, 20, 8], 1),
        tensor([3, 3, 8, 16], 2),
      );
      slopes(
        (x, f) => tf.depthwiseConv2d(x as tf.Tensor4D, f as tf.Tensor4D, 1, 'same'),
        tensor([2, 20, 20, 8], 1),
        tensor([3, 3, 8, 1], 2),
      );
    });
  };
  const state = () => ({
    tensors: tf.memory().numTensors,
    wasm: wasm.numDataIds(),
    cpu: cpu.numDataIds(),
    heap: heapOf(wasm),
  });
  round();
  round();
  const before = state();
  for (let i = 0; i < 10; i++) round();
  expect(state()).toEqual(before);
});
