import type { Command } from 'commander';
import { showCard } from './card-commands.ts';
import type { CommandResult } from './command-result.ts';
import type { FolderOptions } from './folder-commands.ts';
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
};

/** Adds `sotto privacy …`. */
export function addPrivacyCommands(program: Command, tools: CommandTools): void {
  const privacy = program.command('privacy').description('what is promised, and what was spent');
  addCard(privacy, tools);
  addLedger(privacy, tools);
  addBudget(privacy, tools);
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
