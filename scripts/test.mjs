// npm test: installs what is needed and runs everything. `--long`: the long set too. Last line: `N passed, N failed, N skipped`.
// SOTTO_REQUIRE=all: a skipped test is a failure, for the machine that has everything.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check } from './check.mjs';
import { startPostgres } from './postgres.mjs';
import { ensurePython } from './python.mjs';
import { build, buildDashboard, ensureInstalled, root, run, tool } from './setup.mjs';
import { ensureSystemPackages } from './system-packages.mjs';

const long = process.argv.includes('--long');
const requireAll = process.env['SOTTO_REQUIRE'] === 'all';
const began = Date.now();
const tally = { passed: 0, failed: 0 };
/** Names of what was not run. */
const skipped = [];
/** What each suite gave, and its tests that took more than five seconds: the record of a long run. */
const suites = [];
const folder = mkdtempSync(join(tmpdir(), 'sotto-test-'));
/** Tests that run on Node 24 too, and those below them that do not. */
const ofPlatform = [
  'shared/src/crypto',
  'shared/src/random',
  'shared/src/vector',
  'shared/src/model',
  'shared/src/learning',
  'shared/src/privacy',
  'shared/src/protocol',
  'shared/src/queries',
  'shared/src/secure-sum',
  'coordinator/src/http',
  'coordinator/src/sockets',
  'coordinator/src/store',
  'coordinator/src/sessions/mask-threads.test.ts',
  'client-sdk/src/platform',
  'client-sdk/src/ledger',
  'simulation/src/golden-run.test.ts',
];
const ofNumbers = [
  'shared/src/privacy/accountants/account-case.test.ts',
  'shared/src/privacy/accountants/discrete-domination.test.ts',
  'shared/src/privacy/accountants/golden-cases.test.ts',
  'shared/src/privacy/audit-bound.test.ts',
  'shared/src/secure-sum/model-check.test.ts',
  'shared/src/secure-sum/graph-parameters.test.ts',
  'shared/src/secure-sum/ring-session.test.ts',
  'shared/src/secure-sum/attacks-on-ring.test.ts',
];
const vitest = tool('vitest', 'vitest.mjs');

await ensureInstalled();
await ensureSystemPackages();

const env = long ? { SOTTO_LONG: '1' } : {};
const postgres = await startPostgres();
if (postgres !== null) env.SOTTO_POSTGRES = postgres.url;
const python = await ensurePython();
if (python !== null) env.SOTTO_PYTHON = python;
try {
  heading('Checks');
  const checked = await check();
  tally.passed += checked.passed;
  tally.failed += checked.failed;

  heading('Unit, property and contract tests');
  await suite('unit', process.execPath, [vitest, 'run']);

  heading('Build');
  for (const make of [build, buildDashboard]) {
    const good = await make();
    tally[good ? 'passed' : 'failed']++;
    console.error(`${good ? '✓' : '✗'} ${make.name}`);
  }

  // Real processes mostly wait for one another: there is room beside them, and one worker takes little of it.
  const second = onNode24();
  heading('Real processes, sockets and browsers');
  await suite('e2e', process.execPath, [vitest, 'run', '--config', 'e2e/vitest.config.ts', '--passWithNoTests']);

  heading('What an engine can change, on Node 24');
  console.error(await second);
} finally {
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
}

if (skipped.length > 0) {
  heading(requireAll ? 'Skipped, although SOTTO_REQUIRE=all' : 'Skipped');
  for (const name of skipped) console.error(`  ${name}`);
}
console.error(`\n${((Date.now() - began) / 60_000).toFixed(1)} minutes`);
if (long) keepRecord();
console.log(`${tally.passed} passed, ${tally.failed} failed, ${skipped.length} skipped`);
process.exitCode = tally.failed > 0 || (requireAll && skipped.length > 0) ? 1 : 0;

/**
 * What an engine can change, on the Node that production runs: cryptography (ML-KEM is OpenSSL's there), threads, memory,
 * random numbers, text and bytes, sockets and HTTP, SQLite and files; the arithmetic of models and noise, which must be the same
 * bit for bit; whole sessions of the secure sum, and a whole run. Left out is what only computes with numbers and objects and
 * asks nothing of the platform: plans, cards, metrics, audits, the accountants' long tables, the search of the model check, and
 * sessions of two hundred clients, which do what small ones do. Resolves with what was said.
 */
async function onNode24() {
  const npx = ['-y', '-p', 'node@24', 'node'];
  const probe = await run('npx', [...npx, '-p', 'process.versions.node'], { capture: true });
  const version = probe.output.trim().split('\n').at(-1);
  if (probe.code !== 0 || !version?.startsWith('24.')) {
    skipped.push(`Node 24: npx -p node@24 does not give it (${version ?? 'no answer'})`);
    return 'not run';
  }
  // A path that is gone would be left out without a word.
  const gone = [...ofPlatform, ...ofNumbers].filter((path) => !existsSync(join(root, path)));
  if (gone.length > 0) {
    tally.failed++;
    return `not run: there is no ${gone.join(', ')}`;
  }
  // By name, because vitest does not hand --exclude on to the projects of its configuration.
  const files = ofPlatform.flatMap(testsBelow).filter((path) => !ofNumbers.includes(path));
  const chosen = ['--maxWorkers=1', ...files];
  return suite(`node ${version}`, 'npx', [...npx, vitest, 'run', ...chosen], { capture: true });
}

/** Paths of a test, or of all tests in a folder and below. */
function testsBelow(path) {
  if (path.endsWith('.test.ts')) return [path];
  const names = readdirSync(join(root, path), { recursive: true }).map((name) => name.replaceAll('\\', '/'));
  return names.filter((name) => name.endsWith('.test.ts')).map((name) => `${path}/${name}`);
}

/** Runs vitest, shows what it says or resolves with it, and counts. */
async function suite(name, command, args, { capture = false } = {}) {
  const report = join(folder, `${name.replaceAll(/\W/g, '-')}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const { code, seconds, output } = await run(command, [...args, ...reporters], { env, capture });
  const counted = countReport(report, name);
  // A run that ends badly without a failed test (a worker that died, an error outside a test) is a failure too.
  if (code !== 0 && counted.failed === 0) counted.failed = 1;
  tally.passed += counted.passed;
  tally.failed += counted.failed;
  skipped.push(...counted.skipped);
  const { passed, failed } = counted;
  suites.push({
    name,
    passed,
    failed,
    skipped: counted.skipped.length,
    seconds: Math.round(seconds),
    slow: counted.slow,
  });
  const line = `${name}: ${passed} passed, ${failed} failed, ${counted.skipped.length} skipped, ${seconds.toFixed(0)} s`;
  if (capture) return `${output}\n${line}`;
  console.error(line);
  return line;
}

function countReport(path, name) {
  const counted = { passed: 0, failed: 0, skipped: [], slow: [] };
  if (!existsSync(path)) return { ...counted, failed: 1 };
  for (const { name: file, status, assertionResults } of JSON.parse(readFileSync(path, 'utf8')).testResults) {
    for (const { status: outcome, fullName, duration = 0 } of assertionResults) {
      if (duration > 5_000) {
        counted.slow.push({ test: fullName.trim(), outcome, seconds: Math.round(duration / 1_000) });
      }
      if (outcome === 'passed') counted.passed++;
      else if (outcome === 'failed') counted.failed++;
      else counted.skipped.push(`${name}: ${fullName.trim()} (${file.replace(`${root}/`, '')})`);
    }
    // A file that does not even load has no tests to count.
    if (status === 'failed' && assertionResults.every(({ status: outcome }) => outcome !== 'failed')) counted.failed++;
  }
  return counted;
}

/** The last long run is kept with the project. */
function keepRecord() {
  mkdirSync(join(root, 'bench/results'), { recursive: true });
  const record = {
    command: 'npm run test:long',
    finishedAt: new Date().toISOString(),
    node: process.version,
    minutes: Math.round((Date.now() - began) / 6_000) / 10,
    passed: tally.passed,
    failed: tally.failed,
    skipped,
    suites,
  };
  writeFileSync(join(root, 'bench/results/test-long.json'), `${JSON.stringify(record, null, 2)}\n`);
}

function heading(text) {
  console.error(`\n── ${text} ──`);
}
