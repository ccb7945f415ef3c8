// npm run check: everything that can be said about the code without running it. `npm run check -- lint knip` runs those alone.
import { pathToFileURL } from 'node:url';
import { ensureInstalled, run, tool } from './setup.mjs';

const tsc = tool('typescript', 'bin/tsc');
/** In two lanes beside each other: the compiler's build on one another and use both cores, those that read text use one. */
const steps = [
  { name: 'build', what: 'types of the workspaces', args: [tsc, '-b', '--force'] },
  { name: 'test-types', what: 'types of the tests', args: [tsc, '-p', 'tsconfig.test.json'] },
  {
    name: 'browser-types',
    what: 'types of dashboard and browser tests',
    args: [tsc, '-p', 'tsconfig.test-browser.json'],
  },
  {
    name: 'example-types',
    what: 'types of the React example, as a user of the packages has them',
    args: [tsc, '-p', 'examples/react-app/tsconfig.json'],
  },
  { name: 'lint', what: 'oxlint with types: imports, purity, promises', args: [tool('oxlint', 'bin/oxlint')] },
  {
    name: 'format',
    what: 'prettier',
    lane: 'text',
    args: [tool('prettier', 'bin/prettier.cjs'), '--check', '--log-level=warn', '.'],
  },
  { name: 'knip', what: 'dead code, unlisted dependencies', lane: 'text', args: [tool('knip', 'bin/knip.js')] },
];

/**
 * Runs the checks and shows each with its time; what a failed one says follows it.
 * @param {readonly string[]} [only] names of steps; all where empty
 * @returns {Promise<{ passed: number, failed: number }>}
 */
export async function check(only = []) {
  const tally = { passed: 0, failed: 0 };
  const wanted = steps.filter(({ name }) => only.length === 0 || only.includes(name));
  const runLane = async (lane) => {
    for (const { name, what, args } of wanted.filter((step) => step.lane === lane)) {
      const { code, output, seconds } = await run(process.execPath, args, { capture: true });
      tally[code === 0 ? 'passed' : 'failed']++;
      console.error(`${code === 0 ? '✓' : '✗'} ${name.padEnd(14)} ${seconds.toFixed(1).padStart(6)} s  ${what}`);
      if (code !== 0) console.error(output.trimEnd());
    }
  };
  await Promise.all([undefined, 'text'].map(runLane));
  return tally;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await ensureInstalled();
  const only = process.argv.slice(2);
  const unknown = only.filter((name) => !steps.some((step) => step.name === name));
  if (unknown.length > 0) {
    console.error(`There is no check ${unknown.join(', ')}: ${steps.map(({ name }) => name).join(', ')}.`);
    process.exit(2);
  }
  const { passed, failed } = await check(only);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
