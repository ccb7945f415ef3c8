import { planCard, runCard } from '../../card/index.ts';
import type { Figure } from '../../metrics/index.ts';
import { planHashOf, queryContext, type Plan } from '../../plan/index.ts';
import { examplePlan } from '../../plan/testing/index.ts';
import { conclusionOf, measureOf, measureSums, type MeasureFigures } from '../../queries/index.ts';
import type { ReportInput } from '../report-document.ts';

/** What may differ between example reports. */
export type ExampleReportOptions = {
  readonly thresholds?: NonNullable<Plan['report']>['thresholds'];
  /** Deviation of the noise in each sum of the performance. */
  readonly noiseStd?: number;
  /** Right of 400 rows. */
  readonly right?: number;
  /** What to put in the place of the plan's purpose and the name of a group. */
  readonly text?: string;
};

/**
 * What a report of a finished run is made of, with a measure of every kind whose JSON pages draw: performance concluded by its own measure, the
 * others as they would be concluded.
 */
export function exampleReportInput(options: ExampleReportOptions = {}): ReportInput {
  const { noiseStd = 2, right = 320, text = 'A plan for tests.' } = options;
  const plan = examplePlan({
    clients: 4,
    rounds: 4,
    overrides: {
      purpose: text,
      split: { validation: 0.2, test: 0.2 },
      report: {
        noiseMultiplier: 4,
        measures: [{ kind: 'performance', bins: 10 }],
        thresholds: options.thresholds ?? [
          { figure: 'performance.accuracy', atLeast: 0.7 },
          { figure: 'performance.auroc', atLeast: 0.95 },
          { figure: 'fairness.sex.equalizedOdds', atMost: 0.1 },
          { figure: 'robustness.linf.0.1.worst', atLeast: 0.75 },
          { figure: 'membership.advantage', atMost: 0.1 },
        ],
      },
    },
  });
  const card = runCard(planCard(plan, planHashOf(plan)), {
    runId: 'ab'.repeat(16),
    state: 'finished',
    roundsRun: 4,
    roundsPlanned: 4,
    modelHash: 'cd'.repeat(32),
    charged: { training: 4, evaluation: 2, report: 1 },
    releases: [{ slots: ['training'], survivors: 4, noiseShare: 1 }],
    poolClients: 0,
  });
  return {
    plan,
    card,
    releases: [
      {
        round: 5,
        slot: 'report',
        modelHash: 'cd'.repeat(32),
        measures: [performanceOf(plan, right, noiseStd), ...otherMeasures(text)],
      },
    ],
    evaluations: [3, 5].flatMap((round) =>
      (['evaluation', 'fit'] as const).map((slot) => ({
        round,
        slot,
        release: {
          units: 300,
          accuracy: figure(slot === 'fit' ? 0.86 : 0.78, 0.05, 0.02),
          loss: figure(0.5, 0.1, 0.02),
          confusion: null,
          withheld: null,
          unseen: null,
        },
      })),
    ),
  };
}

/** 400 rows, half of them positive: `right` of them on the right side of a score of one half. */
function performanceOf(plan: Plan, right: number, noiseStd: number): MeasureFigures {
  const [settings] = plan.report?.measures ?? [];
  if (settings === undefined) throw new Error('the example has no measure');
  const context = queryContext(plan);
  const layout = measureOf(settings).layout(context, settings);
  const wrong = 400 - right;
  const confusion = [right / 2, wrong / 2, wrong / 2, right / 2];
  const rising = [0.02, 0.03, 0.05, 0.1, 0.8].map((share) => share / 5);
  const positives = [0.1, 0.2, 0.3, 0.2, 0.2].map((share) => (share * wrong) / 2);
  const scores = [...positives, ...rising.map((share) => (share * 5 * right) / 2)];
  const histogram = [...scores, ...scores.toReversed()];
  const sums = Float64Array.from([...confusion, ...histogram, 30, 30]);
  return { settings, noiseStd, report: conclusionOf(settings)(context, settings, measureSums(layout, sums, noiseStd)) };
}

function figure(value: number, half: number, noiseHalfWidth: number): Figure {
  return { value, low: value - half, high: value + half, noiseHalfWidth };
}

function shown(value: number, half: number, noise = half / 3) {
  return { figure: figure(value, half, noise), withheld: null };
}

const silent = { figure: null, withheld: 'noise alone is ±31 % of the figure’s range' };

function otherMeasures(text: string): readonly MeasureFigures[] {
  const rates = (value: number) =>
    ['accuracy', 'selectionRate', 'truePositiveRate'].map((name) => ({ name, ...shown(value, 0.06) }));
  const made = (kind: string, report: MeasureFigures['report'] & Record<string, unknown>): MeasureFigures => ({
    settings: { kind, share: 1 },
    noiseStd: 2,
    report,
  });
  const features = ['chol', 'age', text].map((name, index) => ({
    name,
    drop: index === 2 ? silent : shown(0.1 - 0.05 * index, 0.03),
  }));
  return [
    made('fairness', {
      units: 400,
      figures: [
        { name: 'sex.equalizedOdds', floor: 0.05, ...shown(0.2, 0.06) },
        { name: 'sex.disparateImpact', floor: 0.9, ...shown(0.6, 0.1) },
      ],
      attributes: [
        {
          name: 'sex',
          columns: ['sex'],
          groups: [
            { group: 'women', units: 180, counts: null, rates: rates(0.4), histogram: null, withheld: null },
            { group: text, units: 200, counts: null, rates: rates(0.6), histogram: null, withheld: null },
            { group: 'none', units: 3, counts: null, rates: [], histogram: null, withheld: 'fewer than 10 units' },
          ],
          extremes: [{ figure: 'sex.equalizedOdds', highest: 'women', lowest: 'men' }],
          thresholds: null,
        },
      ],
    }),
    made('clients', {
      units: 400,
      figures: [{ name: 'mean', ...shown(0.8, 0.05) }],
      clients: [0, 1, 2, 3].map((client) => ({
        client,
        units: 100,
        accuracy: client === 2 ? silent : shown(0.8, 0.1),
      })),
      histogram: null,
    }),
    made('robustness', {
      units: 400,
      figures: [{ name: 'linf.0.1.worst', ...shown(0.4, 0.06) }],
      norm: 'linf',
      epsilons: [0.05, 0.1],
      clean: shown(0.8, 0.05),
      curves: ['fgsm', 'pgd', 'worst'].map((attack) => ({ attack, points: [shown(0.6, 0.05), shown(0.4, 0.06)] })),
    }),
    made('certified', {
      units: 400,
      figures: [{ name: 'radius.0', ...shown(0.7, 0.05) }],
      sigma: 0.25,
      points: [0, 0.25, 0.5].map((radius) => ({ radius, accuracy: shown(0.7 - radius, 0.05) })),
    }),
    made('permutation', {
      units: 400,
      figures: features.map(({ name, drop }) => ({ name: `${name}.drop`, ...drop })),
      features,
      drowned: '1 of 3 columns cannot be told.',
    }),
    made('dependence', {
      units: 400,
      figures: [{ name: 'age[30]', ...shown(0.3, 0.05) }],
      of: '1',
      curves: [
        {
          name: 'age',
          kind: 'number',
          points: [30, 50, 70].map((value) => ({ value, mean: shown(value / 100, 0.05) })),
        },
        { name: 'sex', kind: 'category', points: ['f', 'm'].map((value) => ({ value, mean: shown(0.4, 0.05) })) },
      ],
    }),
    made('labels', {
      units: 400,
      figures: [{ name: 'units', figure: figure(400, 8, 8), withheld: null }],
      classes: ['0', '1'],
      edges: [],
      counts: [210, 190],
      noiseStd: 2,
      clients: [0, 1, 2, 3].map((client) => ({
        client,
        units: { figure: figure(100, 4, 4), withheld: null },
        counts: [50, 50],
        jensenShannon: shown(0.05 * client, 0.03),
        floor: 0.02,
      })),
    }),
    made('anotherDay', { units: 400, figures: [{ name: 'newFigure', ...shown(3.2, 0.4) }] }),
  ];
}
