import { countText, numberText } from '../number-text.ts';
import type { Challenge, ReportDocument, ReportMeasure } from '../report-schema.ts';
import { boundsOf, boundText } from '../verdict.ts';
import { curveChart, type Curve } from './curve-chart.ts';
import { challengeWords, figureTitle, figureWords, kindTitle, verdictWords } from '../figure-words.ts';
import { intervalText } from './interval.ts';
import { markup, type Content, type Markup } from './markup.ts';
import { figureOptions, measureCharts } from './measure-charts.ts';
import { dataCardDetail } from './measure-detail.ts';
import { thresholdReading, verdictMark } from './reading.ts';
import { dataTable, facts, figureTable } from './tables.ts';

/** What the plan asked of the figures, each with where its interval lies. */
export function thresholdsSection({ thresholds }: ReportDocument): Markup {
  if (thresholds.length === 0)
    return markup`<p class="say">
      The plan sets no thresholds, so there are no verdicts: the figures below stand for themselves.
    </p>`;
  return markup`<ul class="verdicts">
    ${thresholds.map(
      (threshold) =>
        markup`<li>
          <div class="head">
            <span>${figureTitle(threshold.figure)}</span
            ><span class="verdict ${threshold.verdict}"
              >${verdictMark(threshold.verdict)}${verdictWords[threshold.verdict]}</span
            >
          </div>
          <p class="figure">
            ${threshold.shown === null ? markup`<small>no figure</small>` : markup`${numberText(threshold.shown.value)} <small>${intervalText(threshold.shown)}</small>`}
          </p>
          ${thresholdReading(threshold)}
          <p class="note">${threshold.reason}</p>
          <p class="name">
            ${threshold.figure}
            ${boundsOf(threshold).map(boundText).join(', ')}${threshold.units === null ? '' : `, n ≈ ${countText(threshold.units)}`}
          </p>
        </li>`,
    )}
  </ul>`;
}

/** One question of a report with all that was measured for it. */
export function challengeSection(challenge: Challenge, document: ReportDocument): Markup | null {
  const measures = document.measures.filter((measure) => measure.challenge === challenge && measure.newest);
  const curves = challenge === 'overfitting' ? learningCurves(document) : null;
  if (measures.length === 0 && curves === null) return null;
  return markup`<section aria-labelledby="${challenge}">
    <h2 id="${challenge}">${challengeWords[challenge]}</h2>
    ${curves === null ? null : markup`<div class="panel"><h3>Learning curves</h3><div class="charts">${curves}</div></div>`}
    ${measures.map((measure) => measurePanel(measure, document))}
  </section>`;
}

function measurePanel(measure: ReportMeasure, document: ReportDocument): Markup {
  const { kind, slot, part, round, units, budget } = measure;
  const where =
    slot === 'survey' ? 'before training' : slot === 'trainReport' ? 'on units that trained' : `round ${round}`;
  const { charts, tables } = measureCharts(measure, document);
  const drawn = charts.filter((chart) => chart !== null);
  const table = figureTable(
    measure.figures.map((named) => ({ label: figureWords(named.name), code: named.name, named })),
    {
      caption: `${kindTitle(kind)}: ${measure.figures.length} ${measure.figures.length === 1 ? 'figure' : 'figures'}, n ≈ ${countText(units)}`,
      ...figureOptions(measure),
    },
  );
  const many = measure.figures.length > 16 && (drawn.length > 0 || tables.some((one) => one !== null));
  return markup`<div class="panel">
    <div>
      <h3>${kindTitle(kind)}</h3>
      <p class="note">
        ${kind === 'gaps' ? 'differences of the curves above' : markup`${part} part, ${where}, n ≈ ${countText(units)}${document.unit === 'client' ? ' clients' : ''}${budget === null ? '' : markup`, counted in <code>${budget}</code>`}`}
      </p>
    </div>
    ${measure.modelHash === null || measure.modelHash === document.run.modelHash ? null : markup`<p class="say">About an earlier model, <code>${measure.modelHash}</code>: the run was stopped after its last report.</p>`}
    ${drawn.length === 0 ? null : markup`<div class="charts">${drawn}</div>`}${tables}
    ${
      many
        ? markup`<details class="more">
            <summary>All ${measure.figures.length} figures</summary>
            ${table}
          </details>`
        : table
    }
  </div>`;
}

const seriesOf = { train: 's1', validation: 's3', test: 's4', unseen: 's2' } as const;
const seriesWords = {
  train: 'units that trained',
  validation: 'validation',
  test: 'test',
  unseen: 'clients that train nothing',
} as const;

function learningCurves({ curves }: ReportDocument): Markup | null {
  const names = (['train', 'validation', 'test', 'unseen'] as const).filter((series) =>
    curves.some((point) => point.series === series),
  );
  const rounds = new Set(curves.map(({ round }) => round));
  if (names.length < 2 && rounds.size < 2) return null;
  const of = (pick: 'accuracy' | 'loss'): readonly Curve[] =>
    names.map((series) => ({
      name: seriesWords[series],
      series: seriesOf[series],
      points: curves
        .filter((point) => point.series === series)
        .map((point) => ({ x: point.round, figure: point[pick], withheld: point.withheld })),
    }));
  const gaps = [
    { between: [seriesWords.train, seriesWords.validation] as const, tone: 'tint' as const },
    { between: [seriesWords.validation, seriesWords.unseen] as const, tone: 'hatch' as const },
  ];
  const charts = [
    curveChart({
      title: 'Accuracy by round',
      note: 'share right; each of the model that the round began with',
      xName: 'round',
      curves: of('accuracy'),
      gaps,
    }),
    curveChart({ title: 'Loss by round', note: 'mean of the clipped loss', xName: 'round', curves: of('loss') }),
  ].filter((chart) => chart !== null);
  return charts.length === 0 ? null : markup`${charts}`;
}

/** What was built, for whom and of what. */
export function modelSection({ plan, run, model, unit }: ReportDocument): Markup {
  const schema = plan.terms['schema'] as
    { name?: string; columns?: { name: string }[]; target?: { kind?: string; column?: string } } | undefined;
  const columns = schema?.columns?.map(({ name }) => name) ?? [];
  return markup`<div class="panel">
    ${facts([
      ['What it is for, as the author says', plan.purpose],
      [
        'What it predicts',
        `${schema?.target?.column ?? '–'} (${schema?.target?.kind ?? '–'}), of ${schema?.name ?? '–'}`,
      ],
      [
        'What it is given',
        `${columns.length} columns, ${model.inputs} inputs: ${columns.slice(0, 20).join(', ')}${columns.length > 20 ? ` and ${columns.length - 20} more` : ''}`,
      ],
      ['Layers', model.layers.join(' → ')],
      ['Parameters', countText(model.parameters)],
      ['One unit is', unit === 'client' ? 'a client with all that it has' : 'a record'],
      ['Model, SHA-256 of its weights', markup`<code>${run.modelHash}</code>`],
      ['Plan, SHA-256', markup`<code>${plan.hash}</code>`],
      ['Signed by authority', markup`<code>${plan.authority}</code>`],
      ['Run', markup`<code>${run.runId}</code> ${run.state}`],
    ])}
  </div>`;
}

/** How it was trained. */
export function trainingSection({ plan, run }: ReportDocument): Markup {
  const { training, split, cohort } = plan.terms as {
    training?: { query?: Record<string, unknown>; strategy?: Record<string, unknown> };
    split?: Record<string, number>;
    cohort?: Record<string, unknown>;
  };
  const told = (settings: Record<string, unknown> | undefined): string =>
    Object.entries(settings ?? {})
      .map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
      .join(', ');
  const held = split ?? {};
  return markup`<div class="panel">
    ${facts([
      ['Rounds', `${run.roundsRun} of ${run.roundsPlanned}`],
      [
        'Clients',
        `${plan.clients} on the roster${run.fewestSurvivors === null ? '' : `; at least ${run.fewestSurvivors} in every sum`}`,
      ],
      ['What a client is asked for', told(training?.query)],
      ['What the server does with it', told(training?.strategy)],
      [
        'Parts',
        `validation ${held['validation'] ?? 0}, test ${held['test'] ?? 0}, the rest trains; by keyed hash of the unit`,
      ],
      ['Cohort', told(cohort)],
    ])}${
      plan.clientNames.length === 0
        ? null
        : markup`<details class="more">
            <summary>Clients by name</summary>
            <p>${plan.clientNames.join(', ')}</p>
          </details>`
    }
  </div>`;
}

/** What was withheld, and why. Nothing is wrong with it. */
export function withheldSection({ withheld }: ReportDocument): Markup {
  if (withheld.length === 0) return markup`<p class="say">Nothing was withheld.</p>`;
  return markup`<div class="panel">
    <p class="say">
      A figure that noise would drown, or that too few stand behind, is not shown. Whether it is was decided on noisy
      numbers. The units are in every other figure.
    </p>
    ${dataTable(
      `${withheld.length} withheld`,
      ['figure', 'release', 'n ≈', 'why'],
      withheld.map(({ name, slot, round, units, reason }) => [
        markup`<code>${name}</code>`,
        `${slot}, round ${round}`,
        countText(units),
        reason,
      ]),
    )}
  </div>`;
}

/** What the figures suggest, and what nobody asked. */
export function remediesSection(
  { remedies, notMeasured }: ReportDocument,
  asks: readonly { challenge: Challenge; ask: string }[],
): Markup {
  const missing = asks.filter(({ challenge }) => notMeasured.includes(challenge));
  return markup`<div class="panel">
    ${
      remedies.length === 0
        ? markup`<p class="say">No figure shows a fault beyond what sampling and noise may show.</p>`
        : markup`<ul>
            ${remedies.map(({ because, remedy, figure }) => markup`<li>${because} ${remedy} <code>${figure}</code></li>`)}
          </ul>`
    }
    ${
      missing.length === 0
        ? null
        : markup`<div>
            <h3>Not measured</h3>
            <ul>
              ${missing.map(({ challenge, ask }) => markup`<li>${challengeWords[challenge]}: the plan asks for nothing of it. A next one may: ${ask}.</li>`)}
            </ul>
          </div>`
    }
  </div>`;
}

/** What changed since an earlier report. */
export function changesSection({ changes }: ReportDocument): Markup {
  if (changes === null)
    return markup`<p class="say">No earlier report was given to compare with (<code>--compare report.json</code>).</p>`;
  const { against, plan, figures, verdicts } = changes;
  const moved = figures.filter(({ before, after }) => before !== null || after !== null);
  const text = (figure: (typeof moved)[number]['before']): Content =>
    figure === null ? '–' : numberText(figure.value);
  return markup`<div class="panel">
    <p>Compared with run <code>${against.runId}</code>, model <code>${against.modelHash}</code>.</p>
    ${
      verdicts.length === 0
        ? markup`<p class="say">No verdict changed.</p>`
        : dataTable(
            'Verdicts that changed',
            ['figure', 'before', 'now'],
            verdicts.map(({ figure, before, after }) => [
              markup`<code>${figure}</code>`,
              before === null ? 'none' : verdictWords[before],
              after === null ? 'none' : verdictWords[after],
            ]),
          )
    }
    ${
      plan.length === 0
        ? markup`<p class="say">The plan is the same.</p>`
        : dataTable(
            `${plan.length} lines of the plan`,
            ['line', 'before', 'now'],
            plan
              .slice(0, 100)
              .map(({ path, before, after }) => [markup`<code>${path}</code>`, before ?? 'absent', after ?? 'absent']),
          )
    }
    ${
      moved.length === 0
        ? null
        : dataTable(
            'Figures',
            ['figure', 'before', 'now', 'difference', '95 % interval'],
            moved.map(({ name, before, after, difference }) => [
              markup`<code>${name}</code>`,
              text(before),
              text(after),
              text(difference),
              difference === null ? '–' : intervalText(difference),
            ]),
          )
    }
  </div>`;
}

/** The data card: what columns may hold and what a missing value becomes, and whether there is enough to learn and to judge from. */
export function dataCardSection({ dataCard }: ReportDocument): Markup | null {
  const found = dataCardDetail.safeParse(dataCard);
  if (!found.success) return null;
  const { columns, adequacy } = found.data;
  const warned = columns.filter(({ warning }) => warning !== null);
  return markup`<div class="panel"><h3>Data card</h3>
    ${warned.length === 0 ? null : markup`<ul>${warned.map(({ name, warning }) => markup`<li><strong>${name}</strong>: ${warning}.</li>`)}</ul>`}
    ${
      adequacy.length === 0
        ? null
        : dataTable(
            'Is it enough?',
            ['what', 'there is', '95 % interval', 'asked', 'answer'],
            adequacy.map(({ words, figure, asked, bound, verdict }) => [
              words,
              figure === null ? 'not told' : numberText(figure.value),
              figure === null ? '–' : intervalText(figure),
              `${bound === 'atLeast' ? '≥' : '≤'} ${asked}`,
              verdict,
            ]),
          )
    }
    <details class="more"><summary>All ${columns.length} columns</summary>${dataTable(
      'What a column may hold',
      ['column', 'allowed', 'when missing'],
      columns.map(({ name, allowed, missing }) => [name, allowed, missing]),
    )}</details></div>`;
}
