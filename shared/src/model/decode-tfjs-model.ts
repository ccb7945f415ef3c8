import { z } from 'zod';
import { SottoError } from '../errors/index.ts';
import { networkLayers } from './layout.ts';
import type { NamedTensor } from './model-tensors.ts';
import { layerSchema, type Layer, type Topology } from './topology.ts';
import { weightsFromBytes } from './weight-bytes.ts';

/** What a tfjs LayersModel comes to. */
export type DecodedTfjsModel = {
  readonly topology: Topology;
  /** Width of its input. */
  readonly inputs: number;
  /** Its weights under Sotto's names. */
  readonly tensors: readonly NamedTensor[];
};

const configSchema = z.looseObject({ name: z.string(), batch_input_shape: z.array(z.int().nullable()).optional() });
const layerEntrySchema = z.looseObject({ class_name: z.string(), config: configSchema });
const layerListSchema = z.union([
  z.array(layerEntrySchema),
  z.looseObject({ layers: z.array(layerEntrySchema) }).transform(({ layers }) => layers),
]);
const modelSchema = z.looseObject({
  modelTopology: z.looseObject({
    model_config: z.looseObject({ class_name: z.string(), config: layerListSchema }).optional(),
    class_name: z.string().optional(),
    config: layerListSchema.optional(),
  }),
  weightsManifest: z.array(
    z.looseObject({
      weights: z.array(
        z.looseObject({
          name: z.string(),
          shape: z.array(z.int().min(0)),
          dtype: z.string(),
          quantization: z.unknown().optional(),
        }),
      ),
    }),
  ),
});

type Config = z.infer<typeof configSchema>;

/**
 * Topology and weights of a tfjs LayersModel that is a Sequential of layers that Sotto has.
 *
 * @param model - the parsed `model.json`
 * @param data - its weight files, one after the other in the order of the manifest.
 * @throws {INVALID_INPUT} naming the layer and the setting that Sotto does not have.
 */
export function decodeTfjsModel(model: unknown, data: Uint8Array): DecodedTfjsModel {
  const parsed = modelSchema.safeParse(model);
  if (!parsed.success) throw new SottoError('INVALID_INPUT', `model.json: ${z.prettifyError(parsed.error)}`);
  const { modelTopology, weightsManifest } = parsed.data;
  const { class_name: kind, config: entries } = modelTopology.model_config ?? modelTopology;
  if (kind !== 'Sequential' || entries === undefined) {
    throw new SottoError('INVALID_INPUT', `model.json: expected a Sequential, got ${kind ?? 'no class_name'}`);
  }
  const shape = entries[0]?.config.batch_input_shape?.slice(1) ?? [];
  if (shape.length === 0 || shape.some((side) => side === null)) {
    throw new SottoError('INVALID_INPUT', 'model.json: the first layer does not say what shape its input has');
  }
  const sides = shape.map(Number);
  const inputs = sides.reduce((product, side) => product * side, 1);
  const layers: Layer[] = [];
  const named: string[] = [];
  const add = (layer: unknown, name: string): void => {
    const checked = layerSchema.safeParse(layer);
    if (!checked.success) throw new SottoError('INVALID_INPUT', `layer ${name}: ${z.prettifyError(checked.error)}`);
    layers.push(checked.data);
    named.push(name);
  };
  if (sides.length > 1) add({ kind: 'reshape', shape: sides }, 'input');
  entries.forEach(({ class_name, config }, index) => {
    const { activation } = config;
    // What makes a prediction of the last layer's logits belongs to the loss.
    const isOutput = index === entries.length - 1 && (activation === 'softmax' || activation === 'sigmoid');
    const rank = networkLayers({ layers }, inputs).at(-1)?.outputShape.length ?? 1;
    const stated = isOutput ? { ...config, activation: 'linear' } : config;
    for (const layer of layersOf(class_name, stated, rank)) add(layer, config.name);
  });
  const topology = { layers };
  const own = tensorsOf(
    weightsManifest.flatMap(({ weights }) => weights),
    data,
  );
  const tensors = networkLayers(topology, inputs).flatMap((layer, index) => {
    const stored = own.filter(({ name }) => name.split('/').includes(named[index] ?? ''));
    return layer.tensors.map((place) => {
      const tensor = place.name.slice(layer.name.length + 1);
      const found = stored.find(({ name }) => name.split('/').at(-1) === tensor);
      if (found !== undefined) return { ...found, name: place.name };
      throw new SottoError('INVALID_INPUT', `layer ${named[index]}: the file has no weight ${tensor} of it`);
    });
  });
  return { topology, inputs, tensors };
}

function tensorsOf(
  entries: readonly { name: string; shape: readonly number[]; dtype: string; quantization?: unknown }[],
  data: Uint8Array,
): readonly NamedTensor[] {
  let offset = 0;
  const tensors = entries.map(({ name, shape, dtype, quantization }) => {
    if (dtype !== 'float32' || quantization !== undefined) {
      throw new SottoError('INVALID_INPUT', `weight ${name}: expected plain float32, got ${dtype}`);
    }
    const end = offset + 4 * shape.reduce((product, side) => product * side, 1);
    if (end > data.length) {
      throw new SottoError('INVALID_INPUT', `weight ${name}: expected ${end} bytes of weights, got ${data.length}`);
    }
    const values = weightsFromBytes(data.subarray(offset, end));
    offset = end;
    return { name, shape, values };
  });
  if (offset !== data.length) {
    throw new SottoError('INVALID_INPUT', `model.json names ${offset} bytes of weights, got ${data.length}`);
  }
  return tensors;
}

/**
 * What a Keras layer is here: a layer, or none.
 * @param rank - of one row of its input.
 */
function layersOf(kind: string, config: Config, rank: number): readonly unknown[] {
  const kept = config['trainable'] === false ? { trainable: false } : {};
  const activation = config['activation'] ?? 'linear';
  switch (kind) {
    case 'InputLayer':
      return [];
    case 'Dense':
      requireSettings(config, { use_bias: true });
      return [{ kind: 'dense', units: config['units'], activation, ...kept }];
    case 'Dropout':
      return [{ kind: 'dropout', rate: config['rate'] }];
    case 'Flatten':
      requireSettings(config, { data_format: 'channels_last' });
      return [{ kind: 'flatten' }];
    case 'Reshape':
      return [{ kind: 'reshape', shape: config['target_shape'] }];
    case 'Conv1D':
    case 'Conv2D': {
      requireSettings(config, { use_bias: true, data_format: 'channels_last', dilation_rate: 1, groups: 1 });
      const sides = { kernelSize: side(config, 'kernel_size'), stride: side(config, 'strides') };
      const form = { filters: config['filters'], ...sides, padding: config['padding'], activation, ...kept };
      return [{ kind: kind === 'Conv1D' ? 'conv1d' : 'conv2d', ...form }];
    }
    case 'MaxPooling1D':
    case 'MaxPooling2D':
    case 'AveragePooling1D':
    case 'AveragePooling2D': {
      requireSettings(config, { data_format: 'channels_last' });
      const stride = config['strides'] === null ? {} : { stride: side(config, 'strides') };
      const form = { size: side(config, 'pool_size'), ...stride, padding: config['padding'] };
      return [{ kind: kind.startsWith('Max') ? 'maxPool' : 'averagePool', ...form }];
    }
    case 'GlobalAveragePooling1D':
    case 'GlobalAveragePooling2D':
      requireSettings(config, { data_format: 'channels_last', keepdims: false });
      return [{ kind: 'globalAveragePool' }];
    case 'LayerNormalization':
      // The batch counts among a Keras layer's axes.
      requireSettings({ ...config, axis: lastOf(config['axis'], rank) }, { axis: -1, center: true, scale: true });
      return [{ kind: 'layerNorm', epsilon: config['epsilon'], ...kept }];
    case 'Embedding':
      requireSettings(config, { mask_zero: false });
      return [{ kind: 'embedding', vocabulary: config['input_dim'], units: config['output_dim'], ...kept }];
    case 'GRU':
      requireSettings(config, {
        use_bias: true,
        reset_after: false,
        activation: 'tanh',
        recurrent_activation: 'sigmoid',
        go_backwards: false,
        stateful: false,
        return_state: false,
      });
      return [{ kind: 'gru', units: config['units'], returnSequences: config['return_sequences'] ?? false, ...kept }];
    case 'BatchNormalization':
      throw new SottoError(
        'INVALID_INPUT',
        `layer ${config.name}: batch normalization mixes the units of a batch; train the model with LayerNormalization instead`,
      );
    default:
      throw new SottoError('INVALID_INPUT', `layer ${config.name}: Sotto has no ${kind}`);
  }
}

/** An axis, or a list of one, as -1 where it is the last. */
function lastOf(axis: unknown, rank: number): unknown {
  const only: unknown = Array.isArray(axis) && axis.length === 1 ? axis[0] : axis;
  return only === rank ? -1 : only;
}

/** Fails unless each setting is as stated, or absent. Lists of one value stand for it. */
function requireSettings(config: Config, settings: Readonly<Record<string, unknown>>): void {
  for (const [name, wanted] of Object.entries(settings)) {
    const stated = config[name];
    const values: readonly unknown[] = Array.isArray(stated) ? stated : [stated];
    for (const value of values) {
      if (value === undefined || value === null || value === wanted) continue;
      throw new SottoError(
        'INVALID_INPUT',
        `layer ${config.name}: Sotto has only ${name} ${String(wanted)}, got ${JSON.stringify(value)}`,
      );
    }
  }
}

/** A setting that is one number, or a list of the same one. */
function side(config: Config, name: string): unknown {
  const stated = config[name];
  if (!Array.isArray(stated)) return stated;
  const [first] = stated as readonly unknown[];
  if (stated.every((value) => value === first)) return first;
  throw new SottoError('INVALID_INPUT', `layer ${config.name}: ${name} must be square, got ${stated.join(' × ')}`);
}
