import type { Counterfactual, Explanation, GroupDecision, Prediction } from '../judging/index.ts';

/** A prediction in one line; with thresholds by group what they decide. */
export function predictionWords(prediction: Prediction, decision: GroupDecision | null = null): string {
  if (prediction.kind === 'number') return prediction.value.toPrecision(5);
  const { value, probabilities, smoothed } = prediction;
  const own = leading(probabilities.map(({ value: text, probability }) => [text, probability]));
  if (decision !== null) {
    const { group, chance } = decision;
    const drawn = chance > 0 && chance < 1 ? `, drawn with chance ${chance.toFixed(3)}` : '';
    return `${decision.value}  (${own})  by the thresholds of ${group}${drawn}`;
  }
  if (smoothed === undefined) return `${value}  (${own})`;
  const shares = leading(smoothed.shares.map(({ value: text, share }) => [text, share]));
  return `${smoothed.value ?? 'abstains'}  (of ${smoothed.draws} noisy copies ${shares}; as it is ${own})`;
}

/** The five largest of some texts' shares. */
function leading(shares: readonly (readonly [string, number])[]): string {
  const sorted = [...shares].sort(([, a], [, b]) => b - a);
  const shown = sorted.slice(0, 5).map(([text, share]) => `${text} ${share.toFixed(3)}`);
  return `${shown.join(', ')}${sorted.length > shown.length ? `, ${sorted.length - shown.length} more` : ''}`;
}

/** By what probabilities are calibrated. */
export function temperatureWords(temperature: number, from: 'option' | 'report'): string {
  const whose = from === 'report' ? "the report's" : 'the given';
  return `Probabilities are calibrated by ${whose} temperature ${Number(temperature.toPrecision(4))}; what is predicted, and log odds, are the model's own.`;
}

const methods = {
  integratedGradients: 'integrated gradients',
  exactShapley: 'exact Shapley values',
  permutationShapley: 'Shapley values from drawn permutations, ± standard error',
} as const;

/** An explanation as a table, the column that adds most first. */
export function explanationWords(explanation: Explanation): string {
  const { prediction, explained, base, value, gap, complete } = explanation;
  const what = {
    logOdds: `Log odds of "${explained.of}"`,
    logit: `Logit of "${explained.of}"`,
    value: explained.of,
  }[explained.kind];
  const features = [...explanation.features].sort((a, b) => Math.abs(b.attribution) - Math.abs(a.attribution));
  const largest = Math.max(...features.map(({ attribution }) => Math.abs(attribution)), 1e-12);
  const rows = features.map(({ column, value: own, baseline, attribution, standardError }) => [
    column,
    own ?? '(none)',
    baseline ?? '(none)',
    signed(attribution) + (standardError === null ? '' : ` ± ${standardError.toFixed(3)}`),
    (attribution < 0 ? '−' : '+').repeat(Math.round((12 * Math.abs(attribution)) / largest)),
  ]);
  return [
    `Predicted     ${predictionWords(prediction)}`,
    `${what}: ${value.toFixed(3)} for this row, ${base.toFixed(3)} for the baseline; the columns add the difference`,
    `By ${methods[explanation.method]}; they add up to within ${Math.abs(gap).toExponential(1)}${
      complete ? '' : ', which is MORE than the tolerance: read them with care'
    }`,
    '',
    ...table([['column', 'value', 'baseline', 'adds', ''], ...rows.map((row) => row.map(String))]),
  ].join('\n');
}

/** A counterfactual in words; null: none was found. */
export function counterfactualWords(counterfactual: Counterfactual | null): string {
  if (counterfactual === null) return 'No change of three columns or fewer was found that turns the prediction.';
  const { changes, prediction } = counterfactual;
  const words = changes.map(({ column, from, to }) => `${column} ${to ?? '(none)'} instead of ${from ?? '(none)'}`);
  return `It would turn with ${words.join(' and ')}: ${predictionWords(prediction)}`;
}

/** Lines of columns, each as wide as its widest cell; the fourth to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => (i === 3 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}

function signed(value: number): string {
  const text = Math.abs(value).toFixed(3);
  return Number(text) === 0 ? text : value < 0 ? `−${text}` : `+${text}`;
}
