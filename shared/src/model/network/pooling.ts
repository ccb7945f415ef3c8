import { sizeOf, type NetworkLayer } from '../layout.ts';
import { slidingWindow, windowTaps } from '../sliding-window.ts';
import type { LayerOf } from '../topology.ts';
import { noSlopes, type Step, type StepPass } from './step.ts';

/** The largest number under the window, channel by channel; padding is never the largest, the first of several equal ones counts. */
export function maxPoolStep(layer: LayerOf<'maxPool'>, network: NetworkLayer): Step {
  const { taps, positions, side, channels, width } = poolingOf(layer, network);
  return (_, values, rows) => {
    const outputs = new Float64Array(rows * positions * channels);
    const chosen = new Int32Array(outputs.length);
    let out = 0;
    for (let row = 0; row < rows; row++) {
      for (let position = 0; position < positions; position++) {
        for (let channel = 0; channel < channels; channel++) {
          let best = Number.NEGATIVE_INFINITY;
          let from = -1;
          for (let tap = position * side; tap < (position + 1) * side; tap++) {
            const place = taps[tap]!;
            if (place < 0) continue;
            const value = values[row * width + place * channels + channel]!;
            // No number, once met, stays: a NaN in a row has to reach the row's gradient.
            if (from < 0 || value > best || value !== value) {
              best = value;
              from = row * width + place * channels + channel;
            }
          }
          outputs[out] = best;
          chosen[out] = from;
          out += 1;
        }
      }
    }
    return {
      outputs,
      backward(slopes, wanted) {
        if (!wanted) return { inputs: noSlopes, traces: [] };
        const below = new Float64Array(rows * width);
        for (let i = 0; i < slopes.length; i++) below[chosen[i]!]! += slopes[i]!;
        return { inputs: below, traces: [] };
      },
    };
  };
}

/** The mean of the numbers under the window, channel by channel; padding does not count. */
export function averagePoolStep(layer: LayerOf<'averagePool'>, network: NetworkLayer): Step {
  const { taps, positions, side, channels, width } = poolingOf(layer, network);
  return (_, values, rows) => meanOver(values, rows, { taps, positions, side, channels, width });
}

/** The mean of each channel. */
export function globalAveragePoolStep(
  _: LayerOf<'globalAveragePool'>,
  { inputShape, outputShape }: NetworkLayer,
): Step {
  const width = sizeOf(inputShape);
  const channels = sizeOf(outputShape);
  const side = width / channels;
  const taps = Int32Array.from({ length: side }, (__, place) => place);
  return (__, values, rows) => meanOver(values, rows, { taps, positions: 1, side, channels, width });
}

type Pooling = {
  /** Places, of `channels` numbers each, under the window: [positions, side], -1 for padding. */
  readonly taps: Int32Array;
  readonly positions: number;
  /** Places under the window. */
  readonly side: number;
  readonly channels: number;
  /** Numbers of a row. */
  readonly width: number;
};

function poolingOf(layer: LayerOf<'maxPool'> | LayerOf<'averagePool'>, { inputShape }: NetworkLayer): Pooling {
  const sliding = slidingWindow(inputShape, layer.size, layer.stride ?? layer.size, layer.padding);
  const positions = sliding.outHeight * sliding.outWidth;
  const taps = windowTaps({ ...sliding, channels: 1 });
  return { taps, positions, side: taps.length / positions, channels: sliding.channels, width: sizeOf(inputShape) };
}

function meanOver(values: Float64Array, rows: number, { taps, positions, side, channels, width }: Pooling): StepPass {
  const shares = new Float64Array(positions);
  for (let position = 0; position < positions; position++) {
    let count = 0;
    for (let tap = position * side; tap < (position + 1) * side; tap++) if (taps[tap]! >= 0) count += 1;
    shares[position] = 1 / count;
  }
  const outputs = new Float64Array(rows * positions * channels);
  for (let row = 0; row < rows; row++) {
    for (let position = 0; position < positions; position++) {
      const out = (row * positions + position) * channels;
      for (let tap = position * side; tap < (position + 1) * side; tap++) {
        const place = taps[tap]!;
        if (place < 0) continue;
        const from = row * width + place * channels;
        for (let channel = 0; channel < channels; channel++) outputs[out + channel]! += values[from + channel]!;
      }
      for (let channel = 0; channel < channels; channel++) outputs[out + channel]! *= shares[position]!;
    }
  }
  return {
    outputs,
    backward(slopes, wanted) {
      if (!wanted) return { inputs: noSlopes, traces: [] };
      const below = new Float64Array(rows * width);
      for (let row = 0; row < rows; row++) {
        for (let position = 0; position < positions; position++) {
          const out = (row * positions + position) * channels;
          for (let tap = position * side; tap < (position + 1) * side; tap++) {
            const place = taps[tap]!;
            if (place < 0) continue;
            const from = row * width + place * channels;
            for (let channel = 0; channel < channels; channel++) {
              below[from + channel]! += slopes[out + channel]! * shares[position]!;
            }
          }
        }
      }
      return { inputs: below, traces: [] };
    },
  };
}
