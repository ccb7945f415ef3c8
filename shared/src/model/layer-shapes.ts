import { SottoError } from '../errors/index.ts';
import { slidingWindow } from './sliding-window.ts';
import type { Layer } from './topology.ts';

/** A tensor of one layer: its name there, its shape, and how its first values are made. */
type LayerTensor = {
  readonly name: string;
  readonly shape: readonly number[];
  readonly start: { readonly fanIn: number; readonly fanOut: number } | 0 | 1;
};

/** Values of a row that one layer may give at most; of a convolution's patches, four times as many. */
const rowMaxValues = 4_194_304;

/** What a layer takes, by kind; null: any shape. */
const takes: Readonly<Record<Layer['kind'], readonly (readonly string[])[] | null>> = {
  dense: [['values']],
  dropout: null,
  reshape: null,
  flatten: null,
  conv1d: [['steps', 'channels']],
  conv2d: [['height', 'width', 'channels']],
  maxPool: [
    ['steps', 'channels'],
    ['height', 'width', 'channels'],
  ],
  averagePool: [
    ['steps', 'channels'],
    ['height', 'width', 'channels'],
  ],
  globalAveragePool: [
    ['steps', 'channels'],
    ['height', 'width', 'channels'],
  ],
  layerNorm: null,
  embedding: [['steps']],
  gru: [['steps', 'features']],
};

/**
 * Shape that a layer makes of one row of that shape.
 * @param line - the layer's, for messages.
 * @param before - the layers in front of it.
 * @throws {PLAN_INVALID} when it takes no such row.
 */
export function outputShape(
  layer: Layer,
  shape: readonly number[],
  line: string,
  before: readonly Layer[],
): readonly number[] {
  const accepted = takes[layer.kind];
  if (accepted !== null && !accepted.some(({ length }) => length === shape.length)) {
    const cure = layer.kind === 'dense' ? 'put a flatten layer before it' : 'put a reshape layer before it';
    const wanted = accepted.map((names) => `[${names.join(', ')}]`).join(' or ');
    throw new SottoError('PLAN_INVALID', `${line}.kind: ${layer.kind} takes ${wanted}, got ${shown(shape)}; ${cure}`);
  }
  const made = shapeMade(layer, shape, line, before);
  const values = product(made);
  const read = layer.kind === 'conv1d' || layer.kind === 'conv2d' ? kernelInputs(layer, shape) : 1;
  if (values > rowMaxValues || (values / (made.at(-1) ?? 1)) * read > 4 * rowMaxValues) {
    throw new SottoError(
      'PLAN_INVALID',
      `${line}.kind: one row would come to ${shown(made)} here, more than a device's memory bears; make the layer smaller`,
    );
  }
  return made;
}

/** A layer's weight tensors, in the order in which they stand in the flat vector; the names are those of tfjs. */
export function layerTensors(layer: Layer, shape: readonly number[]): readonly LayerTensor[] {
  const last = shape.at(-1) ?? 1;
  switch (layer.kind) {
    case 'dense': {
      const { units } = layer;
      return [
        { name: 'kernel', shape: [last, units], start: { fanIn: last, fanOut: units } },
        { name: 'bias', shape: [units], start: 0 },
      ];
    }
    case 'conv1d':
    case 'conv2d': {
      const { kernelSize, filters } = layer;
      const field = layer.kind === 'conv1d' ? [kernelSize] : [kernelSize, kernelSize];
      const start = { fanIn: product(field) * last, fanOut: product(field) * filters };
      return [
        { name: 'kernel', shape: [...field, last, filters], start },
        { name: 'bias', shape: [filters], start: 0 },
      ];
    }
    case 'layerNorm':
      return [
        { name: 'gamma', shape: [last], start: 1 },
        { name: 'beta', shape: [last], start: 0 },
      ];
    case 'embedding': {
      const { vocabulary, units } = layer;
      return [{ name: 'embeddings', shape: [vocabulary, units], start: { fanIn: vocabulary, fanOut: units } }];
    }
    case 'gru': {
      const gates = 3 * layer.units;
      return [
        { name: 'kernel', shape: [last, gates], start: { fanIn: last, fanOut: gates } },
        { name: 'recurrent_kernel', shape: [layer.units, gates], start: { fanIn: layer.units, fanOut: gates } },
        { name: 'bias', shape: [gates], start: 0 },
      ];
    }
    case 'dropout':
    case 'reshape':
    case 'flatten':
    case 'maxPool':
    case 'averagePool':
    case 'globalAveragePool':
      return [];
  }
}

function shapeMade(layer: Layer, shape: readonly number[], line: string, before: readonly Layer[]): readonly number[] {
  const last = shape.at(-1) ?? 1;
  switch (layer.kind) {
    case 'dense':
      return [layer.units];
    case 'dropout':
      return shape;
    case 'reshape':
      if (product(layer.shape) !== product(shape)) {
        const [to, from] = [product(layer.shape), product(shape)];
        throw new SottoError('PLAN_INVALID', `${line}.shape: ${shown(layer.shape)} holds ${to} values, got ${from}`);
      }
      return layer.shape;
    case 'flatten':
      return [product(shape)];
    case 'conv1d':
    case 'conv2d':
      return slid(layer, shape, layer.kernelSize, layer.stride, layer.filters, `${line}.kernelSize`);
    case 'maxPool':
    case 'averagePool':
      return slid(layer, shape, layer.size, layer.stride ?? layer.size, last, `${line}.size`);
    case 'globalAveragePool':
      return [last];
    case 'layerNorm':
      if (last > 1) return shape;
      throw new SottoError(
        'PLAN_INVALID',
        `${line}.kind: layerNorm over the last axis of ${shown(shape)} would make each value 0; it needs 2 or more`,
      );
    case 'embedding': {
      const other = before.find(({ kind }) => kind !== 'reshape' && kind !== 'flatten');
      if (other !== undefined) {
        throw new SottoError(
          'PLAN_INVALID',
          `${line}.kind: embedding takes the model's own inputs, got what ${other.kind} gives; make it the first layer`,
        );
      }
      return [...shape, layer.units];
    }
    case 'gru':
      return layer.returnSequences ? [shape[0]!, layer.units] : [layer.units];
  }
}

function slid(
  layer: { readonly padding: 'valid' | 'same' },
  shape: readonly number[],
  side: number,
  stride: number,
  channels: number,
  line: string,
): readonly number[] {
  const { outHeight, outWidth } = slidingWindow(shape, side, stride, layer.padding);
  if (outHeight < 1 || outWidth < 1) {
    throw new SottoError(
      'PLAN_INVALID',
      `${line}: a window of ${side} does not fit into ${shown(shape)}; use padding same`,
    );
  }
  return shape.length === 2 ? [outWidth, channels] : [outHeight, outWidth, channels];
}

function kernelInputs(layer: Extract<Layer, { kind: 'conv1d' | 'conv2d' }>, shape: readonly number[]): number {
  return (layer.kind === 'conv1d' ? layer.kernelSize : layer.kernelSize * layer.kernelSize) * (shape.at(-1) ?? 1);
}

function product(shape: readonly number[]): number {
  return shape.reduce((values, side) => values * side, 1);
}

function shown(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}
