import { measuresOfRun } from '@sotto/coordinator/runs';
import { SottoError } from '@sotto/shared/errors';
import type { PlanInput } from '@sotto/shared/plan';
import type { ClientFigures, FairnessFigures } from '@sotto/shared/queries';
import { fixedData, simulate } from '@sotto/simulation';
import { gradient, planFrom } from '../accuracy/cases.ts';
import { loadBenchData } from '../accuracy/datasets.ts';

export const about =
  'Four hospitals at ε = 1, with a report of ε = 1 of its own: what can be told of each hospital and of both sexes, and what is withheld.';

/** What one run's report says: a figure with its interval and the part that is noise, or why there is none. */
type Told = Readonly<Record<string, string>>;

export async function run(seeds: readonly number[]): Promise<readonly Told[]> {
  const data = await loadBenchData('heart-4-hospitals', 'hospitals', 'splits.json');
  const changes = {
    privacy: { kind: 'dp', delta: 1e-5, epsilon: 1, reportEpsilon: 1 },
    training: gradient(0.25, 486, 1, 100),
    split: { validation: 0, test: 0.34 },
    report: {
      part: 'test',
      measures: [
        { kind: 'performance', bins: 6, share: 1 },
        { kind: 'fairness', attributes: [{ name: 'sex', columns: [{ column: 'sex', cuts: [0.5] }] }], share: 1 },
        { kind: 'clients', share: 1 },
      ],
    },
  } satisfies Partial<Record<keyof PlanInput, unknown>>;
  const told: Told[] = [];
  for (const seed of seeds) {
    const result = await simulate({
      seed: `heart fairness/${seed}`,
      clients: data.clients.map(({ name, train, test }) => ({ name, data: fixedData(data.schema, { train, test }) })),
      plan: (roster, authority) => planFrom('hospitals', 'none', changes)(roster, authority, data.schema, seed),
      checkSums: false,
    });
    if (result.status.state !== 'finished') throw new SottoError('RUN_FAILED', `seed ${seed}: ${result.status.reason}`);
    const started = await result.store.run(result.runId);
    const [report] = await measuresOfRun(result.store, result.blobs, started!);
    const { clients } = report!.measures.find(({ settings }) => settings.kind === 'clients')!.report as ClientFigures;
    const found = report!.measures.find(({ settings }) => settings.kind === 'fairness')!.report as FairnessFigures;
    const words = (shown: ClientFigures['clients'][number]['accuracy'], floor?: number): string =>
      shown.figure === null
        ? `withheld: ${shown.withheld}`
        : `${shown.figure.value.toFixed(3)} [${shown.figure.low.toFixed(3)}, ${shown.figure.high.toFixed(3)}], noise ±${shown.figure.noiseHalfWidth.toFixed(3)}${floor === undefined ? '' : `, floor ${floor.toFixed(3)}`}`;
    told.push({
      ...Object.fromEntries(
        clients.map(({ client, accuracy }) => [result.plan.roster.clients[client]!.name, words(accuracy)]),
      ),
      ...Object.fromEntries(found.figures.map((figure) => [figure.name, words(figure, figure.floor)])),
    });
  }
  return told;
}

/** One line a figure and seed. */
export function words(told: readonly Told[]): string {
  return told
    .flatMap((one, index) => Object.entries(one).map(([name, text]) => `${index + 1}  ${name.padEnd(24)} ${text}`))
    .join('\n');
}
