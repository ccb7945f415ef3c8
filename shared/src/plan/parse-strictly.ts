import type { z } from 'zod';
import { SottoError, type ErrorCode } from '../errors/index.ts';

/**
 * A value by a schema, or an error whose message lists the first faults as `path: what is expected, got what`.
 * @param root - what the value is, the first word of every path.
 * @throws the given code.
 */
export function parseStrictly<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  root: string,
  code: ErrorCode,
): z.output<Schema> {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => faultOf(issue, root));
  const more = faults.length > 5 ? `; and ${faults.length - 5} more` : '';
  throw new SottoError(code, `${faults.slice(0, 5).join('; ')}${more}`, { faults });
}

function faultOf(issue: z.core.$ZodIssue, root: string): string {
  const path = issue.path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : `${text}.${String(key)}`),
    root,
  );
  if (issue.code === 'unrecognized_keys') {
    const why = issue.keys.map((key) => notOffered[key]).find((reason) => reason !== undefined);
    return `${path}: there is no field ${issue.keys.join(', ')}${why === undefined ? '' : `: ${why}`}`;
  }
  if (issue.code === 'invalid_union' && typeof issue.discriminator === 'string') {
    const kind = (issue.input as Record<string, unknown> | undefined)?.[issue.discriminator];
    const why = typeof kind === 'string' ? notOffered[kind] : undefined;
    return `${path}: ${why ?? issue.message}, got ${shown(kind)}`;
  }
  const expected = issue.message.replace(/, received .*$/, '').replace(/^Invalid input: /, '');
  return `${path}: ${expected}, got ${shown(issue.input)}`;
}

const equalWeights = 'Weights depend on private counts; DP needs equal weights';
const poissonAlone =
  'Sampling done would be a fixed-size or shuffled cohort but accounting assumes Poisson: a secret coin of rate samplingNumerator / 2^32';

const ownGradient =
  'the units of a batch are mixed, so no unit has a gradient of its own to clip, and its statistics would leave unnoised; use layerNorm, whose statistics are a row’s own';

/** Fields and kinds that other platforms have and that would break a promise here, with the reason. */
const notOffered: Readonly<Record<string, string>> = {
  weighting: equalWeights,
  weights: equalWeights,
  exampleWeights: equalWeights,
  cohortSize: poissonAlone,
  sampleSize: poissonAlone,
  shuffle: poissonAlone,
  batchNormalization: ownGradient,
  batchNorm: ownGradient,
};

/** A value in a few characters. */
function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}…` : value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}
