import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { exitCodeHelp, exitCodeOf, exitCodes, isSottoError, SottoError } from '@sotto/shared/errors';
import { version } from '@sotto/shared/version';
import { runPlan, type CommandResult, type RunOptions } from './run-command.ts';
import { runSchedules, type SchedulesOptions } from './schedules-command.ts';

/** What the process gives to the program, so that a test can call it without one. */
export type ProgramPorts = { readonly out: (text: string) => void; readonly error: (text: string) => void };

/**
 * Runs `sotto-sim` with its arguments (without node and script) and gives the exit code. Results go to stdout, progress and
 * errors to stderr; with `--json` results and errors are one object each.
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

function programOf(ports: ProgramPorts, json: boolean): Command {
  const tell = (line: string): void => ports.error(json ? '' : `${line}\n`);
  const show = ({ lines, json: value }: CommandResult): void =>
    ports.out(json ? `${JSON.stringify(value)}\n` : `${lines.join('\n')}\n`);
  const program = new Command('sotto-sim')
    .description('Whole federations in one process: the product’s own machines on a virtual clock.')
    .version(version)
    .exitOverride()
    .configureOutput({ writeOut: ports.out, writeErr: ports.error })
    .addHelpText('after', exitCodeHelp());
  const command = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .option('--json', 'one JSON object on stdout, errors as one on stderr')
      .addHelpText('after', exitCodeHelp());

  const one = command('run', 'run a plan, or a draft of one, over a table divided among simulated clients')
    .argument('<plan>', 'JSON; roster and authority are the simulation’s own')
    .requiredOption('--data <file>', 'CSV table')
    .option('--schema <file>', 'data schema, where the plan has none')
    .option('--clients <number>', 'how many (with column: the number of its values)', wholeNumber)
    .option('--partition <rule>', 'iid, dirichlet:α (skewed by label) or column:NAME (a client for each value)', 'iid')
    .option('--seed <text>', 'the same seed is the same run', '1')
    .option('--threads <number>', 'work on data: the same run on any number (default: the cores)', threadCount)
    .addOption(
      new Option('--faults <how>', 'none, or wild: loss, delays, crashes drawn from the seed')
        .choices(['none', 'wild'])
        .default('none'),
    );
  one.action(async (path: string) => show(await runPlan(path, one.opts<RunOptions>(), tell)));
  const many = command('schedules', 'run seeded schedules with faults and lies, and check the rules of the protocol')
    .option('--from <number>', 'first schedule', wholeNumber, 0)
    .option('--to <number>', 'the one after the last', wholeNumber, 1_000);
  many.action(async () => show(await runSchedules(many.opts<SchedulesOptions>(), tell)));
  return program;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0) {
    throw new InvalidArgumentError('expected a whole number from 0 up');
  }
  return value;
}

function threadCount(text: string): number {
  const value = wholeNumber(text);
  if (value < 1 || value > 64) throw new InvalidArgumentError('expected 1 to 64');
  return value;
}
