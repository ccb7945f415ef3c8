import { z } from 'zod';
import { reportFigureSchema } from '../report-schema.ts';

/**
 * What charts need of a measure's own JSON, by kind. A document that has it in another form (of an earlier version) is shown by its table of
 * figures alone.
 */
const shown = z.object({ figure: reportFigureSchema.nullable(), withheld: z.string().nullable() });
const counts = z.array(z.number());
const histogram = z.object({ positives: counts, negatives: counts }).nullable();

export const performanceDetail = z.object({
  confusion: counts.nullable(),
  histogram,
  temperature: reportFigureSchema.nullable(),
});

export const fairnessDetail = z.object({
  attributes: z.array(
    z.object({
      name: z.string(),
      groups: z.array(
        z.object({
          group: z.string(),
          units: z.number(),
          rates: z.array(shown.extend({ name: z.string(), floor: z.number().nullable().optional() })),
          withheld: z.string().nullable(),
        }),
      ),
      extremes: z.array(z.object({ figure: z.string(), highest: z.string(), lowest: z.string() })),
    }),
  ),
});

export const clientsDetail = z.object({
  clients: z.array(z.object({ client: z.number(), units: z.number(), accuracy: shown })),
  histogram: counts.nullable(),
});

export const groupLabelsDetail = z.object({
  attributes: z.array(
    z.object({
      name: z.string(),
      groups: z.array(
        z.object({
          group: z.string(),
          units: z.number(),
          labels: z.array(z.object({ label: z.string(), share: shown, weight: z.number().nullable() })),
          withheld: z.string().nullable(),
        }),
      ),
    }),
  ),
});

export const robustnessDetail = z.object({
  norm: z.string(),
  epsilons: counts,
  clean: shown,
  curves: z.array(z.object({ attack: z.string(), points: z.array(shown) })),
});

export const certifiedDetail = z.object({
  sigma: z.number(),
  points: z.array(z.object({ radius: z.number(), accuracy: shown })),
});

export const importanceDetail = z.object({ drowned: z.string().nullable() });

export const dependenceDetail = z.object({
  of: z.string().nullable(),
  curves: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(['number', 'category']),
      points: z.array(z.object({ value: z.union([z.number(), z.string()]), mean: shown })),
    }),
  ),
});

const noisyCounts = z.array(z.number().nullable());

export const labelsDetail = z.object({
  classes: z.array(z.string()),
  edges: z.array(z.number()),
  counts: noisyCounts,
  noiseStd: z.number(),
  clients: z.array(
    z.object({
      client: z.number(),
      units: shown,
      counts: noisyCounts,
      jensenShannon: shown,
      floor: z.number().nullable(),
    }),
  ),
});

export const columnsDetail = z.object({
  columns: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(['number', 'category']),
      edges: z.array(z.number()),
      values: z.array(z.string()),
      counts: noisyCounts,
      missing: z.number().nullable(),
    }),
  ),
  noiseStd: z.number(),
});

export const membershipDetail = z.object({
  bound: z.object({ epsilon: z.number(), delta: z.number(), advantage: z.number() }).nullable(),
  curve: z.array(z.object({ loss: z.number(), fpr: z.number(), tpr: z.number() })),
});

export const corruptionDetail = z.object({
  clean: shown,
  cases: z.array(z.object({ corruption: z.string(), severity: z.number(), accuracy: shown })),
});

export const dataCardDetail = z.object({
  columns: z.array(
    z.object({ name: z.string(), allowed: z.string(), missing: z.string(), warning: z.string().nullable() }),
  ),
  adequacy: z.array(
    z.object({
      words: z.string(),
      figure: reportFigureSchema.nullable(),
      asked: z.number(),
      bound: z.enum(['atLeast', 'atMost']),
      verdict: z.string(),
    }),
  ),
});
