import type { Figure, Shown } from '../metrics/index.ts';
import type { ReportDrift } from '../queries/index.ts';
import type { DataCard, DataCardColumn } from './data-card.ts';
import { roundedUp } from './figures.ts';

/** The data card in plain sentences, Markdown, from its JSON alone. */
export function dataCardMarkdown(card: DataCard): string {
  const sections = [
    `# Data card: ${inline(card.plan.name)}`,
    inline(card.plan.purpose),
    sourceWords(card),
    `## Labels\n\n${labelWords(card).join('\n\n')}`,
    ...(card.clients.length === 0 ? [] : [`## Clients\n\n${clientTable(card)}`]),
    `## Columns\n\n${columnTable(card)}`,
    ...(card.adequacy.length === 0 ? [] : [`## Is it enough?\n\n${adequacyTable(card)}`]),
    `## What is withheld\n\n${withheldWords(card)}`,
    `## What this has cost\n\n${costWords(card)}`,
  ];
  return `${sections.join('\n\n')}\n`;
}

/** What has changed between two releases, as a table: strongest first. */
export function driftMarkdown({ histograms }: ReportDrift): string {
  const indexOf = ({ drift }: ReportDrift['histograms'][number]): number => drift?.psi?.value ?? -1;
  const sorted = [...histograms].sort((a, b) => indexOf(b) - indexOf(a)).slice(0, columnsShown);
  return table(
    ['what', 'stability index', 'by chance and noise', 'values moved by', 'verdict'],
    sorted.map(({ column, drift, moved, verdict }) => [
      column === null ? 'labels' : inline(column),
      drift === null || drift.psi === null ? 'not told' : intervalWords(drift.psi),
      drift === null ? '–' : `up to ${rounded(drift.psiFloor)}`,
      moved === null ? '–' : intervalWords(moved),
      `**${verdict}**${verdict === 'drift' && drift !== null ? `, ${drift.label}` : ''}`,
    ]),
  );
}

function sourceWords({ source, units, plan }: DataCard): string {
  const { schema, unit, unitId, clients, split } = source;
  const whom = unit === 'client' ? 'a client' : unitId === null ? 'a row' : `the rows with one ${inline(unitId)}`;
  const rest = 1 - split.validation - split.test;
  return (
    `Schema \`${schema.replaceAll('`', '')}\` of plan \`${plan.hash}\`, ${clients} clients; a unit is ${whom}. ` +
    `Counted are the units that train, ${percent(rest)} by a keyed hash of each unit's id; ` +
    `${percent(split.validation)} validate and ${percent(split.test)} test. ` +
    `Units: ${units === null ? 'not counted' : countWords(units)}.`
  );
}

function labelWords({ target, source }: DataCard): string[] {
  if (target.counts.length === 0)
    return [`Target ${inline(target.column)}; its labels were not counted, or nothing of them may be told.`];
  const names =
    target.classes.length > 0
      ? target.classes.map(inline)
      : target.counts.map((_, bin) => `${rounded(target.edges[bin]!)} to ${rounded(target.edges[bin + 1]!)}`);
  const counted = source.unit === 'client' ? 'clients’ shares, added up' : 'units';
  return [
    table(
      [inline(target.column), counted],
      names.map((name, i) => [name, target.counts[i] === null ? 'withheld' : rounded(target.counts[i]!)]),
    ),
    table(
      ['figure', 'value', 'by noise alone'],
      target.figures.map(({ name, floor, ...one }) => [
        figureNames[name] ?? name,
        shownWords(one),
        floor === undefined ? '–' : rounded(floor),
      ]),
    ),
  ];
}

const figureNames: Readonly<Record<string, string>> = {
  smallestClass: 'units of the smallest class',
  smallestClassShare: 'share of the smallest class',
  effectiveClasses: 'classes, as if equally frequent',
  skew: 'skew between clients (Jensen–Shannon, nats)',
  largestSkew: 'skew of the most different client',
  mean: 'mean',
  deviation: 'standard deviation',
};

function clientTable({ clients }: DataCard): string {
  return table(
    ['client', 'units', 'skew from all', 'by noise alone'],
    clients.map(({ name, units, jensenShannon, floor }) => [
      inline(name),
      countWords(units),
      shownWords(jensenShannon),
      floor === null ? '–' : rounded(floor),
    ]),
  );
}

function columnTable({ columns }: DataCard): string {
  const told = ({ told: figures, name }: DataCardColumn, own: string): string => {
    const found = figures.find((figure) => figure.name === `${name}.${own}`);
    return found === undefined ? '–' : shownWords(found);
  };
  const rows = columns
    .slice(0, columnsShown)
    .map((column) => [
      inline(column.name),
      column.allowed,
      inline(column.missing),
      told(column, 'missing'),
      told(column, 'mean'),
      told(column, 'deviation'),
    ]);
  const left = columns.length - rows.length;
  const warnings = columns.flatMap(({ name, warning }) => (warning === null ? [] : [`- ${inline(name)}: ${warning}.`]));
  return [
    table(['column', 'allowed', 'when missing', 'missing', 'mean', 'deviation'], rows),
    ...(left > 0 ? [`And ${left} more columns.`] : []),
    ...(warnings.length > 0 ? [warnings.slice(0, columnsShown).join('\n')] : []),
  ].join('\n\n');
}

/** Columns that a page shows; the JSON has them all. */
const columnsShown = 50;

function adequacyTable({ adequacy }: DataCard): string {
  return table(
    ['what', 'there is', 'asked', 'verdict'],
    adequacy.map(({ words, figure, asked, bound, verdict }) => [
      words,
      figure === null ? 'not told' : intervalWords(figure),
      `${bound === 'atLeast' ? 'at least' : 'at most'} ${asked}`,
      `**${verdict}**`,
    ]),
  );
}

function withheldWords({ withheld }: DataCard): string {
  if (withheld.length === 0) return 'Nothing that was asked.';
  return withheld.map(({ figure, reason }) => `- ${inline(figure)}: ${reason}`).join('\n');
}

function costWords({ spent, surveyed }: DataCard): string {
  if (spent !== null) {
    const { epsilon, delta, within } = spent;
    return `One release of sums: ε = ${roundedUp(epsilon)} at δ = ${delta} by itself, within the plan's ${within.field} = ${within.epsilon ?? '?'}. What is concluded from it, this card among it, costs nothing more.`;
  }
  return surveyed ? '**No differential privacy: ε = ∞.**' : 'Nothing was asked of the data yet.';
}

/** A count with its noise; without noise the number alone. */
function countWords(one: Shown): string {
  if (one.figure === null) return `withheld (${one.withheld})`;
  const { value, noiseHalfWidth } = one.figure;
  return noiseHalfWidth === 0 ? rounded(value) : `${Math.round(value)} ± ${Math.ceil(noiseHalfWidth)}`;
}

function shownWords(one: Shown): string {
  return one.figure === null ? 'withheld' : intervalWords(one.figure);
}

function intervalWords({ value, low, high }: Figure): string {
  return low === high ? rounded(value) : `${rounded(value)} (${rounded(low)} to ${rounded(high)})`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function percent(share: number): string {
  return `${rounded(100 * share)} %`;
}

/** Three digits, whole numbers whole. */
function rounded(value: number): string {
  return Math.abs(value) >= 100 || Number.isInteger(value)
    ? String(Math.round(value))
    : String(Number(value.toPrecision(3)));
}

/** Text of somebody else, on one line, so that it cannot pass for a part of the card. */
function inline(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_[\]<>#|!]/g, '\\$&');
}
