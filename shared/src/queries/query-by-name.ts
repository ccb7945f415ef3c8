import { evaluation } from './evaluation.ts';
import { gradient } from './gradient.ts';
import { measuresQuery } from './measures/measures-query.ts';
import type { Query } from './query.ts';
import { update } from './update.ts';

/** Every query that a plan may name: nothing else can leave a device. */
export const queries = {
  gradient,
  update,
  evaluation,
  survey: measuresQuery('survey'),
  trainReport: measuresQuery('trainReport'),
  report: measuresQuery('report'),
} as const satisfies Record<Query['name'], Query>;

/** The query of a name. */
export function queryByName(name: Query['name']): Query {
  return queries[name];
}
