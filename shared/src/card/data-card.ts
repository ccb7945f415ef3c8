import type { ColumnFigures, ColumnsFigures, LabelFigures, MeasureFigures, NamedFigure } from '../queries/index.ts';
import { accountedEpsilon, epsilonFieldOf, planSlots, type Column, type Plan } from '../plan/index.ts';
import { adequacyChecks, adequacyRules, type AdequacyCheck, type AdequacyRules } from './adequacy-checks.ts';

/** A column as the plan fixes it, and what the survey says of it. */
export type DataCardColumn = {
  readonly name: string;
  readonly kind: Column['kind'];
  /** What the schema allows, in words. */
  readonly allowed: string;
  /** What a missing value is. */
  readonly missing: string;
  /** What is to be thought of; null: nothing. */
  readonly warning: string | null;
  /** Of the survey; null where the column was not counted. */
  readonly figures: ColumnFigures | null;
  /** Mean, deviation and missing share of the survey, by name. */
  readonly told: readonly NamedFigure[];
};

/** A client's labels, by the name that the roster gives it. */
export type DataCardClient = LabelFigures['clients'][number] & { readonly name: string };

/**
 * What a model was, or is to be, trained on: source, unit, columns, counts, what is missing, how clients differ, whether it is enough, what was
 * withheld, and what knowing it has cost. Made of the plan and of released sums alone. JSON.
 */
export type DataCard = {
  readonly kind: 'sotto-data-card';
  readonly version: 1;
  readonly plan: { readonly name: string; readonly purpose: string; readonly hash: string };
  readonly source: {
    readonly schema: string;
    readonly unit: Plan['unit'];
    readonly unitId: string | null;
    readonly clients: number;
    /** Which part was counted: the units that train. */
    readonly part: 'train';
    readonly split: Plan['split'];
  };
  /** Whether a survey has been released. */
  readonly surveyed: boolean;
  /** What the survey's one release costs a unit by itself, and the stated ε that it counts in; null without privacy, or a survey. */
  readonly spent: {
    readonly epsilon: number;
    readonly delta: number;
    readonly within: { readonly field: string; readonly epsilon: number | null };
  } | null;
  /** Noisy number of units; null without a survey. */
  readonly units: NamedFigure | null;
  readonly target: {
    readonly column: string;
    readonly kind: Plan['schema']['target']['kind'];
    readonly classes: readonly string[];
    readonly edges: readonly number[];
    /** Noisy counts by class or bin, null where withheld; empty without a survey of labels. */
    readonly counts: readonly (number | null)[];
    readonly figures: readonly NamedFigure[];
  };
  readonly clients: readonly DataCardClient[];
  readonly columns: readonly DataCardColumn[];
  readonly adequacy: readonly AdequacyCheck[];
  /** Everything that was asked and is not told. */
  readonly withheld: readonly { readonly figure: string; readonly reason: string }[];
};

/**
 * The data card of a plan, with what its survey found.
 * @param survey - the measures of the survey's release; empty before there is one.
 */
export function dataCard(
  plan: Plan,
  planHash: string,
  survey: readonly MeasureFigures[],
  rules: AdequacyRules = adequacyRules,
): DataCard {
  const labels = reportOf<LabelFigures>(survey, 'labels');
  const columns = reportOf<ColumnsFigures>(survey, 'columns');
  const { schema, split, unit, roster } = plan;
  return {
    kind: 'sotto-data-card',
    version: 1,
    plan: { name: plan.name, purpose: plan.purpose, hash: planHash },
    source: {
      schema: schema.name,
      unit,
      unitId: schema.unitId,
      clients: roster.clients.length,
      part: 'train',
      split,
    },
    surveyed: survey.length > 0,
    spent: survey.length === 0 ? null : spentOf(plan),
    units: figureOf(labels ?? columns, 'units'),
    target: {
      column: schema.target.column,
      kind: schema.target.kind,
      classes: labels?.classes ?? [],
      edges: labels?.edges ?? [],
      counts: labels?.counts ?? [],
      figures: labels?.figures.filter(({ name }) => name !== 'units') ?? [],
    },
    clients: (labels?.clients ?? []).map((one) => ({ ...one, name: roster.clients[one.client]?.name ?? '' })),
    columns: schema.columns.map((column) => columnOf(column, columns)),
    adequacy: labels === null ? [] : adequacyChecks(plan, labels, rules),
    withheld: [
      ...survey.flatMap(({ settings, report }) =>
        report.figures.flatMap(({ name, withheld }) =>
          withheld === null ? [] : [{ figure: `${settings.kind}.${name}`, reason: withheld }],
        ),
      ),
      ...(labels?.clients ?? []).flatMap(({ client, units }) =>
        units.withheld === null
          ? []
          : [{ figure: `labels of ${roster.clients[client]?.name ?? client}`, reason: units.withheld }],
      ),
    ],
  };
}

function reportOf<Figures>(survey: readonly MeasureFigures[], kind: string): Figures | null {
  return (survey.find(({ settings }) => settings.kind === kind)?.report as Figures | undefined) ?? null;
}

function figureOf(report: LabelFigures | ColumnsFigures | null, name: string): NamedFigure | null {
  return report?.figures.find((figure) => figure.name === name) ?? null;
}

function spentOf(plan: Plan): DataCard['spent'] {
  if (plan.privacy.kind === 'none') return null;
  const slots = planSlots(plan).filter(({ slot }) => slot === 'survey');
  if (slots.length === 0) return null;
  const field = epsilonFieldOf(plan, 'survey');
  return {
    epsilon: accountedEpsilon(slots, plan.privacy.delta).epsilon,
    delta: plan.privacy.delta,
    within: { field, epsilon: plan.privacy[field] ?? null },
  };
}

function columnOf(column: Column, report: ColumnsFigures | null): DataCardColumn {
  const figures = report?.columns.find(({ name }) => name === column.name) ?? null;
  return {
    name: column.name,
    kind: column.kind,
    allowed: allowedWords(column),
    missing: missingWords(column),
    warning: warningOf(column),
    figures,
    told: (report?.figures ?? []).filter(({ name }) => toldNames.some((own) => name === `${column.name}.${own}`)),
  };
}

const toldNames = ['missing', 'mean', 'deviation'];

function allowedWords(column: Column): string {
  switch (column.kind) {
    case 'number':
      return `${column.min} to ${column.max}`;
    case 'category':
      return `one of ${column.values.length} values`;
    case 'pixels':
      return `${column.width} × ${column.height} pixels, ${column.channels === 1 ? 'grey' : 'in colours'}`;
  }
}

function missingWords(column: Column): string {
  switch (column.kind) {
    case 'number': {
      const texts = ['nothing', ...column.missing.map((text) => `"${text}"`)].join(', ');
      return column.fill === null
        ? `a row with ${texts} is left out`
        : `${texts} becomes ${column.fill}, as if it had been measured`;
    }
    case 'category':
      return column.other === 'leaveOut' ? 'a row with another text is left out' : 'another text is none of the values';
    case 'pixels':
      return 'a row without an image is left out';
  }
}

/** A fill value that is measured too makes "missing" and a real value one thing, to the model and to this card. */
function warningOf(column: Column): string | null {
  if (column.kind !== 'number' || column.fill === null) return null;
  const { fill, min, max } = column;
  if (fill === min || fill === max) {
    return `the fill value ${fill} is an end of the range: where one client lacks the column, the value tells which client a row comes from`;
  }
  return `the fill value ${fill} lies inside of the range, so a measured ${fill} counts as missing`;
}
