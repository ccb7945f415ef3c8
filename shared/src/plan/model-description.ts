import { SottoError } from '../errors/index.ts';
import { lossSchema, topologySchema, type Loss, type Topology } from '../model/index.ts';
import { dataSchemaSchema, type DataSchema } from './data-schema.ts';
import { parseStrictly } from './parse-strictly.ts';

/** What the numbers of a model file mean: enough to predict from it, and all of it public in the plan. */
export type ModelDescription = { readonly schema: DataSchema; readonly topology: Topology; readonly loss: Loss };

/** The description as a model file's metadata: JSON texts by name. */
export function modelMetadata({ schema, topology, loss }: ModelDescription): Readonly<Record<string, string>> {
  return { schema: JSON.stringify(schema), topology: JSON.stringify(topology), loss };
}

/**
 * The description that a model file's metadata hold; null where they hold none of it.
 * @throws {INVALID_INPUT} when a part is missing or malformed, naming the path.
 */
export function descriptionOfMetadata(metadata: Readonly<Record<string, string>>): ModelDescription | null {
  const { schema, topology, loss } = metadata;
  if (schema === undefined && topology === undefined && loss === undefined) return null;
  return {
    schema: parseStrictly(dataSchemaSchema, jsonOf('schema', schema), 'metadata.schema', 'INVALID_INPUT'),
    topology: parseStrictly(topologySchema, jsonOf('topology', topology), 'metadata.topology', 'INVALID_INPUT'),
    loss: parseStrictly(lossSchema, loss, 'metadata.loss', 'INVALID_INPUT'),
  };
}

function jsonOf(name: string, text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    throw new SottoError(
      'INVALID_INPUT',
      `metadata.${name}: expected JSON, got ${text === undefined ? 'none' : 'none that parses'}`,
    );
  }
}
