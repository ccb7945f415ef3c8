import { Command, CommanderError } from 'commander';
import { exitCodeHelp, exitCodeOf, exitCodes, isSottoError, SottoError } from '@sotto/shared/errors';
import { version } from '@sotto/shared/version';
import * as commands from './commands.ts';
import type { CommandResult, InviteOptions, KeyOptions, RevokeOptions, SignOptions } from './commands.ts';

/** What the process gives to the program, so that a test can call it without one. */
export type ProgramPorts = {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  readonly now: () => number;
  /** Value of SOTTO_AUTHORITY_PASSPHRASE. */
  readonly passphrase: string | undefined;
};

/**
 * Runs `sotto-authority` with its arguments (without node and script) and gives the exit code. Result on stdout, everything
 * else on stderr; with `--json` both are one object.
 */
export async function run(args: readonly string[], ports: ProgramPorts): Promise<number> {
  const json = args.includes('--json');
  const perform = (action: () => Promise<CommandResult>) => async (): Promise<void> => {
    const result = await action();
    ports.out(json ? `${JSON.stringify(result.json)}\n` : `${result.lines.join('\n')}\n`);
    if (!json && result.notes !== undefined) ports.error(`${result.notes.join('\n')}\n`);
  };
  try {
    await programOf(ports, perform, json ? () => undefined : ports.error).parseAsync([...args], { from: 'user' });
    return exitCodes.done.number;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done.number : exitCodes.input.number;
    const known = isSottoError(error) ? error : new SottoError('INTERNAL', error instanceof Error ? error.message : '');
    ports.error(json ? `${JSON.stringify({ error: known })}\n` : `${known.code}: ${known.message}\n${known.cure}\n`);
    return exitCodeOf(known);
  }
}

type Perform = (action: () => Promise<CommandResult>) => () => Promise<void>;

/** The command line as Commander knows it. */
export function programOf(ports: ProgramPorts, perform: Perform, tell: (text: string) => void): Command {
  const withKey = <Options extends KeyOptions>(command: Command): Options => ({
    ...command.opts<Options>(),
    ...(ports.passphrase === undefined ? {} : { passphrase: ports.passphrase }),
  });
  const program = new Command('sotto-authority')
    .description(
      'The federation’s authority: makes its key, invites clients, signs plans. Offline: it never opens a connection.',
    )
    .version(version)
    .showHelpAfterError('Add --help to the command to see what it takes.')
    .addHelpText('afterAll', exitCodeHelp());
  const commandOf = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .option('--key <file>', 'key file of the authority', 'authority.key')
      .option('--json', 'one JSON object on stdout, errors as one on stderr');
  const keyed = (command: Command): Command =>
    command.option(
      '--passphrase-file <file>',
      'its first line is the passphrase (or SOTTO_AUTHORITY_PASSPHRASE; else asked)',
    );

  const init = keyed(commandOf('init', 'make the key file, sealed by a passphrase'));
  init.action(() => perform(() => commands.init(withKey(init)))());

  const fingerprint = commandOf('fingerprint', 'show the federation’s fingerprint; needs no passphrase');
  fingerprint.action(() => perform(() => commands.fingerprint(withKey(fingerprint)))());

  const invite = keyed(commandOf('invite', 'make an invitation, one line of text'))
    .requiredOption('--coordinator <url>', 'address of the coordinator')
    .option('--tls-fingerprint <hex>', 'SHA-256 of its TLS certificate, as `sotto serve` shows it')
    .option('--no-tls', 'for tests: the coordinator speaks plain HTTP')
    .option('--name <name>', 'name of the silo that is invited')
    .option('--role <role>', 'silo: one client by name; pool: whoever holds the line', 'silo')
    .option('--quota <n>', 'clients that a pool’s invitation admits', '1')
    .option('--expires <time>', 'how long it admits, for example 30d, 12h', '30d');
  invite.action(() => {
    // Commander reads --no-tls as tls: false.
    const { tls, ...rest } = withKey<InviteOptions & { tls: boolean }>(invite);
    return perform(() => commands.invite({ ...rest, noTls: !tls }, ports.now()))();
  });

  const sign = keyed(commandOf('sign', 'show a plan in words, ask, and sign it'))
    .argument('<plan>', 'JSON file of the plan; noise or ε may be missing')
    .option('--schema <file>', 'data schema, where the plan leaves it out')
    .option('--certificates <file>', 'JSON list of its clients’ certificates: gives the roster, or proves it')
    .option('--out <file>', 'where the signed plan goes (default: PLAN.signed.json)')
    .option('--yes', 'do not ask');
  sign.action((path: string) => perform(() => commands.sign(path, withKey<SignOptions>(sign), tell))());

  const revoke = keyed(commandOf('revoke', 'add clients to the numbered revocation list'))
    .argument('<client...>', 'client ids, 40 hexadecimal digits each')
    .option('--list <file>', 'the list (default: revocations.json beside the key file)');
  revoke.action((clients: string[]) => perform(() => commands.revoke(clients, withKey<RevokeOptions>(revoke)))());

  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({ writeOut: ports.out, writeErr: ports.error });
  }
  return program;
}
