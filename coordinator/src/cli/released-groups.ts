import { SottoError } from '@sotto/shared/errors';
import { thresholdFileSchema, rowWeightsSchema } from '@sotto/shared/queries';
import { z } from 'zod';
import { readJson } from './json-file.ts';

/** Weight of a group's rows of a label that a release gives; null where noise hides it. */
const weightSchema = z.looseObject({ label: z.string(), weight: z.number().nullable() });

/** What is read of an attribute of a measure `groupLabels` or `fairness`. */
const attributeSchema = z.looseObject({
  name: z.string(),
  columns: rowWeightsSchema.shape.columns,
  groups: z.array(
    z.looseObject({
      group: z.string(),
      labels: z.array(weightSchema).optional(),
      weights: z.array(weightSchema).optional(),
    }),
  ),
  thresholds: z
    .array(
      z.looseObject({
        criterion: z.string(),
        groups: thresholdFileSchema.shape.groups,
        expected: z.record(z.string(), z.number()),
      }),
    )
    .nullish(),
});
export type ReleasedAttribute = z.infer<typeof attributeSchema> & {
  /** SHA-256 of the model that the file is about; null where it does not say. */
  readonly modelHash: string | null;
};

/** What a report says of its model. */
const runSchema = z.looseObject({ run: z.looseObject({ modelHash: z.string() }) });

/**
 * One attribute of the newest measure of a kind in a file of released figures: a report, or what else lists measures as JSON.
 *
 * @param kinds - which measures will do, the better one first.
 * @param name - of the attribute; undefined: the only one.
 * @throws {FILE_NOT_FOUND} {INVALID_INPUT} when the file has no such measure or attribute.
 */
export async function releasedAttribute(
  path: string,
  kinds: readonly string[],
  name: string | undefined,
): Promise<ReleasedAttribute> {
  const file = await readJson(path);
  const measures = measuresIn(file);
  // Lists go from the oldest release to the newest.
  const found = kinds.flatMap((kind) => measures.findLast((measure) => measure.kind === kind) ?? []);
  const [measure] = found;
  if (measure === undefined) {
    throw new SottoError('INVALID_INPUT', `${path}: there is no measure ${kinds.join(' or ')} in it`);
  }
  const parsed = z.array(attributeSchema).safeParse(measure.attributes);
  if (!parsed.success)
    throw new SottoError('INVALID_INPUT', `${path}: ${measure.kind}: ${z.prettifyError(parsed.error)}`);
  const names = parsed.data.map((attribute) => attribute.name);
  const [first] = parsed.data;
  const chosen = name === undefined && names.length === 1 ? first : parsed.data.find((one) => one.name === name);
  if (chosen === undefined) {
    throw new SottoError('INVALID_INPUT', `--attribute: expected one of ${names.join(', ')}, got ${name ?? 'none'}`);
  }
  const run = runSchema.safeParse(file);
  return { ...chosen, modelHash: run.success ? run.data.run.modelHash : null };
}

type Found = { readonly kind: string; readonly attributes: unknown };

/** Every measure with attributes, wherever it stands: its kind in it or in its settings, its figures beside or one level below. */
function measuresIn(value: unknown): readonly Found[] {
  if (Array.isArray(value)) return value.flatMap(measuresIn);
  if (!isObject(value)) return [];
  const { settings, detail, report } = value;
  const kind = value['kind'] ?? (isObject(settings) ? settings['kind'] : undefined);
  const inside = isObject(detail) ? detail : report;
  if (typeof kind === 'string' && isObject(inside) && 'attributes' in inside) {
    return [{ kind, attributes: inside['attributes'] }];
  }
  return Object.values(value).flatMap(measuresIn);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
