import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { exitCodeHelp, exitCodeOf, exitCodes, isSottoError, SottoError } from '@sotto/shared/errors';
import { thresholdCriteria } from '@sotto/shared/metrics';
import { version } from '@sotto/shared/version';
import { readConfig } from '../config.ts';
import type { CommandResult } from './command-result.ts';
import { showData } from './data-commands.ts';
import { modelThresholds, planReweigh } from './fairness-commands.ts';
import { exportModel, initFolder, replay, type FolderOptions } from './folder-commands.ts';
import type { TextInput } from './json-lines.ts';
import { importModel, modelTopology } from './model-commands.ts';
import { openOperatorApi, type OperatorApi } from './operator-api.ts';
import { addPrivacyCommands } from './privacy-commands.ts';
import { planCheck, planComplete, planRoster } from './plan-commands.ts';
import { writeReport } from './report-command.ts';
import { listClients, operateRun, revoke, runStatus, submitRun } from './run-commands.ts';

/** What the process gives to the program, so that a test can call it without one. */
export type ProgramPorts = {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  /** Standard input; without it a command that reads it finds nothing. */
  readonly input?: TextInput;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Resolves when the process is asked to end. */
  readonly ended: Promise<void>;
};

const defaultDir = '.sotto/coordinator';

/**
 * Runs `sotto` with its arguments (without node and script) and gives the exit code. Results go to stdout, progress and errors
 * to stderr; with `--json` results and errors are one object each.
 */
export async function run(args: readonly string[], ports: ProgramPorts): Promise<number> {
  const json = args.includes('--json');
  try {
    await programOf(ports, json).parseAsync([...args], { from: 'user' });
    return exitCodes.done.number;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done.number : exitCodes.input.number;
    const known = isSottoError(error)
      ? error
      : new SottoError('INTERNAL', error instanceof Error ? error.message : String(error));
    ports.error(json ? `${JSON.stringify({ error: known })}\n` : `${known.code}: ${known.message}\n${known.cure}\n`);
    return exitCodeOf(known);
  }
}

/** The command line as Commander knows it. */
export function programOf(ports: ProgramPorts, json: boolean): Command {
  const tell = (line: string) => ports.error(json ? '' : `${line}\n`);
  const show = ({ lines, json: value }: CommandResult) =>
    ports.out(json ? `${JSON.stringify(value)}\n` : `${lines.join('\n')}\n`);

  const program = new Command('sotto')
    .description('The coordinator: leads runs of federated training, sees noisy sums alone.')
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: ports.out, writeErr: ports.error })
    .showHelpAfterError('Add --help to the command to see what it takes.')
    .addHelpText('afterAll', exitCodeHelp());

  const command = (parent: Command, name: string, description: string): Command =>
    parent
      .command(name)
      .description(description)
      .option('--json', 'one JSON object on stdout, errors as one on stderr');
  const inFolder = (one: Command): Command =>
    one.option('--dir <folder>', 'data folder of the coordinator', ports.environment['SOTTO_DIR'] ?? defaultDir);
  const ofFolder = (one: Command): Command =>
    inFolder(one).option('--database <url>', 'postgres:// database', ports.environment['SOTTO_DATABASE']);
  const withApi =
    <Rest extends unknown[]>(action: (api: OperatorApi, ...rest: Rest) => Promise<CommandResult>, one: Command) =>
    async (...rest: Rest) =>
      show(await action(await openOperatorApi(one.opts<{ dir: string }>().dir), ...rest));

  const init = command(program, 'init', 'make a data folder: tokens, certificate, pinned authority')
    .argument('[dir]', 'the data folder', ports.environment['SOTTO_DIR'] ?? defaultDir)
    .option('--authority <key>', 'Ed25519 public key of the federation’s authority, hex')
    .option('--name <host...>', 'names or addresses that the certificate is for', [])
    .option(
      '--budget-epsilon <number>',
      'largest ε of all plans together; without it only the clients’ own books limit',
    )
    .option('--budget-delta <number>', 'its δ, for good (default: 1e-5)');
  init.action(async (dir: string) => {
    const { name, ...rest } = init.opts<{
      authority?: string;
      name: string[];
      budgetEpsilon?: string;
      budgetDelta?: string;
    }>();
    show(await initFolder(dir, { ...rest, names: name }));
  });

  const serve = command(program, 'serve', 'lead the runs of a data folder until it is told to end')
    .option('--dir <folder>', `data folder (default: ${defaultDir})`)
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .option('--port <number>', 'port to listen on, 0 for a free one (default: 8443)', wholeNumber)
    .option('--name <host...>', 'further names or addresses that the made certificate is for')
    .option('--database <url>', 'postgres:// database instead of the SQLite file')
    .option('--authority <key>', 'Ed25519 public key of the federation’s authority, hex')
    .option('--cert <file>', 'PEM certificate instead of a made one')
    .option('--key <file>', 'its PEM key')
    .option('--no-tls', 'plain HTTP: for tests alone')
    .option('--dashboard <folder>', 'exported dashboard to serve under / (default: the built one, if there is one)')
    .option('--no-dashboard', 'serve no dashboard')
    .option(
      '--allow-origin <origin...>',
      'origins such as https://app.example whose pages may be clients (default: none)',
    )
    .option('--upload-memory <mib>', 'MiB of uploads in memory at a time, the others wait (default: 64)', wholeNumber)
    .option('--log <level>', 'silent, error, warn, info or debug (default: info)');
  serve.action(async () => {
    const { json: _json, name, allowOrigin, dashboard, ...flags } = serve.opts<Record<string, unknown>>();
    // Commander gives true where neither flag was given.
    const page = dashboard === true ? undefined : dashboard;
    const config = readConfig({ ...flags, dashboard: page, names: name, allowOrigins: allowOrigin }, ports.environment);
    // The server is half of what there is to load, and no other command needs it.
    const { startCoordinator } = await import('../main.ts');
    const coordinator = await startCoordinator(config);
    const { url, fingerprint, viewToken } = coordinator;
    show({
      lines: [
        `Listening         ${url}`,
        `TLS fingerprint   ${fingerprint ?? 'none: TLS is off'}`,
        ...(coordinator.dashboard === null ? [] : [`Dashboard         ${url}/#token=${viewToken}`]),
      ],
      json: { url, fingerprint, dir: config.dir },
    });
    await ports.ended;
    await coordinator.close();
  });

  const plan = program.command('plan').description('look at plans and fill them in');
  const check = command(
    plan,
    'check',
    'whether a plan can run, what it comes to, and what each part of it costs',
  ).argument('<file>');
  check.action(async (file: string) => show(await planCheck(file)));
  const complete = command(plan, 'complete', 'fill in the missing noise, or the missing ε')
    .argument('<file>')
    .option('--schema <file>', 'data schema to put into the plan')
    .option('--out <file>', 'where to write it (default: stdout)');
  complete.action(async (file: string) => show(await planComplete(file, complete.opts())));
  const roster = ofFolder(command(plan, 'roster', 'fill in authority and roster from the enrolled clients'))
    .argument('<file>')
    .option('--out <file>', 'where to write it (default: stdout)')
    .option('--certificates <file>', 'write the clients’ certificates there, for sotto-authority sign');
  roster.action(async (file: string) => show(await planRoster(file, roster.opts())));
  const reweigh = command(plan, 'reweigh', 'put weights of rows into a draft that make label and group independent')
    .argument('<file>')
    .requiredOption('--report <file>', 'released figures (JSON) with the measure groupLabels or fairness')
    .option('--attribute <name>', 'which attribute, where there are several')
    .option('--out <file>', 'where to write it (default: stdout)');
  reweigh.action(async (file: string) =>
    show(await planReweigh(file, reweigh.opts<{ report: string; attribute?: string; out?: string }>())),
  );

  const model = program.command('model').description('first models of other models’ weights; thresholds by group');
  const imported = command(model, 'import', 'fill a plan’s layers with the weights of another model')
    .argument('<source>', 'safetensors file with Sotto’s names, or model.json of a tfjs LayersModel')
    .requiredOption('--plan <file>', 'draft or plan with topology and seed')
    .option('--schema <file>', 'data schema, where the draft has none')
    .requiredOption('--out <file>', 'where to write the weights');
  imported.action(async (source: string) => show(await importModel(source, imported.opts())));
  const topology = command(model, 'topology', 'the layers of a tfjs LayersModel, for a draft').argument(
    '<source>',
    'its model.json',
  );
  topology.action(async (source: string) => show(await modelTopology(source)));
  const thresholds = command(model, 'thresholds', 'write a report’s thresholds by group as a file for predictions')
    .requiredOption('--report <file>', 'report (JSON) with the measure fairness and bins')
    .option('--attribute <name>', 'which attribute, where there are several')
    .addOption(
      new Option('--criterion <name>', 'what they make equal').choices(thresholdCriteria).default('equalizedOdds'),
    )
    .requiredOption('--out <file>', 'where to write them');
  thresholds.action(async () =>
    show(
      await modelThresholds(thresholds.opts<{ report: string; attribute?: string; criterion: string; out: string }>()),
    ),
  );

  const submit = inFolder(command(program, 'run', 'submit a signed plan'))
    .argument('<plan>')
    .option('--initial <file>', 'the weights that initialWeights.checkpoint of the plan names')
    .option('--wait', 'follow the run to its end', false);
  submit.action(withApi((api, path: string) => submitRun(api, path, submit.opts(), tell), submit));
  const status = inFolder(command(program, 'status', 'all runs, or one'))
    .argument('[run]', 'id of a run, or its beginning')
    .option('--watch', 'follow the run to its end', false);
  status.action(
    withApi((api, id: string | undefined) => runStatus(api, id, status.opts<{ watch: boolean }>().watch, tell), status),
  );
  for (const what of ['pause', 'resume'] as const) {
    const one = inFolder(command(program, what, `${what} a run`)).argument('<run>');
    one.action(withApi((api, id: string) => operateRun(api, id, what), one));
  }
  const stop = inFolder(command(program, 'stop', 'end a run with the model it has'))
    .argument('<run>')
    .option('--reason <text>', 'why, for the clients and the record');
  stop.action(withApi((api, id: string) => operateRun(api, id, 'stop', stop.opts<{ reason?: string }>().reason), stop));
  const clients = inFolder(command(program, 'clients', 'who has enrolled'));
  clients.action(withApi((api) => listClients(api), clients));
  const revocations = inFolder(command(program, 'revoke', 'take in the authority’s revocation list')).argument(
    '<list>',
  );
  revocations.action(withApi((api, path: string) => revoke(api, path), revocations));

  const replayed = ofFolder(
    command(program, 'replay', 'recompute a run’s model from seed and releases, and check every hash'),
  ).argument('<run>', 'id of a run, or its beginning');
  replayed.action(async (id: string) => show(await replay(id, replayed.opts())));
  const exported = ofFolder(command(program, 'export', 'write a run’s model, and its privacy card beside it'))
    .argument('<run>', 'id of a run, or its beginning')
    .option('--format <format>', 'safetensors or tfjs', 'safetensors')
    .requiredOption('--out <path>', 'file (safetensors) or folder (tfjs)');
  exported.action(async (id: string) => show(await exportModel(id, exported.opts())));
  const report = ofFolder(command(program, 'report', 'write what is known of a run’s model, as JSON and as a page'))
    .argument('<run>', 'id of a run, or its beginning')
    .option('--out <folder>', 'where to write report.json and report.html', '.')
    .option('--compare <report>', 'an earlier report.json: the new one says what changed');
  report.action(async (id: string) => show(await writeReport(id, report.opts())));
  const data = ofFolder(
    command(program, 'data', 'what a run was trained on: its survey, whether it is enough, what drifted'),
  ).argument('<run-or-plan>', 'file of a plan, or id of a run, or its beginning');
  data.action(async (runOrPlan: string) => show(await showData(runOrPlan, data.opts<FolderOptions>())));
  const write = (line: string) => ports.out(`${line}\n`);
  addPrivacyCommands(program, { command, inFolder, ofFolder, show, tell, write, input: ports.input ?? nothing() });
  return program;
}

async function* nothing(): TextInput {}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('expected a whole number');
  return Number(text);
}
