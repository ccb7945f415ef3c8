import { intervalOf } from './interval.ts';
import { numberText } from '../number-text.ts';
import type { Challenge, ReportFigure, Verdict } from '../report-schema.ts';

/** Names whose words are not those that their letters make. */
const known: Readonly<Record<string, string>> = {
  auroc: 'AUC (ROC)',
  f1: 'F1',
  mcc: 'Matthews correlation',
  brier: 'Brier score',
  logLoss: 'Log loss',
  determination: 'R²',
  averagePrecision: 'Average precision',
  calibrationError: 'Calibration error (ECE)',
  psi: 'Population stability index',
  jensenShannon: 'Jensen–Shannon divergence',
  outOfSample: 'Trained less other units',
  participation: 'Own clients less new ones',
};

/** A figure's path as words: `fairness.sex.equalizedOdds` is "sex · equalized odds". */
export function figureWords(path: string): string {
  const parts = path.split('.');
  const prefixed = parts[0] === 'survey' || parts[0] === 'train';
  const words = parts.slice(prefixed ? 2 : 1).map((part) => known[part] ?? spaced(part));
  return capital(words.join(' · '));
}

function spaced(name: string): string {
  // Names of data stand as they are: spaces, digits or a capital at the beginning are no camel case.
  if (!/^[a-z]+([A-Z][a-z]+)+$/.test(name)) return name;
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** "0.741 to 0.802", "exact", or "at least 0.741". */
export function intervalText(figure: ReportFigure): string {
  const { low, high } = intervalOf(figure);
  if (low === high) return 'exact';
  return `${numberText(low)} to ${numberText(high)}`;
}

export const verdictWords: Readonly<Record<Verdict, string>> = {
  met: 'met',
  notMet: 'not met',
  cannotTell: 'cannot tell',
  notMeasured: 'not measured',
};

export const challengeWords: Readonly<Record<Challenge, string>> = {
  data: 'The data',
  performance: 'How well it predicts',
  overfitting: 'Whether it holds on other data',
  fairness: 'Whether groups are treated alike',
  robustness: 'What it withstands',
  explanation: 'What it goes by',
  privacy: 'What it gives away',
  other: 'Other measures',
};

/** Kinds of measures as headings. */
const kindWords: Readonly<Record<string, string>> = {
  performance: 'Performance',
  fairness: 'Groups of people',
  clients: 'Spread over clients',
  groupLabels: 'Labels by group',
  robustness: 'Attacks on the input',
  corruption: 'Corrupted input',
  certified: 'Certified radius',
  attributions: 'Attributions (integrated gradients)',
  permutation: 'Permutation importance',
  dependence: 'Partial dependence',
  labels: 'Labels',
  columns: 'Columns',
  membership: 'Membership inference',
  gaps: 'Gaps',
};

export function kindTitle(kind: string): string {
  return kindWords[kind] ?? capital(spaced(kind));
}
