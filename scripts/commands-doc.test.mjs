import { expect, test } from 'vitest';
import { programOf as authority } from '../authority/src/program.ts';
import { programOf as node } from '../client-sdk/src/cli/program.ts';
import { programOf as coordinator } from '../coordinator/src/cli/program.ts';

const nothing = () => undefined;
const ports = { out: nothing, error: nothing, environment: {}, ended: Promise.resolve(), now: () => 0 };
const programs = [
  coordinator(ports, false),
  node(() => async () => undefined),
  authority(ports, () => async () => undefined, nothing),
];

const intro = `# Commands

Three programs: \`sotto\` leads runs (the coordinator), \`sotto-node\` takes part in them beside the data, \`sotto-authority\` signs, on a machine without a network. Below is what each says with \`--help\`. What they end with: [exit codes](exit-codes.md).
`;

/** What Commander knows of a command and all below it. */
function sectionOf(command, parents = []) {
  const names = [...parents, command.name()];
  const helper = command.createHelp();
  helper.prepareContext({ helpWidth: 110 });
  const help = helper.formatHelp(command, helper).trimEnd();
  const heading = `${'#'.repeat(Math.min(names.length + 1, 3))} ${names.join(' ')}`;
  return [
    `${heading}\n\n\`\`\`text\n${help}\n\`\`\`\n`,
    ...command.commands.flatMap((below) => sectionOf(below, names)),
  ];
}

test('the page shows every command as it is (npx vitest run scripts/commands-doc.test.mjs -u writes it)', async () => {
  const page = [intro, ...programs.flatMap((program) => sectionOf(program))].join('\n');
  await expect(page).toMatchFileSnapshot('../docs/reference/commands.md');
});

test('every command says what it does, and so does every option', () => {
  const visit = (command) => {
    expect(command.description(), command.name()).not.toBe('');
    for (const option of command.options) expect(option.description, `${command.name()} ${option.flags}`).not.toBe('');
    command.commands.forEach(visit);
  };
  programs.forEach(visit);
});

test('the help of every command begins with its usage, names --json and ends with the exit codes', () => {
  let seen = 0;
  const visit = (command, parents = []) => {
    const name = [...parents, command.name()].join(' ');
    let said = '';
    command.configureOutput({ writeOut: (text) => (said += text) }).outputHelp();
    expect(said, name).toMatch(new RegExp(`^Usage: ${name} `));
    expect(said, name).toContain('Exit codes');
    if (command.commands.length === 0) expect(said, name).toContain('--json');
    seen += 1;
    for (const below of command.commands) visit(below, [...parents, command.name()]);
  };
  for (const program of programs) visit(program);
  expect(seen).toBeGreaterThanOrEqual(30);
});
