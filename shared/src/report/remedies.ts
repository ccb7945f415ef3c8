import { insideFloor } from './noise-floor.ts';
import { numberText } from './number-text.ts';
import type { ReportDocument, ReportFigure, ReportMeasure, ReportNamedFigure } from './report-schema.ts';

type Remedy = ReportDocument['remedies'][number];

/**
 * What a report's figures suggest to do, by rules. A rule speaks where the whole interval shows a fault (and it lies outside its noise floor),
 * never on a value alone: what noise or a small sample may show asks for nothing.
 */
export function remediesFor(measures: readonly ReportMeasure[], gaps: readonly ReportNamedFigure[]): readonly Remedy[] {
  const figures = [
    ...gaps,
    ...measures.filter(({ newest }) => newest).flatMap((measure) => [...measure.figures, ...temperatureOf(measure)]),
  ];
  return rules.flatMap(({ matches, shows, challenge, because, remedy }) => {
    const found = figures.find(({ name, figure, floor }) => {
      return matches.test(name) && figure !== null && shows(figure) && !insideFloor(name, figure.value, floor);
    });
    if (found?.figure == null) return [];
    return [{ challenge, figure: found.name, because: because(words(found.figure)), remedy }];
  });
}

type Rule = {
  readonly matches: RegExp;
  /** Whether a figure shows the fault beyond doubt. */
  readonly shows: (figure: ReportFigure) => boolean;
  readonly challenge: Remedy['challenge'];
  readonly because: (figure: string) => string;
  readonly remedy: string;
};

const above =
  (limit: number): Rule['shows'] =>
  ({ low }) =>
    low !== null && low > limit;
const below =
  (limit: number): Rule['shows'] =>
  ({ high }) =>
    high !== null && high < limit;

const rules: readonly Rule[] = [
  {
    matches: /^gaps\.outOfSample$/,
    shows: above(0.02),
    challenge: 'overfitting',
    because: (figure) => `The model is right ${figure} more often on units that trained it than on others.`,
    remedy:
      'Stop earlier on a released figure, add L2 or dropout, or limit local steps. Each changes the plan, and a new run is charged anew.',
  },
  {
    matches: /^gaps\.participation$/,
    shows: above(0.02),
    challenge: 'overfitting',
    because: (figure) => `The model is right ${figure} less often for clients that train nothing.`,
    remedy: 'Train with more clients that differ as the new ones do, or with FedProx and fewer local steps.',
  },
  {
    matches: /^performance\.temperature$/,
    shows: (figure) => above(1.05)(figure) || below(0.95)(figure),
    challenge: 'performance',
    because: (figure) => `Logits divided by ${figure} fit what came true better.`,
    remedy:
      'Divide logits by that temperature where probabilities are shown. It is fitted on released histograms: no further ε.',
  },
  {
    matches: /^performance\.calibrationError$/,
    shows: above(0.02),
    challenge: 'performance',
    because: (figure) => `Probabilities are ${figure} from what came true, more than sampling and noise show.`,
    remedy: 'Scale by the fitted temperature where there is one, else show classes and not probabilities.',
  },
  {
    matches: /^fairness\..*(equalizedOdds|equalOpportunity|demographicParity)$/i,
    shows: above(0.05),
    challenge: 'fairness',
    because: (figure) => `Groups differ by ${figure}, outside the noise floor.`,
    remedy:
      'Reweigh the training by group and label, or set a threshold for each group; both are made of released counts and cost no further ε.',
  },
  {
    matches: /^fairness\..*disparateImpact$/i,
    shows: below(0.8),
    challenge: 'fairness',
    because: (figure) => `One group is chosen ${figure} times as often as another: below four fifths.`,
    remedy:
      'Reweigh the training by group and label, or set a threshold for each group; both are made of released counts and cost no further ε.',
  },
  {
    matches: /^robustness\.(.*\.)?(worst|robustAccuracy|accuracy)/i,
    shows: below(0.5),
    challenge: 'robustness',
    because: (figure) => `Under attack the model is right ${figure} of the time.`,
    remedy:
      'Train on attacked rows (adversarial training), or predict with randomized smoothing, whose radius is proved.',
  },
  {
    matches: /^membership\.(advantage|.*advantage)$/i,
    shows: above(0.05),
    challenge: 'privacy',
    because: (figure) => `Whether a unit trained the model is guessed with an advantage of ${figure}.`,
    remedy: 'More noise, fewer rounds, or a smaller model: what is learned by heart is what is guessed by.',
  },
];

/** The temperature that a measure of performance fitted, as a figure of its own. */
function temperatureOf({ kind, slot, detail }: ReportMeasure): readonly ReportNamedFigure[] {
  const fitted = detail['temperature'];
  if (kind !== 'performance' || slot !== 'report' || !isFigure(fitted)) return [];
  return [{ name: 'performance.temperature', figure: fitted, withheld: null, floor: null }];
}

function isFigure(value: unknown): value is ReportFigure {
  return typeof value === 'object' && value !== null && 'value' in value && typeof value.value === 'number';
}

function words({ value, low, high }: ReportFigure): string {
  const from = low === null ? '−∞' : numberText(low);
  return `${numberText(value)} (${from} to ${high === null ? '∞' : numberText(high)})`;
}
