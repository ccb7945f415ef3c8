#!/usr/bin/env node
/**
 * The parts of the demonstration federation of docker-compose.yml, one role a process:
 *
 *   demo.mjs prepare       the authority's key, and each silo's own rows of the digits
 *   demo.mjs coordinator   `sotto serve`; submits the plan when it is signed
 *   demo.mjs invite        an invitation for each silo, when the coordinator's certificate is known
 *   demo.mjs silo N        joins with its invitation, then takes part in the run
 *   demo.mjs sign          signs the plan when every silo has enrolled
 *   demo.mjs dashboard     dashboard/serve.mjs, pinned to the coordinator's certificate
 *
 * Folders, by environment: DEMO_AUTHORITY (key file; prepare, invite, sign), DEMO_PUBLIC (nothing secret; all), DEMO_SILOS
 * (silo-1 … silo-3; prepare and invite write there, a silo sees its own alone as DEMO_SILO), SOTTO_DIR (the coordinator's own).
 * DEMO_DEVICE is the silo's --device.
 * Each step that was done is kept, so that `up` after `down` goes on.
 */
import { spawn } from 'node:child_process';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const silos = [1, 2, 3];
const root = fileURLToPath(new URL('..', import.meta.url));
const digits = join(root, 'examples/digits-8x8');
const bins = {
  sotto: 'coordinator/bin/sotto.mjs',
  'sotto-node': 'client-sdk/bin/sotto-node.mjs',
  'sotto-authority': 'authority/bin/sotto-authority.mjs',
  dashboard: 'dashboard/serve.mjs',
};
const folder = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
};
const roles = { prepare, coordinator, invite, silo, sign, dashboard };

async function prepare() {
  const key = join(folder('DEMO_AUTHORITY'), 'authority.key');
  if (!existsSync(key)) await run('sotto-authority', ['init', '--key', key, ...passphrase()]);
  const { publicKey } = JSON.parse(await output('sotto-authority', ['fingerprint', '--key', key, '--json']));
  await writeWhole(join(folder('DEMO_PUBLIC'), 'authority.json'), JSON.stringify({ publicKey }));
  const { clients } = JSON.parse(await readFile(join(digits, 'splits-dirichlet03-10.json'), 'utf8'));
  const owner = new Map(clients.flatMap(({ train }, index) => train.map((row) => [row, (index % silos.length) + 1])));
  const tables = new Map(silos.map((number) => [number, []]));
  let head = null;
  let row = 0;
  for await (const line of createInterface({ input: createReadStream(join(digits, 'data.csv')) })) {
    if (head === null) head = line;
    else tables.get(owner.get(row++))?.push(line);
  }
  for (const [number, lines] of tables) {
    const path = join(siloFolder(number), 'digits.csv');
    if (!existsSync(path)) await writeWhole(path, `${[head, ...lines].join('\n')}\n`);
  }
}

async function coordinator() {
  const { publicKey } = await fileJson(join(folder('DEMO_PUBLIC'), 'authority.json'));
  const dir = folder('SOTTO_DIR');
  const served = start('sotto', ['serve'], { SOTTO_AUTHORITY: publicKey });
  const began = Date.now();
  void (async () => {
    const { fingerprint } = await fileJson(join(dir, 'address.json'), began);
    await writeWhole(join(folder('DEMO_PUBLIC'), 'coordinator.json'), JSON.stringify({ fingerprint }));
    const plan = join(folder('DEMO_PUBLIC'), 'plan.signed.json');
    const submitted = join(dir, 'demo-submitted');
    await fileJson(plan);
    if (!existsSync(submitted)) {
      await run('sotto', ['run', plan]);
      await writeFile(submitted, '');
    }
  })().catch((error) => {
    console.error(error.message);
    served.kill('SIGTERM');
  });
  process.exitCode = await ended(served);
}

async function invite() {
  const { fingerprint } = await fileJson(join(folder('DEMO_PUBLIC'), 'coordinator.json'));
  const key = join(folder('DEMO_AUTHORITY'), 'authority.key');
  for (const number of silos) {
    const path = join(siloFolder(number), 'invitation');
    if (existsSync(path)) continue;
    const to = [
      '--coordinator',
      folder('SOTTO_COORDINATOR'),
      '--tls-fingerprint',
      fingerprint,
      '--name',
      `Silo ${number}`,
    ];
    const made = await output('sotto-authority', ['invite', '--key', key, ...passphrase(), '--json', ...to]);
    await writeWhole(path, `${JSON.parse(made).invitation}\n`);
  }
}

async function silo(number) {
  const own = folder('DEMO_SILO');
  const node = join(own, 'node');
  const certificate = join(folder('DEMO_PUBLIC'), `certificate-${number}.json`);
  if (!existsSync(certificate)) {
    const invitation = await fileText(join(own, 'invitation'));
    await run('sotto-node', ['--folder', node, 'join', invitation.trim(), '--name', `Silo ${number}`]);
    const identity = JSON.parse(await readFile(join(node, 'identity.json'), 'utf8'));
    await writeWhole(certificate, JSON.stringify(identity.certificate));
  }
  const data = ['--schema', join(digits, 'schema.json'), '--data', join(own, 'digits.csv')];
  const device = ['--device', process.env.DEMO_DEVICE ?? 'auto'];
  process.exitCode = await ended(
    start('sotto-node', ['--folder', node, 'run', ...data, ...device, '--data-source', join(own, 'books')]),
  );
}

async function sign() {
  const out = join(folder('DEMO_PUBLIC'), 'plan.signed.json');
  if (existsSync(out)) return;
  const certificates = [];
  for (const number of silos)
    certificates.push(await fileJson(join(folder('DEMO_PUBLIC'), `certificate-${number}.json`)));
  const work = folder('DEMO_AUTHORITY');
  const draft = JSON.parse(await readFile(join(digits, 'plan.json'), 'utf8'));
  const purpose = 'Three silos with skewed handwritten digits train one classifier.';
  const plan = {
    ...draft,
    name: 'Digits of three silos',
    purpose,
    cohort: { minSurvivors: silos.length, colluding: 1 },
  };
  await writeWhole(join(work, 'plan.json'), JSON.stringify(plan));
  await writeWhole(join(work, 'certificates.json'), JSON.stringify(certificates));
  const files = ['--schema', join(digits, 'schema.json'), '--certificates', join(work, 'certificates.json')];
  const key = ['--key', join(work, 'authority.key'), ...passphrase()];
  await run('sotto-authority', [
    'sign',
    join(work, 'plan.json'),
    ...files,
    ...key,
    '--out',
    join(work, 'plan.signed.json'),
    '--yes',
  ]);
  await writeWhole(out, await readFile(join(work, 'plan.signed.json'), 'utf8'));
}

async function dashboard() {
  const { fingerprint } = await fileJson(join(folder('DEMO_PUBLIC'), 'coordinator.json'));
  process.exitCode = await ended(start('dashboard', [], { SOTTO_FINGERPRINT: fingerprint }));
}

function siloFolder(number) {
  return join(folder('DEMO_SILOS'), `silo-${number}`);
}

function passphrase() {
  return ['--passphrase-file', folder('DEMO_PASSPHRASE_FILE')];
}

function start(bin, args, env = {}, stdout = 'inherit') {
  const child = spawn(process.execPath, [join(root, bins[bin]), ...args], {
    stdio: ['ignore', stdout, 'inherit'],
    env: { ...process.env, ...env },
  });
  const pass = (signal) => child.kill(signal);
  process.on('SIGTERM', pass);
  process.on('SIGINT', pass);
  child.once('exit', () => {
    process.off('SIGTERM', pass);
    process.off('SIGINT', pass);
  });
  return child;
}

function ended(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? (signal === 'SIGTERM' || signal === 'SIGINT' ? 0 : 1)));
  });
}

async function run(bin, args) {
  const code = await ended(start(bin, args));
  if (code !== 0) throw new Error(`${bin} ${args[0]} ended with ${code}`);
}

async function output(bin, args) {
  const child = start(bin, args, {}, 'pipe');
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part) => (text += part));
  const code = await ended(child);
  if (code !== 0) throw new Error(`${bin} ${args[0]} ended with ${code}`);
  return text;
}

/** A reader sees the whole file or none. */
async function writeWhole(path, text) {
  await mkdir(dirname(path), { recursive: true });
  const temporary = join(dirname(path), `.${basename(path)}.new`);
  await writeFile(temporary, text);
  await rename(temporary, path);
}

/** Waits, ten minutes at most, for a file that another role writes (not before `after`, milliseconds since the epoch). */
async function fileText(path, after = 0) {
  for (const end = Date.now() + 600_000; Date.now() < end;) {
    const found = await stat(path).catch(() => null);
    if (found !== null && found.mtimeMs >= after - 1_000) return readFile(path, 'utf8');
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  throw new Error(`${path} did not appear within ten minutes`);
}

async function fileJson(path, after) {
  return JSON.parse(await fileText(path, after));
}

const [role, number] = process.argv.slice(2);
if (!(role in roles) || (role === 'silo' && !silos.includes(Number(number)))) {
  console.error(`usage: demo.mjs ${Object.keys(roles).join(' | ')} (silo: ${silos.join(', ')})`);
  process.exit(2);
}
try {
  await roles[role](Number(number));
} catch (error) {
  console.error(`${role}: ${error.message}`);
  process.exit(1);
}
