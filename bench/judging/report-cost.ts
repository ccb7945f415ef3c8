import { reportOfRun } from '@sotto/coordinator/runs';
import { SottoError } from '@sotto/shared/errors';
import { selectUnits, type UnitBatch } from '@sotto/shared/model';
import { sessionParts, type Plan, type PlanInput } from '@sotto/shared/plan';
import { reportPage } from '@sotto/shared/report';
import { fixedData, simulate } from '@sotto/simulation';
import { all, gradient, planFrom } from '../accuracy/cases.ts';
import { joinBatches, loadBenchData } from '../accuracy/datasets.ts';

export const about =
  'What a report with every measure costs 10 clients of 3,000 test rows: Adult, 91 inputs, an MLP of 64; one round trains, then all of it is asked.';

const clientCount = 10;
const rowsEach = 3_000;

const attributes = [{ columns: ['sex'] }, { columns: ['race'] }];

/** Every measure, with what a plan would ask of it. */
const measures = [
  { kind: 'performance' },
  { kind: 'fairness', attributes },
  { kind: 'groupLabels', attributes },
  { kind: 'clients' },
  { kind: 'robustness', epsilons: [0.05, 0.1, 0.2] },
  { kind: 'corruption', noise: [0.25, 0.5], missing: [0.1, 0.3] },
  { kind: 'certified', sigma: 0.25, radii: [0.1, 0.25] },
  { kind: 'attributions' },
  { kind: 'permutation' },
  { kind: 'dependence', columns: [{ name: 'age' }, { name: 'sex' }] },
  { kind: 'membership' },
  { kind: 'labels' },
  { kind: 'columns' },
];

type Result = {
  readonly seconds: number;
  readonly secondsOfAReport: number;
  /** Of the processor, for all ten clients, which a federation has ten machines for. */
  readonly cpuSecondsOfAReport: number;
  readonly reportBytesPerClient: number;
  readonly dimension: number;
  readonly figures: number;
  readonly withheld: number;
  readonly pageBytes: number;
};

/** The whole run in one process, clients one after the other; and the same without a report, whose time is taken off. */
export async function run(seeds: readonly number[]): Promise<Result> {
  const data = await loadBenchData('adult', 'adult', 'splits-occupation.json');
  const rows = joinBatches(data.clients.flatMap(({ train, test }) => [train, test]));
  const dealt = Array.from({ length: clientCount }, (_, client): { train: UnitBatch; test: UnitBatch } => ({
    train: selectUnits(rows, take(client * 1_000, 1_000)),
    test: selectUnits(rows, take(clientCount * 1_000 + client * rowsEach, rowsEach)),
  }));
  const once = async (report: PlanInput['report']) => {
    const [began, used] = [performance.now(), process.cpuUsage()];
    const result = await simulate({
      seed: `report cost/${seeds[0] ?? 1}`,
      clients: dealt.map((own, index) => ({ name: `client ${index}`, data: fixedData(data.schema, own) })),
      plan: (roster, authority): Plan =>
        planFrom('adult', 'none', {
          privacy: { kind: 'dp', delta: 1e-5, epsilon: 1, ...(report === undefined ? {} : { reportEpsilon: 1 }) },
          split: { validation: 0, test: 0.5 },
          training: gradient(1, 1_000, 2, 1, Math.round(all / 10)),
          ...(report === undefined ? {} : { report }),
        })(roster, authority, data.schema, 1),
      checkSums: false,
    });
    if (result.status.state !== 'finished') {
      throw new SottoError('RUN_FAILED', `${result.status.state}: ${result.status.reason ?? ''}`);
    }
    const { user, system } = process.cpuUsage(used);
    return { result, seconds: (performance.now() - began) / 1_000, cpuSeconds: (user + system) / 1e6 };
  };
  const bare = await once(undefined);
  const asked = await once({ part: 'test', measures } as PlanInput['report']);
  const { result, seconds } = asked;
  const report = await reportOfRun(result.store, result.blobs, result.runId);
  const dimension = sessionParts(result.plan, ['report']).reduce((sum, part) => sum + part.dimension, 0);
  const newest = report.measures.flatMap((measure) => measure.figures);
  return {
    seconds,
    secondsOfAReport: seconds - bare.seconds,
    cpuSecondsOfAReport: asked.cpuSeconds - bare.cpuSeconds,
    // A coordinate is a word of 32 bits; the model comes once. Keys and shares of a session are a few kB beside them.
    reportBytesPerClient: 4 * dimension + 4 * report.model.parameters,
    dimension,
    figures: newest.filter(({ figure }) => figure !== null).length,
    withheld: report.withheld.length,
    pageBytes: Buffer.byteLength(reportPage(report)),
  };
}

function take(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}

export function words({
  seconds,
  secondsOfAReport,
  cpuSecondsOfAReport,
  reportBytesPerClient,
  dimension,
  figures,
  withheld,
  pageBytes,
}: Result): string {
  return [
    `whole run     ${seconds.toFixed(1)} s, of which the report ${secondsOfAReport.toFixed(1)} s (${cpuSecondsOfAReport.toFixed(1)} s of the processor): ten clients in one process`,
    `per client    ${(reportBytesPerClient / 1_000).toFixed(1)} kB: ${dimension} sums and the model`,
    `figures       ${figures} shown, ${withheld} withheld; a page of ${(pageBytes / 1_000).toFixed(0)} kB`,
  ].join('\n');
}
