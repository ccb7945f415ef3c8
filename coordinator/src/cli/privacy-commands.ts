import type { Command } from 'commander';
import { accountCase, caseResultJson } from '@sotto/shared/privacy';
import { answerLines } from './answer-lines.ts';

/** What the commands of `sotto privacy` get from the program. */
export type PrivacyPorts = {
  readonly out: (text: string) => void;
  /** Standard input; nothing where it is not given. */
  readonly input?: AsyncIterable<string | Uint8Array>;
};

/** Adds `sotto privacy` and what is below it. `command` makes a command with `--json`. */
export function addPrivacyCommands(
  program: Command,
  command: (parent: Command, name: string, description: string) => Command,
  ports: PrivacyPorts,
): void {
  const privacy = program.command('privacy').description('compute and check privacy figures');
  command(privacy, 'account', 'answer accounting cases, a JSON line each on stdin, with a JSON line each').action(() =>
    answerLines(
      ports.input ?? noInput(),
      (value) => caseResultJson(accountCase(value)),
      (error) => caseResultJson({ id: null, error }),
      ports.out,
    ),
  );
}

async function* noInput(): AsyncGenerator<string> {
  // Nothing comes.
}
