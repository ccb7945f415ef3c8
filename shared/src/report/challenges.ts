import type { Challenge } from './report-schema.ts';

/** Which question a measure answers, by its kind; a kind that is not here stands under `other`. */
const challengeOfKind: Readonly<Record<string, Challenge>> = {
  labels: 'data',
  columns: 'data',
  labelDrift: 'data',
  columnDrift: 'data',
  performance: 'performance',
  fairness: 'fairness',
  clients: 'fairness',
  groupLabels: 'fairness',
  robustness: 'robustness',
  corruption: 'robustness',
  certified: 'robustness',
  attributions: 'explanation',
  permutation: 'explanation',
  dependence: 'explanation',
  importanceStability: 'explanation',
  membership: 'privacy',
  gaps: 'overfitting',
};

export function challengeOf(kind: string): Challenge {
  return challengeOfKind[kind] ?? 'other';
}

/** In the order in which a report treats them, with what a run can be asked for each; privacy is always answered, by the card. */
export const challengesAsked: readonly { readonly challenge: Challenge; readonly ask: string }[] = [
  { challenge: 'data', ask: 'survey, or report.measures with labels or columns' },
  { challenge: 'performance', ask: 'report.measures with performance' },
  { challenge: 'overfitting', ask: 'evaluation.fit, heldOut, or report.train with performance' },
  { challenge: 'fairness', ask: 'report.measures with fairness or clients' },
  { challenge: 'robustness', ask: 'report.measures with robustness, corruption or certified' },
  { challenge: 'explanation', ask: 'report.measures with attributions, permutation or dependence' },
];
