import { writeFile } from 'node:fs/promises';
import { SottoError } from '@sotto/shared/errors';
import { thresholdFileSchema } from '@sotto/shared/queries';
import type { CommandResult } from './command-result.ts';
import { readJson } from './json-file.ts';
import { requireDraft, writtenPlan } from './plan-commands.ts';
import { releasedAttribute } from './released-groups.ts';

/**
 * Puts weights into a draft that make label and group independent, from counts that a run has released.
 * @throws {INVALID_INPUT} when the file has no such counts; {PLAN_INVALID} when the draft trains by a query without weights.
 */
export async function planReweigh(
  path: string,
  options: { readonly report: string; readonly attribute?: string; readonly out?: string },
): Promise<CommandResult> {
  const draft = requireDraft(await readJson(path), path);
  const { name, columns, groups } = await releasedAttribute(
    options.report,
    ['groupLabels', 'fairness'],
    options.attribute,
  );
  const all = groups.flatMap(({ group, labels, weights }) =>
    (labels ?? weights ?? []).map(({ label, weight }) => ({ group, label, weight })),
  );
  const cells = all.flatMap(({ group, label, weight }) =>
    weight === null ? [] : [{ group, label, weight: Number(weight.toPrecision(6)) }],
  );
  if (cells.length === 0) {
    throw new SottoError(
      'INVALID_INPUT',
      `${options.report}: noise hides every count of ${name}; ask a larger share of ε for them`,
    );
  }
  const training = draft['training'];
  if (typeof training !== 'object' || training === null || !('query' in training)) {
    throw new SottoError('PLAN_INVALID', `${path}: plan.training: expected a query`);
  }
  const { query } = training;
  if (typeof query === 'object' && query !== null && 'kind' in query && query.kind === 'update') {
    throw new SottoError('PLAN_INVALID', `${path}: plan.training.query: update knows of no weights; use gradient`);
  }
  const plan = { ...draft, training: { ...training, weights: { columns, cells } } };
  const width = Math.max(...cells.map(({ group }) => group.length));
  const hidden = all.length - cells.length;
  const lines = [
    ...cells.map(({ group, label, weight }) => `${group.padEnd(width)}  ${label}  ${weight.toFixed(3)}`),
    ...(hidden === 0 ? [] : [`${hidden} further cells have too few units beside the noise and keep weight 1.`]),
  ];
  const written = await writtenPlan(plan, options.out, 'weights');
  return options.out === undefined ? written : { lines: [...lines, ...written.lines], json: written.json };
}

/** Writes a report's thresholds by group as a file for predictions. @throws {INVALID_INPUT} when the report suggests none. */
export async function modelThresholds(options: {
  readonly report: string;
  readonly attribute?: string;
  readonly criterion: string;
  readonly out: string;
}): Promise<CommandResult> {
  const released = await releasedAttribute(options.report, ['fairness'], options.attribute);
  const { name, columns, thresholds, modelHash } = released;
  const suggested = thresholds?.find(({ criterion }) => criterion === options.criterion);
  if (suggested === undefined) {
    throw new SottoError(
      'INVALID_INPUT',
      `${options.report}: no thresholds by ${name} for ${options.criterion}; ask the measure fairness with bins`,
    );
  }
  const file = thresholdFileSchema.parse({
    kind: 'sotto-thresholds',
    version: 1,
    ...(modelHash === null ? {} : { modelHash }),
    columns,
    criterion: options.criterion,
    groups: suggested.groups,
  });
  await writeFile(options.out, `${JSON.stringify(file, null, 2)}\n`);
  const { expected } = suggested;
  return {
    lines: [
      ...file.groups.map(({ group, thresholds: own }) => {
        const words = own.map(
          ({ atLeast, chance }) => `from ${Number(atLeast.toFixed(4))} with chance ${chance.toFixed(3)}`,
        );
        return `${group}: positive ${words.length === 0 ? 'never' : words.join(', and ')}`;
      }),
      `On the rows that they were found on: ${Object.entries(expected)
        .map(([figure, value]) => `${figure} ${value.toFixed(3)}`)
        .join(', ')}`,
      `Written to ${options.out}, for sotto-node predict --thresholds`,
    ],
    json: { out: options.out, ...file, expected },
  };
}
