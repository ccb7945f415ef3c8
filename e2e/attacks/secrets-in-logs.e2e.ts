import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { start, type, type Ended, type Running } from '../testing/commands.ts';
import { filesBelow, findSecrets, type Secret, type Text } from '../testing/find-secrets.ts';
import { smallDraft, smallRows, smallSchema } from '../testing/small-data.ts';

/**
 * A whole federation by its commands, as talkative as it can be made, with a node and the coordinator killed and started again.
 * Every process writes down each key, seed and share that it makes or derives; they are then looked for in all that was printed
 * and in every file: logs, store, event log, blobs, books.
 *
 * Failure: any of them anywhere, but a node's own identity seed in its own identity file. Memory is not searched.
 */
const silos = ['north', 'east', 'south', 'west'];
const recorder = fileURLToPath(new URL('../testing/record-secrets.mjs', import.meta.url));

test('A25: no seed, key or share is in any log, store, event log or file', { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sotto-secrets-'));
  const here = { cwd: folder };
  const printed: Text[] = [];
  const running = new Set<Running>();
  try {
    await writeFile(join(folder, 'passphrase'), 'only of this test\n');
    await writeFile(join(folder, 'schema.json'), JSON.stringify(smallSchema));
    await writeFile(join(folder, 'policy.json'), '{"version":1,"budget":{"epsilon":100,"delta":1e-5}}');
    const { publicKey } = await answer('sotto-authority init --passphrase-file passphrase');
    let coordinator = serve(String(publicKey), '0');
    const { url, fingerprint } = JSON.parse(await coordinator.line(/"url"/)) as Record<string, string>;
    const port = new URL(url ?? '').port;
    for (const silo of silos) {
      await mkdir(join(folder, silo));
      await writeFile(join(folder, silo, 'data.csv'), smallRows(silo, 40));
      const { invitation } = await answer(
        `sotto-authority invite --passphrase-file passphrase --coordinator ${url} --tls-fingerprint ${fingerprint} --name ${silo}`,
      );
      await answer(`sotto-node join ${String(invitation)} --folder ${silo}/node --name ${silo}`);
    }
    const nodes = new Map(silos.map((silo) => [silo, run(silo)]));
    await Promise.all([...nodes.values()].map((node) => node.line(/"connected"/)));
    await writeFile(
      join(folder, 'plan.json'),
      JSON.stringify(
        smallDraft('secrets', {
          rounds: 5,
          spareAttempts: 20,
          deadlines: { advertiseMs: 4_000, shareMs: 4_000, uploadMs: 4_000, agreeMs: 4_000, unmaskMs: 4_000 },
        }),
      ),
    );
    await answer('sotto plan roster plan.json --dir coordinator --out roster.json');
    await answer(
      'sotto-authority sign roster.json --schema schema.json --passphrase-file passphrase --out signed.json --yes',
    );
    const { runId } = await answer('sotto run signed.json --dir coordinator');

    // Killed in the middle of what they hold: a node about to unmask, then the coordinator while uploads arrive.
    const north = nodes.get('north')!;
    await north.line(/"stage":"agree"/);
    await kill(north);
    nodes.set('north', run('north'));
    await nodes.get('east')!.line(/"stage":"unmask"/);
    await kill(coordinator);
    coordinator = serve(String(publicKey), port);
    await coordinator.line(/"url"/);
    const status = await answer(`sotto status ${String(runId)} --dir coordinator --watch`);
    expect(status['state'], String(status['reason'])).toBe('finished');
    await answer(`sotto replay ${String(runId)} --dir coordinator`);
    for (const one of running) keep('stopped', await one.stop());

    const secrets = await recorded();
    // Five rounds and more of four clients: keys, agreed secrets and dealt shares, on both sides.
    expect(secrets.length).toBeGreaterThan(500);
    expect(new Set(secrets.map(({ kind }) => kind))).toEqual(
      new Set([
        'identity seed',
        'private key',
        'secret that keys are derived from',
        'derived key',
        'agreed secret',
        'mask key',
        'sealing key',
        'share of a self-mask seed',
        'share of a recovery seed',
        'encapsulated secret',
      ]),
    );
    const files = await filesBelow(folder, (path) => ['secrets', 'identity.json'].includes(basename(path)));
    expect(files.map(({ name }) => basename(name))).toEqual(expect.arrayContaining(['store.db', 'data.csv']));
    const log = printed.map(({ bytes }) => bytes.toString()).join('\n');
    for (const word of ['"level":30', 'sessionOpened', '"charged"']) expect(log.includes(word), word).toBe(true);
    expect(findSecrets([...files, ...printed], secrets)).toEqual([]);
    // The search does find: the recorder's own file, and the identity file that was left out.
    const recording = { name: 'the recording', bytes: await readFile(join(folder, 'secrets')) };
    expect(findSecrets([recording], secrets)).toHaveLength(10);
    const identity = { name: 'own', bytes: await readFile(join(folder, 'north', 'node', 'identity.json')) };
    expect(findSecrets([identity], secrets)).toContain('identity seed in own');
  } finally {
    await Promise.all([...running].map((one) => one.stop()));
    await rm(folder, { recursive: true, force: true });
  }

  function serve(authority: string, port: string): Running {
    const words = `sotto serve --dir coordinator --host 127.0.0.1 --port ${port} --authority ${authority} --log debug --json`;
    return watched(words);
  }

  function run(silo: string): Running {
    const own = `--folder ${silo}/node --schema schema.json --data ${silo}/data.csv --policy policy.json`;
    return watched(`sotto-node run ${own} --json`);
  }

  function watched(words: string): Running {
    const env = { NODE_OPTIONS: `--import=${recorder}`, SOTTO_TEST_SECRETS: join(folder, 'secrets') };
    const command = start(words.split(' '), { ...here, env });
    running.add(command);
    return command;
  }

  async function kill(command: Running): Promise<void> {
    command.process.kill('SIGKILL');
    keep('killed', await command.ended);
    running.delete(command);
  }

  function keep(name: string, { out, err }: Ended): void {
    printed.push({ name: `what a ${name} process printed`, bytes: Buffer.from(`${out}\n${err}`) });
  }

  async function answer(line: string): Promise<Record<string, unknown>> {
    const ended = await type(`${line} --json`, here);
    expect(ended.code, `${line}\n${ended.out}${ended.err}`).toBe(0);
    keep('finished', ended);
    return JSON.parse(ended.out.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
  }

  async function recorded(): Promise<Secret[]> {
    const secrets = new Map<string, Secret>();
    for (const line of (await readFile(join(folder, 'secrets'), 'utf8')).trim().split('\n')) {
      secrets.set(line, JSON.parse(line) as Secret);
    }
    for (const silo of silos) {
      const { seed } = JSON.parse(await readFile(join(folder, silo, 'node', 'identity.json'), 'utf8')) as {
        seed: string;
      };
      secrets.set(seed, { kind: 'identity seed', hex: seed });
    }
    return [...secrets.values()].filter(({ hex }) => hex.length === 64);
  }
});
