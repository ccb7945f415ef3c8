import type { Activation } from '@sotto/shared/model';
import type { Tfjs } from './engine.ts';
import type { Tensor } from './tensor-step.ts';

export function activate(tf: Tfjs, kind: Activation, x: Tensor): Tensor {
  switch (kind) {
    case 'linear':
      return x;
    case 'relu':
      return tf.relu(x);
    case 'tanh':
      return tf.tanh(x);
    case 'sigmoid':
      return tf.sigmoid(x);
  }
}

/** Times the activation's derivative, which each activation's own output gives. */
export function timesSlope(tf: Tfjs, kind: Activation, output: Tensor, delta: Tensor): Tensor {
  switch (kind) {
    case 'linear':
      return delta;
    case 'relu':
      return tf.mul(delta, tf.step(output));
    case 'tanh':
      return tf.mul(delta, tf.sub(1, tf.mul(output, output)));
    case 'sigmoid':
      return tf.mul(delta, tf.mul(output, tf.sub(1, output)));
  }
}
