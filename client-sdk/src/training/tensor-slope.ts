import { SottoError } from '@sotto/shared/errors';
import type { WeightTensor } from '@sotto/shared/model';
import type { Tfjs } from './engine.ts';
import type { Tensor, TensorTrace } from './tensor-step.ts';

/**
 * Derivative of the summed loss by one weight tensor: the sum over all rows of what the traces say of it, for local training. A kernel
 * may lie in several traces, side by side.
 *
 * @param place - of a trained tensor.
 */
export function tensorSlope(tf: Tfjs, place: WeightTensor, traces: readonly TensorTrace[]): Tensor {
  const first = place.trainedOffset;
  if (first === null) throw new SottoError('INTERNAL', `model: ${place.name} is not trained`);
  const pieces = traces
    .flatMap((trace) => piecesOf(tf, trace))
    .filter(({ offset }) => offset >= first && offset < first + place.length)
    .sort((a, b) => a.offset - b.offset)
    .map(({ sum }) => sum());
  const [only] = pieces;
  if (only === undefined) throw new SottoError('INTERNAL', `model: no trace of ${place.name}`);
  return tf.reshape(pieces.length === 1 ? only : tf.concat(pieces, -1), [...place.shape]);
}

type Piece = { readonly offset: number; readonly sum: () => Tensor };

function piecesOf(tf: Tfjs, { form, activations, deltas, patches }: TensorTrace): readonly Piece[] {
  const places = deltas.shape[0]! * form.positions;
  const byPlace = (): Tensor => tf.reshape(deltas, [places, form.units]);
  const summed = (): Tensor => tf.sum(byPlace(), 0);
  switch (form.form) {
    case 'outer': {
      if (patches === undefined) throw new SottoError('INTERNAL', 'model: an outer trace without its patches');
      const kernel = { offset: form.kernelOffset, sum: () => tf.matMul(tf.transpose(patches()), byPlace()) };
      return form.biasOffset === null ? [kernel] : [kernel, { offset: form.biasOffset, sum: summed }];
    }
    case 'scatter': {
      const tokens = (): Tensor => tf.cast(tf.reshape(activations, [places, 1]), 'int32');
      const sum = (): Tensor => tf.scatterND(tokens(), byPlace(), [form.entries, form.units]);
      return [{ offset: form.tableOffset, sum }];
    }
    case 'scale': {
      const along = (): Tensor => tf.sum(tf.mul(tf.reshape(activations, [places, form.units]), byPlace()), 0);
      return [
        { offset: form.factorOffset, sum: along },
        { offset: form.shiftOffset, sum: summed },
      ];
    }
  }
}
