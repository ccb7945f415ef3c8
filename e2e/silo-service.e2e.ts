import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LocalFederation } from '@sotto/simulation/local';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hasNumpy } from '../scripts/python.mjs';
import { start, type Running } from './testing/commands.ts';
import { endOfRun, invitationTo } from './testing/invite.ts';
import { smallDraft, smallRows, smallSchema } from './testing/small-data.ts';

/** The example of a silo as a service: processes as systemd or a container starts them, and what those are told. */
const root = fileURLToPath(new URL('..', import.meta.url));
const example = join(root, 'examples/silo-service');
const silos = ['north', 'east', 'south'];
const rounds = 2;
const python = process.env['SOTTO_PYTHON'] ?? 'python3';
let folder: string;
let runId = '';
let federation: LocalFederation;
const services = new Map<string, Running>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-service-'));
  federation = await LocalFederation.open({
    dir: join(folder, 'federation'),
    schema: smallSchema,
    policy: { version: 1 },
    nodes: [],
  });
  await federation.startCoordinator();
  for (const name of silos) await writeSilo(name);
});

afterAll(async () => {
  await Promise.all([...services.values()].map((service) => service.stop()));
  await federation.stop();
  await rm(folder, { recursive: true, force: true });
});

test('three services join by their invitations and train a plan, whose model replays', async () => {
  // One by a file, one by the environment, one as a unit of systemd is started.
  launch('north', [at('north', 'silo.json')]);
  launch('east', [], {
    SOTTO_SILO_STATE: at('east', 'state'),
    SOTTO_SILO_INVITATION: at('east', 'invitation'),
    SOTTO_SILO_SCHEMA: at('east', 'schema.json'),
    SOTTO_SILO_DATA: at('east', 'rows.csv'),
    SOTTO_SILO_NAME: 'east',
  });
  const { state: _state, invitation: _invitation, ...rest } = await settingsOf('south');
  await writeFile(at('south', 'silo.json'), JSON.stringify(rest));
  launch('south', [at('south', 'silo.json')], {
    STATE_DIRECTORY: at('south', 'state'),
    CREDENTIALS_DIRECTORY: at('south'),
  });
  await Promise.all(silos.map((name) => lineOf(name, 'connected')));

  ({ runId } = await federation.submit(smallDraft('by services', { rounds })));
  const status = await endOfRun(federation, runId);
  expect(status.state, status.reason ?? '').toBe('finished');
  expect(Object.fromEntries(status.clients.map(({ name, sessionsSurvived }) => [name, sessionsSurvived]))).toEqual(
    Object.fromEntries(silos.map((name) => [name, rounds])),
  );
  expect((await federation.command(['replay', runId]))['modelHash']).toBe(status.modelHash);
  await Promise.all(silos.map((name) => lineOf(name, 'runEnded')));
});

test.skipIf(!hasNumpy(python))('its exported model scores in Python as it does at the silo', async () => {
  const { score } = JSON.parse(await lineOf('north', 'scored')) as { score: { rows: number; accuracy: number } };
  const model = join(folder, 'model.safetensors');
  await federation.command(['export', runId, '--out', model]);
  const script = join(root, 'examples/python-reader/read_model.py');
  const plan = join(folder, 'federation', 'plan.signed.json');
  const read = spawnSync(python, [script, model, plan, at('north', 'held-back.csv')], { encoding: 'utf8' });
  expect(read.stderr).toBe('');
  const right = Math.round(score.accuracy * score.rows);
  expect(read.stdout).toContain(`accuracy ${score.accuracy.toFixed(4)} (${right} of ${score.rows})`);
});

test('they end on SIGTERM with 0, and every line that they wrote is JSON with a time and a type', async () => {
  const ended = await Promise.all([...services.values()].map((service) => service.stop()));
  for (const { code, out, err } of ended) {
    expect(err).toBe('');
    expect(code).toBe(0);
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly time: string; readonly type: string });
    for (const { time, type } of lines) {
      expect(new Date(time).toISOString()).toBe(time);
      expect(type).toMatch(/^[a-zA-Z]+$/);
    }
    const types = lines.map(({ type }) => type);
    expect(types.slice(0, 2)).toEqual(['joined', 'dataRead']);
    expect(types.slice(-2)).toEqual(['stopping', 'ended']);
    expect(types.filter((type) => type === 'charged')).toHaveLength(rounds);
    // A plan is pages long.
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThan(1_000);
  }
});

test('a service that has joined needs no invitation, and takes up its books', async () => {
  await rm(at('north', 'invitation'));
  const { invitation: _used, ...rest } = await settingsOf('north');
  await writeFile(at('north', 'silo.json'), JSON.stringify(rest));
  const again = launch('north', [at('north', 'silo.json')]);
  const books = JSON.parse(await again.line(/"type":"books"/)) as { readonly epsilonSpent: number };
  expect(books.epsilonSpent).toBeGreaterThan(0);
  await again.line(/"type":"connected"/);
  expect((await again.stop()).code).toBe(0);
});

test('what is set wrongly ends it with the number for that, and a last line that says why', async () => {
  const settings = await settingsOf('north');
  await writeFile(at('north', 'other.csv'), 'weight,height\n70,1.8\n');
  const wrong: readonly [number, string, object][] = [
    [2, 'there is no setting "polcy"', { ...settings, polcy: 'policy.json' }],
    [2, 'SOTTO_SILO_DATA', { ...settings, data: undefined }],
    [2, 'FILE_NOT_FOUND', { ...settings, state: at('north', 'another') }],
    [3, 'DATA_INVALID', { ...settings, data: at('north', 'other.csv') }],
  ];
  await Promise.all(
    wrong.map(async ([number, says, file], index) => {
      const path = at('north', `wrong-${index}.json`);
      await writeFile(path, JSON.stringify(file));
      const { code, out } = await service([path]).ended;
      expect(code, out).toBe(number);
      const last = out.trim().split('\n').at(-1) ?? '';
      expect(JSON.parse(last)).toMatchObject({ type: 'error' });
      expect(last).toContain(JSON.stringify(says).slice(1, -1));
    }),
  );
});

test('the unit starts it by names that it knows, and numbers that no second start would change', async () => {
  const unit = await readFile(join(example, 'sotto-silo.service'), 'utf8');
  const settings = await readFile(join(example, 'settings.mjs'), 'utf8');
  const started = /^ExecStart=\S+ \/opt\/sotto\/(\S+) \S+\/silo\.json$/m.exec(unit)?.[1] ?? '';
  expect(existsSync(join(root, started)), started).toBe(true);
  for (const given of ['STATE_DIRECTORY', 'CREDENTIALS_DIRECTORY', "credential('invitation'"]) {
    expect(settings).toContain(given);
  }
  expect(unit).toMatch(/^LoadCredential=invitation:/m);
  expect(unit).toMatch(/^StateDirectory=/m);
  for (const hardened of ['DynamicUser=yes', 'ProtectSystem=strict', 'NoNewPrivileges=yes', 'CapabilityBoundingSet=']) {
    expect(unit.split('\n')).toContain(hardened);
  }
  const never = /^RestartPreventExitStatus=(.*)$/m.exec(unit)?.[1]?.split(' ').map(Number);
  expect(never).toEqual([2, 3, 4, 5, 7]);
});

test.skipIf(!existsSync('/usr/bin/systemd-analyze'))('systemd finds nothing wrong with the unit', async () => {
  // Programs lie elsewhere here; everything else is as shipped.
  const unit = (await readFile(join(example, 'sotto-silo.service'), 'utf8'))
    .replace('/usr/bin/node', process.execPath)
    .replaceAll('/opt/sotto', root.replace(/\/$/, ''));
  await writeFile(join(folder, 'sotto-silo.service'), unit);
  const analyze = (...words: string[]) =>
    spawnSync('/usr/bin/systemd-analyze', [...words, join(folder, 'sotto-silo.service')], { encoding: 'utf8' });
  const verified = analyze('verify');
  expect(verified.stderr + verified.stdout).toBe('');
  expect(verified.status).toBe(0);
  // In tenths: what README.md says of its exposure.
  expect(analyze('security', '--offline=true', '--threshold=13').status).toBe(0);
});

test('the container file copies what is there, and the service runs as nobody of importance', async () => {
  const text = await readFile(join(example, 'Containerfile'), 'utf8');
  const copies = [...text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources = '']) => sources.split(' '));
  expect(copies.length).toBeGreaterThan(10);
  for (const source of copies) expect(existsSync(join(root, source)), source).toBe(true);
  const { workspaces } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { workspaces: string[] };
  for (const workspace of workspaces) expect(copies, 'npm asks for all of them').toContain(`${workspace}/package.json`);
  expect([...text.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base)).toEqual([
    '${BASE}',
    'packages',
    'packages',
    '${BASE}',
  ]);
  expect(text).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
  // What comes after is done by that user.
  expect(text.slice(text.indexOf('USER '))).not.toMatch(/^(RUN|COPY|ADD) /m);
});

function at(silo: string, file = ''): string {
  return join(folder, silo, file);
}

async function writeSilo(name: string): Promise<void> {
  await mkdir(at(name));
  const settings = {
    name,
    state: at(name, 'state'),
    invitation: at(name, 'invitation'),
    schema: at(name, 'schema.json'),
    policy: at(name, 'policy.json'),
    data: at(name, 'rows.csv'),
    ...(name === 'north' ? { holdout: at(name, 'held-back.csv') } : {}),
  };
  const files = {
    'schema.json': JSON.stringify(smallSchema),
    'policy.json': JSON.stringify({ version: 1 }),
    'rows.csv': smallRows(name, 40),
    'held-back.csv': smallRows(`held back by ${name}`, 60),
    'silo.json': JSON.stringify(settings),
    invitation: `${invitationTo(federation)}\n`,
  };
  await Promise.all(Object.entries(files).map(([file, text]) => writeFile(at(name, file), text)));
}

async function settingsOf(name: string): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse(await readFile(at(name, 'silo.json'), 'utf8')) as Record<string, unknown>;
}

function service(parameters: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  return start([process.execPath, join(example, 'service.mjs'), ...parameters], { cwd: folder, env });
}

/** A silo's first line of that type, past or future. */
function lineOf(name: string, noticeType: string): Promise<string> {
  const one = services.get(name);
  if (one === undefined) throw new Error(`${name} was not launched`);
  return one.line(new RegExp(`"type":"${noticeType}"`));
}

function launch(name: string, parameters: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const one = service(parameters, env);
  services.set(name, one);
  return one;
}
