import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SottoError } from '@sotto/shared/errors';
import { weightsOfTensors, decodeSafetensors } from '@sotto/shared/model';
import { inputWidth, parsePlan, type Plan, type PolicyInput } from '@sotto/shared/plan';
import type { RunStatus } from '@sotto/shared/protocol';
import { reportSchema } from '@sotto/shared/report';
import { LocalFederation } from '../local/local-federation.ts';
import type { JsonLine } from '../local/child-process.ts';
import { accuracyAlone, accuracyWith } from './alone.ts';
import { bankData, digitsData, hospitalsData, tableOf, type DemoData } from './demo-data.ts';
import { reportLines } from './report-lines.ts';
import type { DemoOptions } from './demo-options.ts';
import { bytes, createProgress, percent, type Progress } from './progress.ts';

/** What the last line of `--json` says. */
export type DemoFigures = {
  readonly demo: string;
  /** Null of the bank: a model of each alone would take longer than all the rest. */
  readonly aloneAccuracy: number | null;
  /** On everybody's test rows; in a report, on those that the report reads, noise included; null where it is withheld. */
  readonly togetherAccuracy: number | null;
  readonly epsilon: number | null;
  readonly evaluationEpsilon: number | null;
  readonly rounds: number;
  readonly secondsPerRound: number | null;
  readonly bytesPerClient: number;
  readonly replayMatches: boolean;
  readonly modelHash: string;
  readonly model: string;
  /** Its privacy card, in sentences; the JSON lies beside it. */
  readonly card: string;
  readonly page: string | null;
  /** Where the report lies as a page; null without one. */
  readonly report: string | null;
};

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/** What every owner of the demonstration allows; each node enforces it by itself. */
const policies: Readonly<Record<DemoOptions['name'], PolicyInput>> = {
  digits: { version: 1, maxEpsilon: 3, budget: { epsilon: 4, delta: 1e-5 }, minSurvivors: 7 },
  hospitals: { version: 1, maxEpsilon: 1, budget: { epsilon: 1.2, delta: 1e-5 }, minSurvivors: 4 },
  bank: { version: 1, maxEpsilon: 1, budget: { epsilon: 1.2, delta: 1e-5 }, minSurvivors: 4 },
};

/** Runs a demonstration with real processes and returns its figures; `stay` is called before the processes are ended. */
export async function runDemo(
  options: DemoOptions,
  stay: (page: string | null) => Promise<void>,
): Promise<DemoFigures> {
  const progress = createProgress(options.json ? process.stderr : process.stdout);
  const data = await dataOf(options);
  const dir = resolve('.sotto', `demo-${options.name}${options.report && options.name !== 'bank' ? '-report' : ''}`);
  if (!options.resume) await rm(dir, { recursive: true, force: true });
  else if (!existsSync(dir)) progress.say('There is nothing to resume: a new demonstration begins.');
  const dashboard = join(root, 'dashboard', 'out');
  const federation = await LocalFederation.open({
    dir,
    schema: data.schema,
    policy: policies[options.name],
    nodes: data.owners.map(({ name, train, test }) => ({
      name,
      // With a report the plan's own split keeps units out of training, by a keyed hash that each owner keeps to itself.
      data: options.report ? [train, ...test.split('\n').slice(1)].join('\n') : train,
      ...(options.name === 'hospitals' && !options.report ? { holdout: test } : {}),
    })),
    ...(existsSync(dashboard) ? { dashboard } : {}),
    onNodeLine: (node, line) => showNodeLine(node, line, progress),
  });
  const interrupt = (): void => {
    const again = [
      ...(options.name === 'digits' ? [] : [options.name]),
      ...(options.report && options.name !== 'bank' ? ['--report'] : []),
      '--resume',
    ].join(' ');
    progress.say(`Stopping. What was done is kept: npm run demo -- ${again} goes on with it.`);
    void federation.stop().then(() => process.exit(130));
  };
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    progress.say(`Sotto: ${data.owners.length} owners, each with data of its own that never leaves it.`);
    await federation.startCoordinator();
    progress.say(
      `The coordinator listens at ${federation.url} (TLS ${federation.fingerprint?.slice(0, 16) ?? 'off'}…).`,
    );
    await federation.startNodes();
    const { runId, plan } = await beginOrTakeUp(federation, data, dir, progress);
    const page = existsSync(dashboard) ? `${federation.url}/#token=${await viewToken(federation)}` : null;
    if (page !== null) progress.say(`Watch it at ${page}`);
    const test = tableOf(data.schema, joinTests(data)).batch;
    const aloneTask =
      options.name === 'bank'
        ? null
        : accuracyAlone(
            plan,
            data.owners.map(({ train }) => tableOf(data.schema, train).batch),
            test,
          );
    const status = await follow(federation, runId, progress);
    const aloneAccuracy = await aloneTask;
    if (status.state !== 'finished') {
      throw new SottoError(
        'RUN_FAILED',
        `the run ${status.state} in round ${status.round}: ${status.reason ?? 'no reason given'}`,
      );
    }
    const replay = await federation.command(['replay', runId]);
    const model = join(dir, 'model.safetensors');
    const exported = await federation.command(['export', runId, '--format', 'safetensors', '--out', model]);
    const card = String((exported['cards'] as readonly string[]).find((path) => path.endsWith('.md')));
    const weights = weightsOfTensors(
      plan.topology,
      inputWidth(plan.schema),
      decodeSafetensors(await readFile(model)).tensors,
    );
    const reported = options.report ? await reportOf(federation, runId, dir) : null;
    const figures: DemoFigures = {
      demo: options.name,
      aloneAccuracy,
      // The plan's split keeps other rows out of training than the data's own: of those the report tells.
      togetherAccuracy: reported === null ? await accuracyWith(plan, weights, test) : reported.accuracy,
      epsilon: status.privacy.epsilon,
      evaluationEpsilon: status.privacy.evaluationEpsilon,
      rounds: Math.min(status.round, status.rounds),
      secondsPerRound: status.secondsPerRound,
      bytesPerClient: Math.round((status.bytesUp + status.bytesDown) / data.owners.length),
      replayMatches: replay['matches'] === true,
      modelHash: status.modelHash,
      model,
      card,
      page,
      report: reported?.page ?? null,
    };
    conclude(figures, data, progress, reported?.lines ?? []);
    // From here Ctrl-C ends the visit, not the run, which has its model.
    process.off('SIGINT', interrupt);
    await stay(page);
    return figures;
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    await federation.stop();
  }
}

function dataOf({ name, report, data }: DemoOptions): Promise<DemoData> {
  if (name === 'digits') return digitsData();
  return name === 'bank' ? bankData(data) : hospitalsData(data, report ? 'plan-report.json' : 'plan.json');
}

/** Writes the report of the run, and reads what there is to say of it. */
async function reportOf(federation: LocalFederation, runId: string, dir: string) {
  const out = join(dir, 'report');
  const written = await federation.command(['report', runId, '--out', out]);
  const report = reportSchema.parse(written['report']);
  return { page: join(out, 'report.html'), ...reportLines(report) };
}

async function beginOrTakeUp(
  federation: LocalFederation,
  data: DemoData,
  dir: string,
  progress: Progress,
): Promise<{ runId: string; plan: Plan }> {
  const [known] = await federation.operator().runs();
  if (known !== undefined) {
    progress.say(`Taking up run ${known.runId} in round ${known.round} of ${known.rounds}.`);
    const signed = JSON.parse(await readFile(join(dir, 'plan.signed.json'), 'utf8')) as { plan: unknown };
    return { runId: known.runId, plan: parsePlan(signed.plan) };
  }
  const { runId, plan } = await federation.submit(data.draft);
  progress.say(`Plan "${plan.name}" is signed: ${plan.training.rounds} rounds, ${planWords(plan)}.`);
  return { runId, plan };
}

function planWords(plan: Plan): string {
  if (plan.privacy.kind === 'none') return 'without differential privacy (ε = ∞)';
  return `record ε = ${plan.privacy.epsilon} at δ = ${plan.privacy.delta}, counting ${plan.cohort.colluding} colluding client and at least ${plan.cohort.minSurvivors} survivors a round`;
}

async function follow(federation: LocalFederation, runId: string, progress: Progress): Promise<RunStatus> {
  const gone = new Map<string, number | string>();
  for (const [name, node] of federation.nodes) void node.ended.then((outcome) => gone.set(name, outcome));
  for (;;) {
    const status = await federation.operator().status(runId);
    progress.status(status);
    if (federation.nodes.size - gone.size < status.minSurvivors) {
      const ended = [...gone].map(([name, outcome]) => `${name} (${outcome})`).join(', ');
      throw new SottoError('RUN_FAILED', `too few owners are left for a round; their processes ended: ${ended}`);
    }
    if (['finished', 'stopped', 'failed'].includes(status.state)) {
      progress.done();
      return status;
    }
    await new Promise((wake) => setTimeout(wake, 300));
  }
}

/** A hospital prints its own figure on its own screen; the demonstration shows all screens in one. */
function showNodeLine(node: string, line: JsonLine, progress: Progress): void {
  if (line['type'] === 'scored') {
    const score = line['score'] as { rows: number; accuracy: number | null; auc: number | null };
    const figures = [
      score.accuracy === null ? null : `accuracy ${percent(score.accuracy)}`,
      score.auc === null ? null : `AUC ${score.auc.toFixed(3)}`,
    ].filter((figure) => figure !== null);
    progress.say(
      `  on ${node}'s own screen: ${figures.join(', ')} on its own ${score.rows} test rows (nothing of that leaves)`,
    );
  } else if (line['type'] === 'refused' || line['type'] === 'error') {
    progress.say(`  ${node}: ${String(line['code'])} ${String(line['reason'] ?? line['message'])}`);
  }
}

function conclude(figures: DemoFigures, data: DemoData, progress: Progress, report: readonly string[]): void {
  const { epsilon, evaluationEpsilon } = figures;
  progress.say('');
  if (figures.aloneAccuracy !== null) {
    progress.say(
      `  each alone   ${percent(figures.aloneAccuracy)}   mean of ${data.owners.length} models, no noise, on everybody's test rows`,
    );
  }
  const together = figures.togetherAccuracy === null ? 'not told' : percent(figures.togetherAccuracy);
  progress.say(`  together     ${together}   one model, ε = ${epsilon ?? '∞'} for every training record`);
  for (const line of report) progress.say(`  ${line}`);
  if (evaluationEpsilon !== null)
    progress.say(`  validation   ε = ${evaluationEpsilon} for the records that validated, which trained nothing`);
  progress.say(
    `  cost         ${figures.rounds} rounds, ${figures.secondsPerRound?.toFixed(2) ?? '?'} s each, ${bytes(figures.bytesPerClient)} per client`,
  );
  progress.say(`  model        ${figures.model}`);
  progress.say(`  card         ${figures.card}`);
  if (figures.report !== null) progress.say(`  report       ${figures.report}`);
  progress.say(`  replay       ${figures.replayMatches ? 'gives the same model' : 'DIFFERS'}: ${figures.modelHash}`);
  progress.say('  In this demonstration one person holds all keys; across machines each owner holds its own.');
}

async function viewToken(federation: LocalFederation): Promise<string> {
  return (await readFile(join(federation.coordinatorDir, 'view-token'), 'utf8')).trim();
}

function joinTests(data: DemoData): string {
  return data.owners.map(({ test }, index) => (index === 0 ? test : test.split('\n').slice(1).join('\n'))).join('\n');
}
