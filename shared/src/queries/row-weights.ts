import { z } from 'zod';
import type { InputColumn, LayerTrace, UnitBatch } from '../model/index.ts';
import { attributeColumnsSchema, columnProblems, groupingBy, type AttributeProblem } from './attributes.ts';

/** One weight: of the rows of a group, of a label, or of both. */
const weightCellSchema = z.strictObject({
  /** A group of the columns, as figures name it; absent: every group. */
  group: z.string().min(1).max(500).optional(),
  /** A text of the target; absent: every label. */
  label: z.string().min(1).max(500).optional(),
  weight: z.number().min(0).max(1_000),
});

/** What a row's loss weighs in training: the product of the cells that name it, 1 where none does. Constants of the plan. */
export const rowWeightsSchema = z.strictObject({
  /** By which columns rows are put into groups; empty: weights go by the label alone. */
  columns: attributeColumnsSchema.default([]),
  cells: z.array(weightCellSchema).min(1).max(10_000),
});
export type RowWeights = z.infer<typeof rowWeightsSchema>;

/**
 * What is wrong with weights, by the plan alone.
 * @param classes - texts of the target; none of a number, which has no labels.
 * @param path - of the weights, for example `plan.training.weights`.
 */
export function rowWeightProblems(
  columns: readonly InputColumn[],
  classes: readonly string[],
  weights: RowWeights,
  path: string,
): readonly AttributeProblem[] {
  const problems = columnProblems(columns, weights.columns, `${path}.columns`);
  if (problems.length > 0) return problems;
  const { names } = groupingBy(columns, weights.columns);
  const seen = new Set<string>();
  return weights.cells.flatMap(({ group, label }, index): readonly AttributeProblem[] => {
    const at = `${path}.cells[${index}]`;
    const key = JSON.stringify([group, label]);
    const isTwice = seen.has(key);
    seen.add(key);
    if (isTwice) return [{ path: at, problem: 'the same rows are weighted twice', cure: 'Take one of both out.' }];
    if (group !== undefined && !names.includes(group)) {
      return [{ path: `${at}.group`, problem: `there is no group ${group}`, cure: `Name one of ${listed(names)}.` }];
    }
    if (label !== undefined && !classes.includes(label)) {
      return [
        {
          path: `${at}.label`,
          problem: `the target has no label ${label}`,
          cure: classes.length === 0 ? 'Weigh a number target by groups alone.' : `Name one of ${listed(classes)}.`,
        },
      ];
    }
    return [];
  });
}

/**
 * Weight of each row, float32 [rows]: a function of the row's own inputs and label, and of constants of the plan; and the largest that any
 * row can have.
 */
export function weightsOfRows(
  columns: readonly InputColumn[],
  classes: readonly string[],
  { columns: wanted, cells }: RowWeights,
  batch: UnitBatch,
): { readonly ofRow: Float32Array; readonly largest: number } {
  const grouping = groupingBy(columns, wanted);
  const labels = Math.max(1, classes.length);
  const table = grouping.names.flatMap((name) =>
    Array.from({ length: labels }, (_, label) =>
      cells.reduce((product, { group, label: text, weight }) => {
        const named = (group ?? name) === name && (text === undefined || text === classes[label]);
        return named ? product * weight : product;
      }, 1),
    ),
  );
  const ofRow = Float32Array.from({ length: batch.rows }, (_, row) => {
    const label = classes.length === 0 ? 0 : batch.targets[row]!;
    return table[grouping.groupOf(batch.inputs, row * batch.features) * labels + label]!;
  });
  return { ofRow, largest: Math.max(...table) };
}

/**
 * Shortens a unit's weighted gradient, in place, to its own part of the bound: clipNormL2 times the mean weight of its rows over the
 * largest weight. What is left for the door to clip is then next to nothing; if it clipped alone, rows whose gradients are longer than the bound
 * would count alike whatever they weigh. The unit's own rows decide, and the result is within the bound either way.
 */
export function clipByWeight(gradient: Float64Array, meanWeight: number, largest: number, clipNormL2: number): void {
  const bound = largest > 0 ? (clipNormL2 * meanWeight) / largest : 0;
  let squares = 0;
  for (const value of gradient) squares += value * value;
  const norm = Math.sqrt(squares);
  if (!(norm > bound)) return;
  const factor = bound / norm;
  for (let i = 0; i < gradient.length; i++) gradient[i]! *= factor;
}

/**
 * The traces of the weighted loss: each row's deltas times its weight, which is what its gradient becomes, since every trace is linear in
 * them. A row's are still its own alone. An array that several traces share stays shared.
 */
export function weightedTraces(traces: readonly LayerTrace[], weights: Float32Array): readonly LayerTrace[] {
  const known = new Map<Float32Array, Float32Array>();
  const weighted = (deltas: Float32Array): Float32Array => {
    const width = deltas.length / weights.length;
    const scaled = known.get(deltas) ?? deltas.map((delta, at) => delta * weights[Math.floor(at / width)]!);
    known.set(deltas, scaled);
    return scaled;
  };
  return traces.map((trace) => ({ ...trace, deltas: weighted(trace.deltas) }));
}

function listed(names: readonly string[]): string {
  return names.slice(0, 10).join(', ') + (names.length > 10 ? ', …' : '');
}
