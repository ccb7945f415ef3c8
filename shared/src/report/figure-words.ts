import type { Challenge, Verdict } from './report-schema.ts';

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
  outOfSample: 'Gap between units that trained and others',
  participation: 'Gap between own clients and new ones',
};

/** Kinds whose figures' names say enough by themselves. */
const plainKinds: readonly string[] = ['performance', 'fairness', 'gaps'];

/** A figure's path as words: `fairness.sex.equalizedOdds` is "Sex · equalized odds". */
export function figureWords(path: string): string {
  const [, slot, rest = path] = /^(survey|train)\.(.*)$/s.exec(path) ?? [];
  const attack = /^robustness\.(linf|l2)\.(.+)\.(\w+)$/.exec(rest);
  if (attack !== null) {
    const [, norm, size = '', name] = attack;
    return `Right at attack size ${size} (${norm === 'l2' ? 'L2' : 'L∞'}, ${name === 'worst' ? 'worst' : (name ?? '').toUpperCase()})`;
  }
  // A point within a number is none between names.
  const words = rest
    .split(/(?<!\d)\.|\.(?!\d)/)
    .slice(1)
    .map((part) => known[part] ?? spaced(part));
  return capital(`${words.join(' · ')}${slot === 'train' ? ', on units that trained' : ''}`);
}

/** The same where it stands among other kinds' figures. */
export function figureTitle(path: string): string {
  const kind = path.replace(/^(survey|train)\./, '').split('.')[0] ?? '';
  const words = figureWords(path);
  return plainKinds.includes(kind) || kind === 'robustness' ? words : `${kindTitle(kind)}: ${words.toLowerCase()}`;
}

function spaced(name: string): string {
  // Names of data stand as they are: spaces, digits or a capital at the beginning are no camel case.
  if (!/^[a-z]+([A-Z][a-z]+)+$/.test(name)) return name;
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
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
  labelDrift: 'Drift of the labels since the survey',
  columnDrift: 'Drift of the columns since the survey',
  importanceStability: 'Whether it still rests on the same columns',
  membership: 'Membership inference',
  gaps: 'Gaps',
};

export function kindTitle(kind: string): string {
  return kindWords[kind] ?? capital(spaced(kind));
}
