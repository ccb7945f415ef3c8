import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sha256 } from '@sotto/shared/crypto';
import { SottoError } from '@sotto/shared/errors';
import {
  decodeSafetensors,
  decodeTfjsModel,
  importWeights,
  topologySchema,
  weightsToBytes,
  type DecodedTfjsModel,
  type NamedTensor,
} from '@sotto/shared/model';
import { inputWidth, parseDataSchema } from '@sotto/shared/plan';
import { concatBytes, toHex } from '@sotto/shared/vector';
import { z } from 'zod';
import type { CommandResult } from './command-result.ts';
import { readBytes, readJson } from './json-file.ts';

/** What a draft must have before its first model can be made. */
const draftSchema = z.looseObject({
  topology: topologySchema,
  schema: z.unknown().optional(),
  initialWeights: z.looseObject({ seed: z.string().regex(/^[0-9a-f]{64}$/) }),
});

/** Makes a plan's first model of another model's weights. @throws {INVALID_INPUT} {FILE_NOT_FOUND} */
export async function importModel(
  source: string,
  options: { readonly plan: string; readonly schema?: string; readonly out: string },
): Promise<CommandResult> {
  const draft = draftSchema.safeParse(await readJson(options.plan));
  if (!draft.success) throw new SottoError('INVALID_INPUT', `${options.plan}: ${z.prettifyError(draft.error)}`);
  const { topology, initialWeights } = draft.data;
  const schema = options.schema === undefined ? draft.data.schema : await readJson(options.schema);
  if (schema === undefined) throw new SottoError('INVALID_INPUT', `${options.plan}: it has no schema; give --schema`);
  const inputs = inputWidth(parseDataSchema(schema));
  const tensors = await tensorsOf(source);
  const { weights, taken, seeded } = importWeights(topology, inputs, tensors, initialWeights.seed);
  const bytes = weightsToBytes(weights);
  const checkpoint = toHex(sha256(bytes));
  await writeFile(options.out, bytes);
  return {
    lines: [
      `Taken over   ${taken.join(', ')}`,
      `From seed    ${seeded.length === 0 ? 'none' : seeded.join(', ')}`,
      `Written to   ${options.out}`,
      `Checkpoint   ${checkpoint}`,
      'Put it into initialWeights.checkpoint of the plan, and submit that with sotto run --initial.',
    ],
    json: { taken, seeded, out: options.out, checkpoint },
  };
}

/** The topology of a tfjs LayersModel, for a draft. @throws {INVALID_INPUT} {FILE_NOT_FOUND} */
export async function modelTopology(source: string): Promise<CommandResult> {
  const { topology, inputs } = await readTfjsModel(source);
  return { lines: [JSON.stringify(topology, null, 2)], json: { topology, inputs } };
}

async function tensorsOf(source: string): Promise<readonly NamedTensor[]> {
  if (source.endsWith('.json')) return (await readTfjsModel(source)).tensors;
  return decodeSafetensors(await readBytes(source)).tensors;
}

const manifestSchema = z.looseObject({ weightsManifest: z.array(z.looseObject({ paths: z.array(z.string()) })) });

async function readTfjsModel(source: string): Promise<DecodedTfjsModel> {
  const model = await readJson(source);
  const parsed = manifestSchema.safeParse(model);
  if (!parsed.success) throw new SottoError('INVALID_INPUT', `${source}: ${z.prettifyError(parsed.error)}`);
  const paths = parsed.data.weightsManifest.flatMap((group) => group.paths);
  // Whatever is read here is shown to every client of the run: a model from elsewhere must not say which file that is.
  const outside = paths.find((path) => path.split(/[\\/]/).includes('..') || /^([\\/]|[a-z]:)/i.test(path));
  if (outside !== undefined) throw new SottoError('INVALID_INPUT', `${source}: "${outside}" lies outside its folder`);
  const files = await Promise.all(paths.map((path) => readBytes(join(dirname(source), path))));
  return decodeTfjsModel(model, concatBytes(...files));
}
