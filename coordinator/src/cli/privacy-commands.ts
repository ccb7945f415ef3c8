import { InvalidArgumentError, type Command } from 'commander';
import { accountLines } from './account-command.ts';
import { auditBoundLines } from './audit-bound-command.ts';
import { auditFile, type AuditFlags } from './audit-command.ts';
import { showCard } from './card-commands.ts';
import type { CommandResult } from './command-result.ts';
import type { FolderOptions } from './folder-commands.ts';
import type { TextInput } from './json-lines.ts';
import { federationBudgetCommand, showFederationLedger } from './ledger-commands.ts';

/** What the program lends to its groups of commands. */
export type CommandTools = {
  /** A command with `--json`. */
  readonly command: (parent: Command, name: string, description: string) => Command;
  /** … with `--dir`. */
  readonly inFolder: (one: Command) => Command;
  /** … with `--dir` and `--database`. */
  readonly ofFolder: (one: Command) => Command;
  readonly show: (result: CommandResult) => void;
  /** Progress, for people alone. */
  readonly tell: (line: string) => void;
  readonly write: (line: string) => void;
  readonly input: TextInput;
};

/** Adds `sotto privacy …`. */
export function addPrivacyCommands(program: Command, tools: CommandTools): void {
  const privacy = program.command('privacy').description('what is promised, and what was spent');
  addAccount(privacy, tools);
  addAudit(privacy, tools);
  addAuditBound(privacy, tools);
  addCard(privacy, tools);
  addLedger(privacy, tools);
  addBudget(privacy, tools);
}

function addAccount(privacy: Command, { command, input, write }: CommandTools): void {
  command(privacy, 'account', 'answer accounting cases: JSON lines on stdin, JSON lines on stdout').action(() =>
    accountLines(input, write),
  );
}

function addAudit(privacy: Command, { command, show, tell }: CommandTools): void {
  const audit = command(privacy, 'audit', 'attack a plan’s training with canaries, and test its noise')
    .argument('<plan>', 'file of a complete plan, signed or not')
    .option('--canaries <number>', 'canaries (default: 10000, or 1000 where a client is the unit)', wholeNumber)
    .option('--guesses <number>', 'guesses, fixed in advance (default: a twentieth of the canaries)', wholeNumber)
    .option('--significance <number>', 'chance of a false alarm of the bound (default: 0.05)', Number)
    .option('--rounds-limit <number>', 'audit so many releases at most', wholeNumber)
    .option('--seed <text>', 'make the audit reproducible: no randomness but from this seed')
    .option('--direct', 'add the contributions directly, without the secure sum: faster');
  audit.action(async (path: string) => {
    const { result, violation } = await auditFile(path, audit.opts<AuditFlags>(), tell);
    show(result);
    if (violation !== null) throw violation;
  });
}

function addAuditBound(privacy: Command, { command, input, write }: CommandTools): void {
  command(
    privacy,
    'audit-bound',
    'lower bounds on ε from counts of right guesses: JSON lines on stdin, JSON lines on stdout',
  ).action(() => auditBoundLines(input, write));
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('expected a whole number');
  return Number(text);
}

function addCard(privacy: Command, { command, ofFolder, show }: CommandTools): void {
  const card = ofFolder(command(privacy, 'card', 'the privacy card of a run, or of a plan before it runs'))
    .argument('<run-or-plan>', 'file of a plan, or id of a run, or its beginning')
    .option('--markdown', 'plain sentences as Markdown (the default)');
  card.action(async (runOrPlan: string) => show(await showCard(runOrPlan, card.opts<FolderOptions>())));
}

function addLedger(privacy: Command, { command, ofFolder, show }: CommandTools): void {
  const ledger = ofFolder(command(privacy, 'ledger', 'what the federation’s runs were charged, and what is left'));
  ledger.action(async () => show(await showFederationLedger(ledger.opts<FolderOptions>())));
}

function addBudget(privacy: Command, { command, inFolder, show }: CommandTools): void {
  const budget = inFolder(command(privacy, 'budget', 'show or set what all plans of the federation may spend together'))
    .option('--epsilon <number>', 'largest ε of all plans together; may be changed later')
    .option('--delta <number>', 'its δ, for good (default: 1e-5)');
  budget.action(async () => {
    const { dir, ...rest } = budget.opts<{ dir: string; epsilon?: string; delta?: string }>();
    show(await federationBudgetCommand(dir, rest));
  });
}
