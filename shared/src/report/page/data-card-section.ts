import type { DataCard } from '../../card/index.ts';
import type { Figure, Shown } from '../../metrics/index.ts';
import { countText, numberText } from '../number-text.ts';
import { endText } from './interval.ts';
import { markup, type Content, type Markup } from './markup.ts';
import { dataTable, facts } from './tables.ts';

/** Rows of a table that a page shows; the document has them all. */
const rowsShown = 60;

/** The data card as tables: what the plan fixes, what the survey found, whether it is enough, what drifted. */
export function dataCardTables(card: DataCard): Markup {
  const { source, target, clients, columns, adequacy, drift } = card;
  return markup`${facts([
    ['schema', source.schema],
    ['unit', source.unit === 'client' ? 'a client' : (source.unitId ?? 'a row')],
    ['clients', countText(source.clients)],
    ['units that train', card.units === null ? 'not counted' : shownText(card.units)],
    [
      'survey alone',
      card.spent === null ? '–' : `ε = ${numberText(card.spent.epsilon)} within ${card.spent.within.field}`,
    ],
  ])}
  ${
    target.classes.length === 0 || target.counts.length === 0
      ? null
      : dataTable(
          `Labels: ${target.column}`,
          ['class', 'units'],
          target.classes.map((name, i) => [name, cellText(target.counts[i] ?? null)]),
        )
  }
  ${
    clients.length === 0
      ? null
      : dataTable(
          'Clients: how their labels differ from all (Jensen–Shannon, nats)',
          ['client', 'units', 'skew', 'by chance and noise'],
          clients
            .slice(0, rowsShown)
            .map(({ name, units, jensenShannon, floor }) => [
              name,
              shownText(units),
              shownText(jensenShannon),
              floor === null ? '–' : numberText(floor),
            ]),
        )
  }
  ${dataTable(
    'Columns',
    ['column', 'allowed', 'when missing', 'missing', 'mean', 'deviation', 'to think of'],
    columns.slice(0, rowsShown).map(({ name, allowed, missing, told, warning }) => {
      const own = (figure: string): Content => {
        const found = told.find((one) => one.name === `${name}.${figure}`);
        return found === undefined ? '–' : shownText(found);
      };
      return [name, allowed, missing, own('missing'), own('mean'), own('deviation'), warning ?? '–'];
    }),
  )}
  ${
    adequacy.length === 0
      ? null
      : dataTable(
          'Is it enough?',
          ['what', 'there is', 'asked', 'verdict'],
          adequacy.map(({ words, figure, bound, asked, verdict }) => [
            words,
            figure === null ? 'not told' : figureText(figure),
            `${bound === 'atLeast' ? 'at least' : 'at most'} ${numberText(asked)}`,
            verdict,
          ]),
        )
  }
  ${drift.map(({ kind, slot, round, histograms }) =>
    dataTable(
      `Drift: ${kind} of the ${slot} in round ${round} against the survey`,
      ['what', 'stability index', 'by chance and noise', 'values moved by', 'verdict'],
      histograms
        .slice(0, rowsShown)
        .map(({ column, drift: found, moved, verdict }) => [
          column ?? 'labels',
          found === null || found.psi === null ? 'not told' : figureText(found.psi),
          found === null ? '–' : `up to ${numberText(found.psiFloor)}`,
          moved === null ? '–' : figureText(moved),
          verdict,
        ]),
    ),
  )}`;
}

function shownText(one: Shown): Content {
  return one.figure === null ? markup`<small>withheld: ${one.withheld}</small>` : figureText(one.figure);
}

function figureText({ value, low, high }: Figure): Content {
  if (low === high) return numberText(value);
  return markup`${numberText(value)} <small>${endText(low)} to ${endText(high)}</small>`;
}

function cellText(count: number | null): string {
  return count === null ? 'withheld' : countText(count);
}
