import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SottoError } from '@sotto/shared/errors';
import { decodeSafetensors, weightsFromBytes, weightsOfTensors } from '@sotto/shared/model';
import {
  dataSchemaHashOf,
  descriptionOfMetadata,
  inputWidth,
  parseDataSchema,
  parsePlan,
  type ModelDescription,
} from '@sotto/shared/plan';
import { z } from 'zod';
import { createJudgedModel, type JudgedModel } from '../judging/index.ts';
import { readJson } from './json-file.ts';

/** What of a tfjs model's `model.json` is read. */
const tfjsSchema = z.looseObject({ userDefinedMetadata: z.record(z.string(), z.string()).optional() });

/**
 * A model that `sotto export` wrote, ready to be judged: a safetensors file, or the folder (or `model.json`) of a tfjs model.
 *
 * @param schemaFile - data schema that the model must have been trained with; undefined: what the file says.
 * @param planFile - plan that describes a file which does not describe itself.
 * @throws {FILE_NOT_FOUND} when a file is missing.
 * @throws {INVALID_INPUT} when the file is damaged, describes nothing, or was trained with another schema.
 */
export async function readModel(
  path: string,
  schemaFile: string | undefined,
  planFile: string | undefined,
): Promise<JudgedModel> {
  const file = await readWeights(path);
  const description = planFile === undefined ? descriptionOfMetadata(file.metadata) : await describedByPlan(planFile);
  if (description === null) {
    throw new SottoError(
      'INVALID_INPUT',
      `${path}: the file does not say what schema and topology its numbers belong to; name the plan with --plan`,
    );
  }
  if (schemaFile !== undefined) {
    const schema = parseDataSchema(await readJson(schemaFile), schemaFile);
    if (dataSchemaHashOf(schema) !== dataSchemaHashOf(description.schema)) {
      throw new SottoError(
        'INVALID_INPUT',
        `${schemaFile}: the model was trained with another data schema, "${description.schema.name}"; its inputs mean other things`,
      );
    }
  }
  return createJudgedModel(description, file.weightsOf(description));
}

type WeightsFile = {
  readonly metadata: Readonly<Record<string, string>>;
  weightsOf(description: ModelDescription): Float32Array;
};

async function readWeights(path: string): Promise<WeightsFile> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder && !path.endsWith('.json')) {
    const { tensors, metadata } = decodeSafetensors(await readBytes(path));
    return { metadata, weightsOf: ({ schema, topology }) => weightsOfTensors(topology, inputWidth(schema), tensors) };
  }
  const modelFile = isFolder ? join(path, 'model.json') : path;
  const parsed = tfjsSchema.safeParse(await readJson(modelFile));
  if (!parsed.success) throw new SottoError('INVALID_INPUT', `${modelFile}: ${z.prettifyError(parsed.error)}`);
  const bytes = await readBytes(join(dirname(modelFile), 'weights.bin'));
  return { metadata: parsed.data.userDefinedMetadata ?? {}, weightsOf: () => weightsFromBytes(bytes) };
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new SottoError('FILE_NOT_FOUND', `${path}: cannot be read (${code})`);
  }
}

/** A plan, signed or not; the signature is not asked for, because nothing is sent. */
async function describedByPlan(path: string): Promise<ModelDescription> {
  const value = await readJson(path);
  const isSigned = typeof value === 'object' && value !== null && 'plan' in value;
  return parsePlan(isSigned ? value.plan : value);
}
