import { countText, numberText } from '../number-text.ts';
import type { ReportDocument, ReportMeasure, ReportNamedFigure } from '../report-schema.ts';
import { histogramChart, reliabilityChart } from './bar-charts.ts';
import { curveChart, type Curve, type CurvePoint } from './curve-chart.ts';
import { capital, figureWords } from '../figure-words.ts';
import { endText } from './interval.ts';
import { markup, type Markup } from './markup.ts';
import {
  certifiedDetail,
  clientsDetail,
  columnsDetail,
  corruptionDetail,
  dependenceDetail,
  fairnessDetail,
  groupLabelsDetail,
  importanceDetail,
  labelsDetail,
  membershipDetail,
  performanceDetail,
  robustnessDetail,
} from './measure-detail.ts';
import { dataTable, figureTable, type FigureTableOptions } from './tables.ts';

/** What a kind is drawn by beside its figures: charts abreast, then tables across. */
export type MeasureDrawn = { readonly charts: readonly (Markup | null)[]; readonly tables: readonly (Markup | null)[] };

type Draw = (measure: ReportMeasure, document: ReportDocument) => MeasureDrawn;

const nothing: MeasureDrawn = { charts: [], tables: [] };

/** Charts of a measure; none of a kind that has none, or whose JSON is not of a known form. */
export function measureCharts(measure: ReportMeasure, document: ReportDocument): MeasureDrawn {
  return byKind[measure.kind]?.(measure, document) ?? nothing;
}

/** How a kind's list of figures is drawn. */
export function figureOptions({ kind, figures }: ReportMeasure): Pick<FigureTableOptions, 'range' | 'stem'> {
  if (kind === 'attributions' || kind === 'permutation') {
    const reach = figures.flatMap(({ figure }) =>
      figure === null ? [] : [figure.low ?? 0, figure.high ?? 0, figure.value],
    );
    const [least, most] = [Math.min(0, ...reach), Math.max(0, ...reach)];
    return { stem: true, range: { low: least, high: most > least ? most : least + 1 } };
  }
  return {};
}

/** Scores' histograms weigh half beside the counts whose noise is stated (`queries/measures/performance.ts`). */
export const histogramWeight = 0.5;

const performanceCharts: Draw = ({ detail, noiseStd }, { plan }) => {
  const found = performanceDetail.safeParse(detail);
  if (!found.success) return nothing;
  const { confusion, histogram } = found.data;
  const binary = confusion?.length === 4;
  const said = binary ? 'score' : 'probability of the predicted class';
  const charts =
    histogram === null
      ? []
      : [
          reliabilityChart({ ...histogram, noiseStd: noiseStd / histogramWeight, xName: said }),
          histogramChart({
            title: 'Scores',
            note: 'noisy counts; lines: what noise alone does, 95 %',
            xName: said,
            bars: [
              { name: binary ? 'positive' : 'right', series: 'positives', counts: histogram.positives },
              { name: binary ? 'negative' : 'wrong', series: 'negatives', counts: histogram.negatives },
            ],
            noiseStd: noiseStd / histogramWeight,
          }),
        ];
  return { charts, tables: [confusion === null ? null : confusionTable(confusion, classNames(plan.terms, binary))] };
};

/** Texts of the target; a binary one's negative first. */
function classNames(terms: Readonly<Record<string, unknown>>, binary: boolean): readonly string[] {
  const target = (
    terms['schema'] as { target?: { values?: string[]; positive?: string; negative?: string } } | undefined
  )?.target;
  if (!binary) return target?.values ?? [];
  return [target?.negative ?? 'negative', target?.positive ?? 'positive'];
}

const confusionMax = 12;

function confusionTable(cells: readonly number[], names: readonly string[]): Markup | null {
  const classes = Math.round(Math.sqrt(cells.length));
  if (classes > confusionMax) return null;
  const name = (index: number): string => names[index] ?? String(index);
  const rows = Array.from({ length: classes }, (_, index) => cells.slice(index * classes, (index + 1) * classes));
  return markup`<div class="scroll" tabindex="0" role="group" aria-label="Confusion">
    <table class="confusion">
      <caption>
        Confusion: noisy counts, rows by what is true
      </caption>
      <thead>
        <tr>
          <th scope="col">true \\ predicted</th>
          ${rows.map((_, index) => markup`<th scope="col">${name(index)}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map((row, index) => {
          const total = row.reduce((sum, count) => sum + Math.max(0, count), 0);
          return markup`<tr>
            <th scope="row">${name(index)}</th>
            ${row.map((count) => {
              const heat = total > 0 ? Math.min(4, Math.round((4 * Math.max(0, count)) / total)) : 0;
              return markup`<td class="heat${heat}">${countText(count)}</td>`;
            })}
          </tr>`;
        })}
      </tbody>
    </table>
  </div>`;
}

const rateNames = [
  'selectionRate',
  'truePositiveRate',
  'falsePositiveRate',
  'positivePredictiveValue',
  'accuracy',
  'calibrationError',
];

const fairnessCharts: Draw = ({ detail }) => {
  const found = fairnessDetail.safeParse(detail);
  if (!found.success) return nothing;
  const tables = found.data.attributes.flatMap(({ name, groups, extremes }) => {
    const rates = [...new Set(groups.flatMap((group) => group.rates.map((rate) => rate.name)))];
    const shown = [
      ...rateNames.filter((rate) => rates.includes(rate)),
      ...rates.filter((rate) => rate.startsWith('predicted ')),
    ];
    const one = (rate: string): Markup =>
      figureTable(
        groups.map(({ group, units, rates: own, withheld }) => {
          const value = own.find((candidate) => candidate.name === rate);
          const named: ReportNamedFigure = {
            name: `${group}.${rate}`,
            figure: withheld === null ? (value?.figure ?? null) : null,
            withheld: withheld ?? value?.withheld ?? 'not told',
            floor: value?.floor ?? null,
          };
          return { label: group, note: `n ≈ ${countText(Math.max(0, units))}`, named };
        }),
        {
          caption: `${capital(name)}: ${figureWords(`fairness.${rate}`).toLowerCase()}`,
          range: { low: 0, high: 1 },
          head: 'Group',
        },
      );
    const [first, ...others] = shown.map(one);
    const lines = extremes.map(({ figure, highest, lowest }) => [figureWords(`fairness.${figure}`), highest, lowest]);
    return [
      first ?? null,
      others.length === 0
        ? null
        : markup`<details class="more">
            <summary>${capital(name)}: the other rates of each group</summary>
            ${others}
          </details>`,
      lines.length === 0
        ? null
        : markup`<details class="more">
            <summary>${capital(name)}: between whom each gap lies</summary>
            ${dataTable(`${capital(name)}: gaps`, ['gap', 'highest', 'lowest'], lines)}
          </details>`,
    ];
  });
  return { charts: [], tables };
};

const clientsCharts: Draw = ({ detail, noiseStd }, { plan }) => {
  const found = clientsDetail.safeParse(detail);
  if (!found.success) return nothing;
  const { clients, histogram } = found.data;
  const table =
    clients.length === 0
      ? null
      : figureTable(
          clients.map(({ client, units, accuracy }) => ({
            label: clientName(plan, client),
            note: `n ≈ ${countText(Math.max(0, units))}`,
            named: { name: `clients.${client}`, ...accuracy, floor: null },
          })),
          { caption: 'Accuracy on each client’s units', range: { low: 0, high: 1 }, head: 'Client' },
        );
  const chart =
    histogram === null
      ? null
      : histogramChart({
          title: 'Clients by accuracy',
          note: 'noisy numbers of clients',
          xName: 'accuracy',
          bars: [{ name: 'clients', series: 'plain', counts: histogram }],
          noiseStd,
        });
  return { charts: [chart], tables: [table] };
};

function clientName({ clientNames }: ReportDocument['plan'], client: number): string {
  return clientNames[client] ?? `client ${client}`;
}

const groupLabelsCharts: Draw = ({ detail }) => {
  const found = groupLabelsDetail.safeParse(detail);
  if (!found.success) return nothing;
  const tables = found.data.attributes.map(({ name, groups }) => {
    const labels = groups[0]?.labels.map(({ label }) => label) ?? [];
    const label = labels.at(-1) ?? '';
    return figureTable(
      groups.map((group) => {
        const own = group.labels.find((candidate) => candidate.label === label);
        const weights = group.labels
          .map(({ label: of, weight }) => `${of} × ${weight === null ? '1' : weight.toFixed(2)}`)
          .join(', ');
        return {
          label: group.group,
          note: `n ≈ ${countText(Math.max(0, group.units))}; weights ${weights}`,
          named: {
            name: `${name}.${group.group}`,
            figure: own?.share.figure ?? null,
            withheld: group.withheld ?? own?.share.withheld ?? 'not told',
            floor: null,
          },
        };
      }),
      { caption: `${capital(name)}: share of ${label}`, range: { low: 0, high: 1 }, head: 'Group' },
    );
  });
  return { charts: [], tables };
};

const series = ['s1', 's2', 's3', 's4'] as const;

const robustnessCharts: Draw = ({ detail }) => {
  const found = robustnessDetail.safeParse(detail);
  if (!found.success) return nothing;
  const { norm, epsilons, clean, curves } = found.data;
  // The worst of them last, so that it lies on top.
  const several = curves.length > 2 ? curves : curves.filter(({ attack }) => attack === 'worst');
  const chart = curveChart({
    title: 'Accuracy under attack',
    note: `share of units right; size of the attack by ${norm === 'l2' ? 'L2' : 'L∞'}, in encoded inputs`,
    xName: 'attack size',
    y: { low: 0, high: 1 },
    curves: several.slice(0, 4).map(({ attack, points }, index): Curve => ({
      name: attack === 'worst' ? 'worst of them' : attack.toUpperCase(),
      series: attack === 'worst' ? 's1' : (series[index + 1] ?? 's4'),
      points: [{ x: 0, ...clean }, ...points.map((point, at): CurvePoint => ({ x: epsilons[at] ?? 0, ...point }))],
    })),
  });
  return { charts: [chart], tables: [] };
};

const certifiedCharts: Draw = ({ detail }) => {
  const found = certifiedDetail.safeParse(detail);
  if (!found.success) return nothing;
  const { sigma, points } = found.data;
  const chart = curveChart({
    title: 'Certified accuracy',
    note: `right, and proved to stay so within the radius; smoothing of σ = ${endText(sigma)}`,
    xName: 'L2 radius',
    y: { low: 0, high: 1 },
    curves: [
      { name: 'certified', series: 's1', points: points.map(({ radius, accuracy }) => ({ x: radius, ...accuracy })) },
    ],
  });
  return { charts: [chart], tables: [] };
};

const importanceCharts: Draw = ({ detail }) => {
  const found = importanceDetail.safeParse(detail);
  if (!found.success || found.data.drowned === null) return nothing;
  return { charts: [], tables: [markup`<p class="say">${found.data.drowned}</p>`] };
};

const dependenceCharts: Draw = ({ detail }) => {
  const found = dependenceDetail.safeParse(detail);
  if (!found.success) return nothing;
  const { of, curves } = found.data;
  const what = of === null ? 'what the model says (scaled)' : `mean probability of ${of}`;
  const charts = curves
    .filter(({ kind }) => kind === 'number')
    .map(({ name, points }) =>
      curveChart({
        title: capital(name),
        note: what,
        xName: name,
        curves: [
          { name: what, series: 's1', points: points.map(({ value, mean }) => ({ x: Number(value), ...mean })) },
        ],
      }),
    );
  const tables = curves
    .filter(({ kind }) => kind === 'category')
    .map(({ name, points }) =>
      figureTable(
        points.map(({ value, mean }) => ({
          label: String(value),
          named: { name: `${name}.${value}`, ...mean, floor: null },
        })),
        { caption: `${capital(name)}: ${what}`, ...(of === null ? {} : { range: { low: 0, high: 1 } }), head: 'Value' },
      ),
    );
  return { charts, tables };
};

/** One curve for each kind of corruption; the model as it is at 0. */
const corruptionCharts: Draw = ({ detail }) => {
  const found = corruptionDetail.safeParse(detail);
  if (!found.success) return nothing;
  const { clean, cases } = found.data;
  const kinds = [...new Set(cases.map(({ corruption }) => corruption))].filter(
    (kind) => kind !== 'scale' && cases.filter(({ corruption }) => corruption === kind).length > 1,
  );
  const charts = kinds.map((kind) =>
    curveChart({
      title: capital(kind),
      note: 'share of units right',
      xName: 'severity',
      y: { low: 0, high: 1 },
      curves: [
        {
          name: kind,
          series: 's1',
          points: [
            { x: 0, ...clean },
            ...cases
              .filter(({ corruption }) => corruption === kind)
              .map(({ severity, accuracy }) => ({ x: severity, ...accuracy }))
              .toSorted((a, b) => a.x - b.x),
          ],
        },
      ],
    }),
  );
  return { charts, tables: [] };
};

const membershipWords: Draw = ({ detail }) => {
  const found = membershipDetail.safeParse(detail);
  if (!found.success || found.data.bound === null) return nothing;
  const { epsilon, delta, advantage } = found.data.bound;
  return {
    charts: [],
    tables: [
      markup`<p class="say">
        The promise (ε = ${String(epsilon)}, δ = ${String(delta)}) leaves no attack an advantage above
        ${numberText(advantage)}, whatever it knows. An attack that fails shows no safety: better ones exist.
      </p>`,
    ],
  };
};

const labelsCharts: Draw = ({ detail }, { plan }) => {
  const found = labelsDetail.safeParse(detail);
  if (!found.success) return nothing;
  const { classes, edges, counts, noiseStd, clients } = found.data;
  const names = classes.length > 0 ? classes : binNames(edges);
  const chart =
    counts.length === 0
      ? null
      : histogramChart({
          title: 'Labels',
          note: 'noisy counts; lines: what noise alone does, 95 %',
          xName: 'label',
          names,
          bars: [{ name: 'units', series: 'plain', counts: counts.map((count) => count ?? 0) }],
          noiseStd,
        });
  const table =
    clients.length === 0
      ? null
      : figureTable(
          clients.map(({ client, units, jensenShannon, floor }) => ({
            label: clientName(plan, client),
            note: units.figure === null ? (units.withheld ?? '') : `n ≈ ${countText(units.figure.value)}`,
            named: { name: `labels.${client}`, ...jensenShannon, floor },
          })),
          {
            caption: 'How each client’s labels differ from the others’ (Jensen–Shannon, nats; 0.693 at most)',
            range: { low: 0, high: 0.7 },
            head: 'Client',
          },
        );
  return { charts: [chart], tables: [table] };
};

/** Columns that are drawn: of more a page says nothing that its table does not. */
const columnsDrawn = 12;

const columnsCharts: Draw = ({ detail }) => {
  const found = columnsDetail.safeParse(detail);
  if (!found.success) return nothing;
  const { columns, noiseStd } = found.data;
  const charts = columns.slice(0, columnsDrawn).map(({ name, edges, values, counts }) =>
    histogramChart({
      title: capital(name),
      note: 'noisy counts',
      xName: name,
      names: values.length > 0 ? values : binNames(edges),
      bars: [{ name: 'units', series: 'plain', counts: counts.map((count) => count ?? 0) }],
      noiseStd,
    }),
  );
  return { charts, tables: [] };
};

function binNames(edges: readonly number[]): readonly string[] {
  return edges.slice(1).map((to, index) => `${endText(edges[index] ?? 0)} to ${endText(to)}`);
}

const byKind: Readonly<Record<string, Draw>> = {
  performance: performanceCharts,
  fairness: fairnessCharts,
  clients: clientsCharts,
  groupLabels: groupLabelsCharts,
  robustness: robustnessCharts,
  certified: certifiedCharts,
  attributions: importanceCharts,
  permutation: importanceCharts,
  dependence: dependenceCharts,
  corruption: corruptionCharts,
  membership: membershipWords,
  labels: labelsCharts,
  columns: columnsCharts,
};
