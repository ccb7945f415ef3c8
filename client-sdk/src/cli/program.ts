import { hostname } from 'node:os';
import { exitCodeHelp, exitCodeOf, exitCodes, isSottoError, SottoError } from '@sotto/shared/errors';
import { version } from '@sotto/shared/version';
import { Argument, Command, CommanderError, Option } from 'commander';
import { gpuCheck, gpuInstall } from './gpu-commands.ts';
import { addressHelp } from '../data/sources.ts';
import { addJudgingCommands } from './judging-commands.ts';
import { checkData, initPolicy, join, runNode, showLedger } from './node-commands.ts';
import { createScreen, type Screen } from './screen.ts';

type Action = (
  screen: Screen,
  options: Record<string, string | boolean | undefined>,
  argument: string,
) => Promise<number>;

const dataSourceHelp =
  'folder with the books of the data: what was spent, and its split (default: the data file with .sotto behind it). ' +
  'They belong to the data: every node and federation over the same rows must name the same folder';

/** Runs `sotto-node` with the given arguments (node and script first) and returns the exit code. */
export async function runCli(argv: readonly string[]): Promise<number> {
  let exitCode: number = exitCodes.done.number;
  const act =
    (action: Action) =>
    async (...given: unknown[]) => {
      // Commander hands over the argument, if there is one, then the options, then the command.
      const command = given.at(-1);
      if (!(command instanceof Command)) throw new SottoError('INTERNAL', 'cli: no command');
      const options = command.optsWithGlobals<Record<string, string | boolean | undefined>>();
      const argument = typeof given[0] === 'string' ? given[0] : '';
      const screen = createScreen(options['json'] === true);
      try {
        exitCode = await action(screen, options, argument);
      } catch (error) {
        const failure = isSottoError(error)
          ? error
          : new SottoError('INTERNAL', error instanceof Error ? error.message : String(error));
        screen.error(failure);
        exitCode = exitCodeOf(failure);
      }
    };
  try {
    await programOf(act).parseAsync([...argv]);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? exitCodes.done.number : exitCodes.input.number;
  }
  return exitCode;
}

/** The command line as Commander knows it. */
export function programOf(act: (action: Action) => (...given: unknown[]) => Promise<void>): Command {
  const program = new Command('sotto-node')
    .description(
      "A data owner's node: trains on rows that stay here, and shows on this screen alone what happens with them.",
    )
    .version(version)
    .option('--json', 'one JSON object a line instead of words')
    .option('--folder <folder>', "the node's folder: identity and certificate", '.sotto/node')
    .exitOverride()
    .showHelpAfterError()
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('afterAll', exitCodeHelp());
  const name = () =>
    new Option('--name <name>', 'the name that the others see, where the invitation does not fix it').default(
      hostname(),
      "this machine's name",
    );
  const query = () =>
    new Option('--query <sql>', 'for a database: the query that gives the rows, or a file that holds it');

  program
    .command('join')
    .description('join a federation: make an identity, keep it here, and enrol with the coordinator')
    .argument('<invitation>', "the authority's line of text, a file that holds it, or - for standard input")
    .addOption(name())
    .action(act(join));
  program
    .command('run')
    .description('take part in every run that the policy allows')
    .requiredOption('--schema <file>', 'the data schema (JSON)')
    .requiredOption('--data <address>', `the rows that take part: ${addressHelp}`)
    .addOption(query())
    .option('--policy <file>', 'what this node allows (JSON); the careful defaults without it')
    .option(
      '--holdout <address>',
      'a file or folder with rows that never take part; each finished model is scored on them, on this screen alone',
    )
    .option('--data-source <folder>', dataSourceHelp)
    .option('--invitation <invitation>', 'join first where the node has not joined: the line of text, a file or -')
    .addOption(name())
    .option(
      '--memory <size>',
      'what the rows may take, for example 2GB (default: a quarter of the memory); more lie in a file',
    )
    .option('--dry-run', 'read the data, show what would take part, and end: connects to nobody and joins nothing')
    .option(
      '--split <validation,test>',
      'with --dry-run: shares to try, where no plan has fixed the split, for example 0.2,0.1',
    )
    .addOption(
      new Option('--device <device>', 'what may compute: a GPU alone, the processor alone, or the quickest')
        .choices(['auto', 'gpu', 'cpu'])
        .default('auto'),
    )
    .option('--once', 'end after the first run, also one that ended while this node was away')
    .action(act(runNode));
  program
    .command('check')
    .description('read the data with the schema and say what would take part; nothing is sent')
    .requiredOption('--schema <file>', 'the data schema (JSON)')
    .requiredOption('--data <address>', `the rows: ${addressHelp}`)
    .addOption(query())
    .action(act(checkData));
  program
    .command('ledger')
    .description('what was spent of the data source by each plan, what is left, and what a next round would cost')
    .option('--data <address>', 'the rows whose books lie beside them')
    .option('--data-source <folder>', 'the books, where they lie elsewhere')
    .option('--policy <file>', 'the policy with the budget')
    .option('--charges', 'every charge as well, line by line')
    .action(act(showLedger));
  addJudgingCommands(program, act);
  const policy = program.command('policy').description('what this node allows');
  policy
    .command('init')
    .description('write a policy with every line at its careful default')
    .argument('[file]', 'where to', 'policy.json')
    .action(act(initPolicy));
  const gpu = program.command('gpu').description('engines on a GPU, which are optional');
  gpu.command('check').description('say which engine can use a GPU here, and what is missing').action(act(gpuCheck));
  gpu
    .command('install')
    .description('install an engine for a GPU beside the node')
    .addArgument(
      new Argument(
        '[engine]',
        'cuda: TensorFlow, for NVIDIA with CUDA 11 and cuDNN 8; webgpu: Dawn, for cards of every maker, without CUDA',
      )
        .choices(['cuda', 'webgpu'])
        .default('cuda'),
    )
    .action(act(gpuInstall));
  return program;
}
