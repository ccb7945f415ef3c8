import type { ReportDocument } from '@sotto/shared/report';
import { percent } from './progress.ts';

type Figure = ReportDocument['measures'][number]['figures'][number];

/** What a demonstration says of its report: the first figures with what is chance and what is noise, and what is silent, with its reason. */
export function reportLines(report: ReportDocument): {
  readonly accuracy: number | null;
  readonly lines: readonly string[];
} {
  const newest = report.measures.filter((measure) => measure.newest);
  const figures = new Map(newest.flatMap((measure) => measure.figures.map((figure) => [figure.name, figure] as const)));
  const told = (name: string, label: string): string[] => {
    const found = figures.get(name);
    return found === undefined ? [] : [`${label.padEnd(13)}${figureWords(found)}`];
  };
  const clients = newest.find(({ kind }) => kind === 'clients');
  const importance = newest.find(({ kind }) => kind === 'permutation');
  const chol = figures.get('permutation.chol.drop');
  const shown = importance?.figures.filter(({ figure }) => figure !== null).length ?? 0;
  return {
    accuracy: figures.get('performance.accuracy')?.figure?.value ?? null,
    lines: [
      ...told('performance.accuracy', 'accuracy'),
      ...told('performance.auroc', 'AUC'),
      ...told('fairness.sex.demographicParity', 'sex gap'),
      ...told('robustness.linf.0.1.worst', 'attacked'),
      ...(clients === undefined ? [] : clientLines(clients, report.plan.clientNames)),
      ...(chol === undefined
        ? []
        : [
            `cholesterol  ${chol.figure === null ? `drowns beside the noise (${chol.withheld?.replace('drowned: ', '') ?? 'not told'})` : figureWords(chol)}; of ${importance?.figures.length ?? 0} importances ${shown} are told. Each hospital sees the shortcut on its own screen, where chol is one value in every row`,
          ]),
      `verdicts     ${report.sentence}`,
    ],
  };
}

function clientLines({ detail }: ReportDocument['measures'][number], names: readonly string[]): string[] {
  const clients = detail['clients'] as readonly {
    client: number;
    units: number;
    accuracy: Omit<Figure, 'name' | 'floor'>;
  }[];
  return clients.map(
    ({ client, units, accuracy }) =>
      `  ${(names[client] ?? `client ${client}`).padEnd(18)} ${figureWords(accuracy)}${accuracy.figure === null ? '' : `, n ≈ ${Math.round(units)}`}`,
  );
}

/** 79.8 % (73.1 % to 85.2 %: chance ± 5.0, noise ± 4.1 points), or why there is none. */
function figureWords({ figure, withheld }: Pick<Figure, 'figure' | 'withheld'>): string {
  if (figure === null) return `withheld: ${withheld ?? 'not told'}`;
  const { value, low, high, noiseHalfWidth } = figure;
  const [least, most] = [low ?? -Infinity, high ?? Infinity];
  const noise = `noise ± ${(100 * noiseHalfWidth).toFixed(1)} points`;
  // At the end of its range an interval is cut, and what is left of it says nothing of chance.
  const cut = least <= 0 || most >= 1;
  const chance = Math.sqrt(Math.max(0, ((most - least) / 2) ** 2 - noiseHalfWidth ** 2));
  return `${percent(value)} (${percent(least)} to ${percent(most)}: ${cut ? '' : `chance ± ${(100 * chance).toFixed(1)}, `}${noise})`;
}
