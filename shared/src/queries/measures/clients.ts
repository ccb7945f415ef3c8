import { z } from 'zod';
import { SottoError } from '../../errors/index.ts';
import {
  binnedSpread,
  clientSpread,
  deltaFigure,
  predictedClass,
  proportionFigure,
  shown,
  z95,
  type Figure,
  type Shown,
} from '../../metrics/index.ts';
import type { QueryContext } from '../query.ts';
import { smallGroups, whyTooSmall } from './group-minimum.ts';
import type { Conclude, Measure, MeasureInput, MeasureReport, MeasureSums } from './measure.ts';

/** What a plan says of it. */
export const clientsSettings = z.strictObject({
  kind: z.literal('clients'),
  share: z.number().positive().max(1_000).default(1),
});
type Settings = z.infer<typeof clientsSettings>;

export type ClientFigures = MeasureReport & {
  /** At unit = record: each client's own, by its place in the plan's roster; empty at unit = client. */
  readonly clients: readonly { readonly client: number; readonly units: number; readonly accuracy: Shown }[];
  /** At unit = client: noisy number of clients by accuracy, in equally wide bins over [0, 1]; null at unit = record. */
  readonly histogram: readonly number[] | null;
};

/** Bins of the clients' accuracies at unit = client. */
const bins = 20;

/**
 * How evenly clients are served, by their accuracies.
 *
 * What the vector of a row is:
 * - unit = record: one 1 in a table of [clients × 2], wrong or right: each client counts in a segment of its own, of one sum.
 * - unit = client: one 1 in a histogram of 20 bins, of the accuracy over all of the client's rows: the same of every row, so that the
 *   client's vector, which is their mean, is it too.
 *
 * Sensitivity: L2 1. At unit = record the sum shows how each client does, up to noise for a unit: it hides persons, not
 * clients. That is what it is asked for, and at unit = client it is not to be had.
 */
export const clients: Measure<Settings> = {
  kind: 'clients',
  problems: (context) => [
    ...(context.target === 'number'
      ? [{ path: 'kind', problem: 'a number target has no accuracy', cure: 'Take the measure out.' }]
      : []),
    ...(context.clients < 2
      ? [{ path: 'kind', problem: 'one client has nobody to be compared with', cure: 'Take the measure out.' }]
      : []),
  ],
  layout: (context) =>
    context.unit === 'client' ? [{ name: 'accuracy', length: bins }] : [{ name: 'right', length: 2 * context.clients }],
  normL2: () => 1,
  contribute: async (input, _own, emit) => {
    const { context, batch } = input;
    const right = rightOf(input);
    if (context.unit === 'client') {
      const vector = new Float64Array(bins);
      const accuracy = right.reduce((sum, one) => sum + one, 0) / batch.rows;
      vector[Math.min(bins - 1, Math.floor(accuracy * bins))] = 1;
      for (let row = 0; row < batch.rows; row++) emit(row, vector);
      return;
    }
    const { clientIndex } = context;
    if (clientIndex === null) throw new SottoError('INTERNAL', 'measure clients: it is not said whose device asks');
    const vector = new Float64Array(2 * context.clients);
    for (let row = 0; row < batch.rows; row++) {
      vector.fill(0);
      vector[2 * clientIndex + right[row]!] = 1;
      emit(row, vector);
    }
  },
};

export const concludeClients: Conclude<Settings, ClientFigures> = (context, _own, sums) =>
  context.unit === 'client' ? ofHistogram(context, sums) : ofClients(context, sums);

/** 1 for each row that is predicted right. */
function rightOf({ context, batch, outputs }: MeasureInput): Uint8Array {
  return Uint8Array.from({ length: batch.rows }, (_, row) =>
    predictedClass(outputs, row, context.outputs) === batch.targets[row] ? 1 : 0,
  );
}

const tooFew = 'fewer than two clients can be told';

function ofClients(context: QueryContext, sums: MeasureSums): ClientFigures {
  const { noiseStd } = sums;
  const cells = sums.segment('right');
  const minimum = smallGroups(context, 2, noiseStd);
  const each = Array.from({ length: context.clients }, (_, client) => {
    const [incorrect, correct] = [cells[2 * client]!, cells[2 * client + 1]!];
    const units = incorrect + correct;
    const accuracy: Shown =
      units >= minimum
        ? shown(proportionFigure({ correct, incorrect, noiseStd }))
        : { figure: null, withheld: whyTooSmall(units, minimum, context) };
    return { client, units, accuracy, incorrect, correct };
  });
  // Of clients that are shown alone: a sum over noise would be a spread of noise.
  const told = each.filter(({ accuracy }) => accuracy.figure !== null);
  const counts = told.flatMap(({ incorrect, correct }) => [incorrect, correct]);
  const figureOf = (valueOf: (accuracies: readonly number[]) => number | null): Figure | null =>
    told.length < 2
      ? null
      : deltaFigure(
          counts,
          noiseStd,
          (values) => {
            const accuracies = told.map((_, i) =>
              Math.min(1, Math.max(0, values[2 * i + 1]! / (values[2 * i]! + values[2 * i + 1]!))),
            );
            return valueOf(accuracies) ?? NaN;
          },
          { low: 0, high: 1 },
          0.5,
        );
  return {
    units: each.reduce((sum, { units }) => sum + units, 0),
    figures: [
      {
        name: 'mean',
        ...shown(
          figureOf((values) => clientSpread(values).mean),
          1,
          tooFew,
        ),
      },
      {
        name: 'worstDecile',
        ...shown(
          figureOf((values) => clientSpread(values).worstDecile),
          1,
          tooFew,
        ),
      },
      {
        name: 'deviation',
        ...(told.length < 2 ? {} : { floor: deviationFloor(told.map(({ accuracy }) => accuracy.figure!)) }),
        ...shown(
          figureOf((values) => Math.sqrt(clientSpread(values).variance)),
          1,
          tooFew,
        ),
      },
      {
        name: 'jain',
        ...shown(
          figureOf((values) => clientSpread(values).jain),
          1,
          tooFew,
        ),
      },
    ],
    clients: each.map(({ client, units, accuracy }) => ({ client, units, accuracy })),
    histogram: null,
  };
}

/** Deviation that sampling and noise show in 95 of 100 releases where all clients are served alike; the variance is near a χ². Wilson, Hilferty 1931. */
function deviationFloor(figures: readonly Figure[]): number {
  const freedom = figures.length - 1;
  const variance = figures.reduce((sum, { low, high }) => sum + ((high - low) / (2 * z95)) ** 2, 0) / figures.length;
  const part = 2 / (9 * freedom);
  const quantile = freedom * (1 - part + 1.6448536269514722 * Math.sqrt(part)) ** 3;
  return Math.sqrt((variance * quantile) / figures.length);
}

function ofHistogram(context: QueryContext, sums: MeasureSums): ClientFigures {
  const { noiseStd } = sums;
  const counts = sums.segment('accuracy');
  const units = counts.reduce((sum, count) => sum + count, 0);
  const minimum = smallGroups(context, bins, noiseStd);
  const spread = binnedSpread(counts, noiseStd);
  const isTold = units >= minimum;
  const one = (figure: Figure | null): Shown =>
    isTold ? shown(figure, 1, tooFew) : { figure: null, withheld: whyTooSmall(units, minimum, context) };
  const root = (figure: Figure | null): Figure | null =>
    figure && {
      value: Math.sqrt(figure.value),
      low: Math.sqrt(figure.low),
      high: Math.sqrt(figure.high),
      noiseHalfWidth: Math.sqrt(figure.value + figure.noiseHalfWidth) - Math.sqrt(figure.value),
    };
  return {
    units,
    figures: [
      { name: 'mean', ...one(spread.mean) },
      { name: 'worstDecile', ...one(spread.worstDecile) },
      { name: 'deviation', ...one(root(spread.variance)) },
      { name: 'jain', ...one(spread.jain) },
    ],
    clients: [],
    histogram: [...counts],
  };
}
