import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorCodes, exitCodeOf, SottoError, type ErrorCode } from '@sotto/shared/errors';
import { decodeSafetensors } from '@sotto/shared/model';
import { beforeAll, expect, test } from 'vitest';
import { start, type, type CommandOptions, type Ended, type Running } from './testing/commands.ts';
import { smallDraft, smallRows, smallSchema } from './testing/small-data.ts';

/**
 * A federation set up by hand: every command as a person types it, each machine a folder of its own. The tests build on one
 * another, as the steps of a person do.
 */
const owners = ['north', 'east', 'south'];
const root = dirname(dirname(fileURLToPath(import.meta.url)));
let folder: string;
let port: number;
let office: CommandOptions;
let server: CommandOptions;
const at = (owner: string): CommandOptions => ({ cwd: join(folder, owner) });
let knownRun = '';
/** Programs and codes that were seen with --json. */
const shownInJson = new Set<string>();
const running = new Map<string, Running>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-by-hand-'));
  port = await freePort();
  for (const machine of ['office', 'server', ...owners]) await mkdir(join(folder, machine));
  office = { cwd: join(folder, 'office') };
  server = { cwd: join(folder, 'server') };
  await writeFile(join(folder, 'office', 'passphrase'), 'four words in a row\n');
  for (const owner of owners) {
    await writeFile(join(folder, owner, 'schema.json'), JSON.stringify(smallSchema));
    await writeFile(join(folder, owner, 'patients.csv'), smallRows(owner, 40));
  }
  return async () => {
    await Promise.all([...running.values()].map((one) => one.stop()));
    await rm(folder, { recursive: true, force: true });
  };
});

// What each of all commands says is held by scripts/commands-doc.test.mjs, in one process; here that a process says it.
test('the programs and commands say what they do, with --json and their exit codes', { timeout: 180_000 }, async () => {
  async function look(words: string): Promise<string> {
    const { code, out } = await type(`${words} --help`, office);
    expect(code, words).toBe(0);
    expect(out, words).toMatch(/^Usage: /);
    expect(out, words).toContain('Exit codes');
    return out;
  }
  const groups = ['sotto', 'sotto plan', 'sotto-node', 'sotto-authority'];
  for (const out of await Promise.all(groups.map(look))) expect(out).toContain('\nCommands:\n');
  const commands = ['sotto plan check', 'sotto-node run', 'sotto-authority sign'];
  for (const out of await Promise.all(commands.map(look))) expect(out).toContain('--json');
});

test('a word that is no command is refused with the usage code', { timeout: 180_000 }, async () => {
  for (const program of ['sotto', 'sotto-node', 'sotto-authority']) {
    const { code, err } = await type(`${program} trian`, office);
    expect(code).toBe(2);
    expect(err).toContain("unknown command 'trian'");
  }
});

test('the authority makes its key, which a wrong passphrase does not open', { timeout: 180_000 }, async () => {
  const made = await done('sotto-authority init --passphrase-file passphrase', office);
  expect(made).toMatch(/^Public key +[0-9a-f]{64}$/m);
  await fails('sotto-authority init --passphrase-file passphrase', office, 'CONFLICT', 'authority.key');
  await writeFile(join(folder, 'office', 'wrong'), 'five words in a row\n');
  const invite = 'sotto-authority invite --coordinator https://a.example:1 --tls-fingerprint';
  await fails(`${invite} ${'0'.repeat(64)} --name north --passphrase-file wrong`, office, 'WRONG_PASSPHRASE');
  await fails(`${invite} 12 --name north --passphrase-file passphrase`, office, 'INVALID_INPUT', '--tls-fingerprint');
});

test('the coordinator starts, and says where an address or a store is taken', { timeout: 180_000 }, async () => {
  const made = await done(`sotto init coordinator --authority ${await authorityKey()}`, server);
  expect(made).toMatch(/^TLS fingerprint +[0-9a-f]{64}$/m);
  await fails(`sotto init coordinator --authority ${'ab'.repeat(32)}`, server, 'CONFLICT', 'ab'.repeat(32));
  await fails('sotto status --dir elsewhere', server, 'UNREACHABLE', 'sotto serve');
  await launch('coordinator', `sotto serve --dir coordinator --port ${port} --log error`, server, /TLS fingerprint/);
  await fails(`sotto serve --dir coordinator --port ${await freePort()}`, server, 'STORE_LOCKED', 'store.db');
  await fails(`sotto serve --dir another --port ${port}`, server, 'PORT_IN_USE', String(port));
  await fails('sotto serve --dir another --port 99999', server, 'INVALID_INPUT', 'port');
});

test('three owners join by invitations, each of which admits one', { timeout: 180_000 }, async () => {
  const invitations: string[] = [];
  for (const owner of owners) {
    const [invitation = ''] = (await done(await inviteLine(owner), office)).split('\n');
    invitations.push(invitation);
    const joined = await done(`sotto-node join ${invitation} --name ${owner}`, at(owner));
    expect(joined).toContain(`Joined as ${owner}`);
  }
  const [used = ''] = invitations;
  await fails(`sotto-node join ${used} --name north --folder second`, at('north'), 'INVITATION_INVALID');
  await fails(`sotto-node join ${used.slice(0, -4)} --folder third`, at('north'), 'INVITATION_INVALID');
  const elsewhere = (await inviteLine('late')).replace(
    /--tls-fingerprint [0-9a-f]+/,
    `--tls-fingerprint ${'12'.repeat(32)}`,
  );
  const [pinned = ''] = (await done(elsewhere, office)).split('\n');
  await fails(`sotto-node join ${pinned} --name late --folder fourth`, at('north'), 'TLS_MISMATCH', '12'.repeat(32));
  const nobody = (await inviteLine('late')).replace(`:${port}`, `:${await freePort()}`);
  const [lost = ''] = (await done(nobody, office)).split('\n');
  await fails(`sotto-node join ${lost} --name late --folder fifth`, at('north'), 'UNREACHABLE');
  const clients = await done('sotto clients --dir coordinator', server);
  for (const owner of owners) expect(clients).toContain(owner);
  expect(clients.trim().split('\n').length).toBe(owners.length);
});

test('the nodes read their data and wait; data of another form are refused', { timeout: 180_000 }, async () => {
  await done('sotto-node policy init', at('north'));
  await fails('sotto-node policy init', at('north'), 'CONFLICT', 'policy.json');
  const policy = JSON.parse(await readFile(join(folder, 'north', 'policy.json'), 'utf8')) as Record<string, unknown>;
  for (const owner of owners) {
    await writeFile(
      join(folder, owner, 'policy.json'),
      JSON.stringify({ ...policy, budget: { epsilon: 20, delta: 1e-5 }, tellDevice: owner === 'north' }),
    );
  }
  const read = 'sotto-node check --schema schema.json --data';
  expect(await done(`${read} patients.csv`, at('north'))).toContain('40 units in 40 rows take part');

  const rows = (await readFile(join(folder, 'north', 'patients.csv'), 'utf8')).split('\n');
  await writeFile(join(folder, 'north', 'others.csv'), rows.join('\n').replace('pulse', 'weight'));
  await fails(`${read} others.csv`, at('north'), 'DATA_INVALID', 'pulse');
  await fails(runLine('others.csv'), at('north'), 'DATA_INVALID', 'pulse');
  await writeFile(
    join(folder, 'north', 'outside.csv'),
    [rows[0], '99,0,0,0,yes', '0,0,0,0,perhaps', ...rows.slice(1)].join('\n'),
  );
  const outside = await done(`${read} outside.csv`, at('north'));
  expect(outside).toContain('40 units in 40 rows take part, 2 rows are left out');
  expect(outside).toMatch(/1 × .*pressure/);
  expect(outside).not.toContain('99');
  await fails(runLine('missing.csv'), at('north'), 'FILE_NOT_FOUND', 'missing.csv');
  await fails(`${runLine('patients.csv')} --folder nobody`, at('north'), 'FILE_NOT_FOUND', 'sotto-node join');

  for (const owner of owners) await launch(owner, runLine('patients.csv'), at(owner), /^Connected/);
  await fails(runLine('patients.csv'), at('north'), 'STORE_LOCKED', 'patients.csv.sotto');
});

test('a plan is filled in, checked, signed, run and replayed', { timeout: 180_000 }, async () => {
  const draft = smallDraft('by hand', { rounds: 3 });
  await signed('by-hand', draft);
  const checked = await done('sotto plan check by-hand.complete.json', server);
  expect(checked).toContain('Signature    none yet');
  expect(checked).toContain('The plan is sound.');
  expect(await done('sotto plan check by-hand.signed.json', server)).toContain('Signature    of authority');

  const status = await done('sotto run by-hand.signed.json --dir coordinator --wait', server);
  expect(status).toMatch(/^State +finished$/m);
  expect(status).toMatch(/^Round +3 of 3/m);
  // Of the one owner who allows it.
  expect(status.match(/^.* sessions {2}\w+$(?=\n +cpu: typed arrays, a machine of \d+ GB$)/gm)).toEqual([
    expect.stringMatching(/ north$/),
  ]);
  expect(status.match(/a machine of/g)).toHaveLength(1);
  const runId = await firstRunId();
  expect(await done('sotto status --dir coordinator', server)).toContain(runId.slice(0, 8));
  const known = await json(`sotto status ${runId.slice(0, 6)} --dir coordinator`, server);
  expect(known).toMatchObject({ runId, state: 'finished', round: 3 });
  expect(await done(`sotto replay ${runId} --dir coordinator`, server)).toContain('bit for bit');
  const replay = await json(`sotto replay ${runId} --dir coordinator`, server);
  expect(replay).toMatchObject({ matches: true, releases: 3, modelHash: known['modelHash'] });
  await fails('sotto replay 00 --dir coordinator', server, 'NOT_FOUND', '00');
  // A plan is one run, however often it is submitted.
  expect(await json('sotto run by-hand.signed.json --dir coordinator', server)).toMatchObject({ runId });
  for (const owner of owners) await running.get(owner)?.line(/The run has finished/);
});

test(
  'the model is written as safetensors and for tfjs, and both hold the same numbers',
  { timeout: 60_000 },
  async () => {
    const runId = await firstRunId();
    await done(`sotto export ${runId} --dir coordinator --out model.safetensors`, server);
    await done(`sotto export ${runId} --dir coordinator --format tfjs --out model`, server);
    await fails(`sotto export ${runId} --dir coordinator --format onnx --out x`, server, 'INVALID_INPUT', 'onnx');
    const { tensors } = decodeSafetensors(await readFile(join(folder, 'server', 'model.safetensors')));
    const weights = Buffer.concat(
      tensors.map(({ values }) => Buffer.from(values.buffer, values.byteOffset, values.byteLength)),
    );
    expect(weights.length).toBe(4 * (4 * 8 + 8 + 8 + 1));
    expect(await readFile(join(folder, 'server', 'model', 'weights.bin'))).toEqual(weights);
    const model = JSON.parse(await readFile(join(folder, 'server', 'model', 'model.json'), 'utf8')) as {
      format: string;
    };
    expect(model.format).toBe('layers-model');
    const { modelHash } = await json(`sotto status ${runId} --dir coordinator`, server);
    expect(createHash('sha256').update(weights).digest('hex')).toBe(modelHash);
  },
);

test(
  'a plan over a policy is refused: line and both values on the own screen, no allowed value elsewhere',
  { timeout: 60_000 },
  async () => {
    await signed('greedy', smallDraft('greedy', { rounds: 3, privacy: { kind: 'dp', delta: 1e-5, epsilon: 4 } }));
    const { runId } = await json('sotto run greedy.signed.json --dir coordinator', server);
    const line = await running.get('north')?.line(/Refused \(PLAN_REFUSED\)/);
    expect(line).toMatch(/maxEpsilon.*\b4\b.*\b3\b/);
    await expect
      .poll(() => done(`sotto status ${String(runId)} --dir coordinator`, server), { timeout: 10_000 })
      .toMatch(/PLAN_REFUSED: policy line maxEpsilon refuses 4\)/);
    await done(`sotto stop ${String(runId)} --dir coordinator --reason refused`, server);
    await fails(`sotto stop ${String(runId)} --dir coordinator`, server, 'CONFLICT', 'ended');
  },
);

test('a plan of a stranger, and one that was changed by a byte, are refused', { timeout: 180_000 }, async () => {
  await signed('fair', smallDraft('fair', { rounds: 1 }));
  const text = await readFile(join(folder, 'server', 'fair.signed.json'), 'utf8');
  await writeFile(join(folder, 'server', 'changed.json'), text.replace('"north"', '"morth"'));
  await fails('sotto run changed.json --dir coordinator', server, 'PLAN_UNSIGNED');
  await fails('sotto plan check changed.json', server, 'PLAN_UNSIGNED');

  await mkdir(join(folder, 'stranger'));
  const stranger = { cwd: join(folder, 'stranger') };
  await cp(join(folder, 'office', 'passphrase'), join(folder, 'stranger', 'passphrase'));
  await done('sotto-authority init --passphrase-file passphrase', stranger);
  const unsigned = JSON.parse(await readFile(join(folder, 'server', 'fair.complete.json'), 'utf8')) as object;
  await writeFile(join(folder, 'stranger', 'fair.json'), JSON.stringify(unsigned));
  await fails(
    'sotto-authority sign fair.json --yes --passphrase-file passphrase',
    stranger,
    'PLAN_INVALID',
    'authority',
  );
  await writeFile(join(folder, 'stranger', 'own.json'), JSON.stringify({ ...unsigned, authority: undefined }));
  await done('sotto-authority sign own.json --yes --passphrase-file passphrase', stranger);
  await fails('sotto run ../stranger/own.signed.json --dir coordinator', server, 'PLAN_UNSIGNED');
  await fails('sotto run fair.complete.json --dir coordinator', server, 'PLAN_UNSIGNED');
  await fails('sotto run nowhere.json --dir coordinator', server, 'FILE_NOT_FOUND', 'nowhere.json');
});

test('a revoked client is shut out', { timeout: 180_000 }, async () => {
  const { clients } = (await json('sotto clients --dir coordinator', server)) as {
    clients: { client: string; name: string }[];
  };
  const south = clients.find(({ name }) => name === 'south')?.client ?? '';
  await fails('sotto-authority revoke 12 --passphrase-file passphrase', office, 'INVALID_INPUT', 'revoked.0');
  expect(await done(`sotto-authority revoke ${south} --passphrase-file passphrase`, office)).toContain('List 1');
  await cp(join(folder, 'office', 'revocations.json'), join(folder, 'server', 'revocations.json'));
  expect(await done('sotto revoke revocations.json --dir coordinator', server)).toContain('1 clients are revoked');
  expect(await done('sotto clients --dir coordinator', server)).toMatch(new RegExp(`${south}.*REVOKED`));
  const node = running.get('south');
  const { code, err } = (await node?.ended) ?? { code: -1, err: '' };
  expect(err).toContain('REVOKED');
  expect(code).toBe(exitCodeOf(new SottoError('REVOKED', '')));
  // A plan that needs the revoked client is refused by the others, who read the list themselves, and says so.
  const { runId } = await json('sotto run fair.signed.json --dir coordinator', server);
  const status = () => done(`sotto status ${String(runId)} --dir coordinator`, server);
  for (const name of ['north', 'east']) {
    await expect
      .poll(status, { timeout: 20_000 })
      .toMatch(new RegExp(`refused .*${name} {2}\\(REVOKED: roster: list 1 revokes 1 of the 3 .*2 are left`));
  }
  expect(await status()).toMatch(/waiting for clients: 0 of at least 3 are ready/);
  expect(await status()).toMatch(/refused .*south {2}\(REVOKED: by/);
});

test(
  'the books say what was spent; books and stores of a newer version are left alone',
  { timeout: 60_000 },
  async () => {
    await fails('sotto-node ledger --data patients.csv --policy policy.json', at('east'), 'STORE_LOCKED');
    for (const owner of owners) {
      const { code } = (await running.get(owner)?.stop()) ?? { code: -1 };
      // East and north refused a plan; south was shut out.
      expect(code).toBe(owner === 'south' ? 4 : 8);
    }
    const books = await done('sotto-node ledger --data patients.csv --policy policy.json --charges', at('east'));
    expect(books.match(/^plan [0-9a-f]{12} {2}round \d {2}training {2}attempt \d$/gm)?.length).toBe(3);
    expect(books).toMatch(/^plan [0-9a-f]{12} {2}rounds 1 to \d, 3 training sessions charged, at most ε = \d/m);
    expect(books).toMatch(/at most ε = \d+\.\d+ of 20 at δ/);
    await setVersion(join(folder, 'east', 'patients.csv.sotto', 'books.db'), 'PRAGMA user_version = 99');
    await fails('sotto-node ledger --data patients.csv --policy policy.json', at('east'), 'STORE_TOO_NEW', '99');
    await fails(runLine('patients.csv'), at('east'), 'STORE_TOO_NEW', '99');

    expect((await running.get('coordinator')?.stop())?.code).toBe(0);
    await fails('sotto status --dir coordinator', server, 'UNREACHABLE');
    expect(await done(`sotto replay ${await firstRunId()} --dir coordinator`, server)).toContain('bit for bit');
    await setVersion(join(folder, 'server', 'coordinator', 'store.db'), 'UPDATE schema_version SET version = 99');
    await fails(`sotto serve --dir coordinator --port ${port}`, server, 'STORE_TOO_NEW', '99');
    await fails('sotto replay 00 --dir coordinator', server, 'STORE_TOO_NEW', '99');
  },
);

/** What a command that succeeds prints. */
async function done(line: string, options: CommandOptions): Promise<string> {
  const { code, out, err } = await type(line, options);
  expect(code, `${line}\n${out}${err}`).toBe(0);
  return out;
}

async function json(line: string, options: CommandOptions): Promise<Record<string, unknown>> {
  return JSON.parse(await done(`${line} --json`, options)) as Record<string, unknown>;
}

/** A command that must fail: code, cause, cure and exit code; the first time that a program shows the code with --json too. */
async function fails(line: string, options: CommandOptions, code: ErrorCode, mentions = ''): Promise<void> {
  const exit = exitCodeOf(new SottoError(code, ''));
  const words = await type(line, options);
  const said = `${line}\n${words.out}${words.err}`;
  expect(words.err, said).toContain(`${code}: `);
  expect(words.err, said).toContain(mentions);
  expect(words.err, said).toContain(errorCodes[code].cure);
  expect(words.err, said).not.toMatch(/^ {4}at /m);
  expect(words.code, said).toBe(exit);
  const way = `${line.split(' ', 1)[0]} ${code}`;
  if (shownInJson.has(way)) return;
  shownInJson.add(way);
  const object = await type(`${line} --json`, options);
  expect(object.code, said).toBe(exit);
  expect(errorOf(object), said).toMatchObject({ code, cure: errorCodes[code].cure });
}

/** The last line with --json: of `sotto` and `sotto-authority` on stderr, of `sotto-node` on stdout among its events. */
function errorOf({ out, err }: Ended): unknown {
  const last = (text: string): string => text.trim().split('\n').at(-1) ?? '';
  if (last(err).startsWith('{')) return (JSON.parse(last(err)) as { error: unknown }).error;
  return JSON.parse(last(out));
}

async function launch(name: string, line: string, options: CommandOptions, ready: RegExp): Promise<void> {
  const one = start(line.split(' '), options);
  running.set(name, one);
  await one.line(ready);
}

/** Draft → roster → complete → signed, each by its command; the authority's machine sees the file and nothing else. */
async function signed(name: string, draft: Readonly<Record<string, unknown>>): Promise<void> {
  await writeFile(join(folder, 'server', `${name}.json`), JSON.stringify(draft));
  await writeFile(join(folder, 'server', 'schema.json'), JSON.stringify(smallSchema));
  await done(`sotto plan roster ${name}.json --dir coordinator --out ${name}.roster.json`, server);
  await done(`sotto plan complete ${name}.roster.json --schema schema.json --out ${name}.complete.json`, server);
  await cp(join(folder, 'server', `${name}.complete.json`), join(folder, 'office', `${name}.json`));
  await done(`sotto-authority sign ${name}.json --yes --passphrase-file passphrase`, office);
  await cp(join(folder, 'office', `${name}.signed.json`), join(folder, 'server', `${name}.signed.json`));
}

async function authorityKey(): Promise<string> {
  return String((await json('sotto-authority fingerprint', office))['publicKey']);
}

async function inviteLine(owner: string): Promise<string> {
  const { fingerprint } = await json('sotto init coordinator', server);
  const where = `--coordinator https://127.0.0.1:${port} --tls-fingerprint ${String(fingerprint)}`;
  return `sotto-authority invite ${where} --name ${owner} --passphrase-file passphrase`;
}

function runLine(table: string): string {
  return `sotto-node run --schema schema.json --data ${table} --policy policy.json`;
}

/** Id of the first run, which the coordinator is asked for once. */
async function firstRunId(): Promise<string> {
  if (knownRun === '') {
    const { runs } = (await json('sotto status --dir coordinator', server)) as { runs: { runId: string }[] };
    knownRun = runs[0]?.runId ?? '';
  }
  return knownRun;
}

/** Changes a version as a newer build would, with the database library that the coordinator uses. */
async function setVersion(path: string, statement: string): Promise<void> {
  const script = `import { createClient } from '@libsql/client';
    const database = createClient({ url: 'file:' + process.argv[1] });
    await database.execute(process.argv[2]);
    database.close();`;
  const words = ['node', '--input-type=module', '-e', script, path, statement];
  expect((await start(words, { cwd: join(root, 'coordinator') }).ended).code).toBe(0);
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port: found } = probe.address() as AddressInfo;
      probe.close(() => resolve(found));
    });
  });
}
