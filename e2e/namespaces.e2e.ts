import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLocalData, readCsv } from '@sotto/client/data';
import { transcriptEntrySchema } from '@sotto/coordinator/runs';
import { createFileBlobs, openSqliteStore } from '@sotto/coordinator/store';
import { createNodeRandom } from '@sotto/shared/crypto/node';
import { referenceModel, weightsFromBytes } from '@sotto/shared/model';
import { queryContext, sessionParts, signedPlanSchema } from '@sotto/shared/plan';
import { contributeSession } from '@sotto/shared/queries';
import { beforeAll, describe, expect, test } from 'vitest';
import { streamsOf, webSocketTexts, type CapturedStream } from './testing/capture.ts';
import { start, type, type Running } from './testing/commands.ts';
import { createNetwork, missingForNamespaces, type Network } from './testing/network.ts';
import { smallDraft, smallRows, smallSchema } from './testing/small-data.ts';

/**
 * Three silos in network namespaces of their own and the coordinator in a fourth, every process started by its command.
 *
 * Failure: any open port but the coordinator's one; a way from silo to silo; with TLS, anything of the protocol that can be read
 * in a capture; without TLS, a contribution, a key, or a share that is not the answer of the unmask stage. The searches are
 * shown to find: the plain contributions in `trusted` mode, the opened shares in the unmask stage, the words without TLS.
 */
const missing = missingForNamespaces();
const silos = [0, 1, 2];
const port = 8443;
const recorder = fileURLToPath(new URL('./testing/record-secrets.mjs', import.meta.url));
const policy = {
  version: 1,
  trust: ['secure', 'trusted'],
  minColluding: 0,
  allowPrivacyNone: true,
  budget: { epsilon: 100, delta: 1e-5 },
};

describe.skipIf(missing !== null)(`network namespaces${missing === null ? '' : ` (${missing})`}`, () => {
  let network: Network;
  let folder: string;

  beforeAll(async () => {
    network = createNetwork(silos.length);
    folder = await mkdtemp(join(tmpdir(), 'sotto-network-'));
    return async () => {
      network.remove();
      await rm(folder, { recursive: true, force: true });
    };
  });

  test(
    'three silos train through the coordinator’s one port, over TLS that shows nothing',
    { timeout: 120_000 },
    async () => {
      const place = await found(network, join(folder, 'tls'), true);
      try {
        const { status, streams } = await trained(place, smallDraft('plan in the open', { rounds: 3 }), checkPorts);
        expect(status['state']).toBe('finished');
        expect(status['rounds']).toBe(3);
        const toCoordinator = streams.filter(({ to }) => to === `${network.address}:${port}`);
        expect(new Set(toCoordinator.map(({ from }) => from.split(':')[0])).size).toBeGreaterThanOrEqual(silos.length);
        // Nothing else was spoken, and every connection is TLS from its first byte (RFC 8446 §5.1: handshake, version).
        for (const { from, to, bytes } of streams) {
          expect([from, to]).toContain(`${network.address}:${port}`);
          expect(bytes.subarray(0, 2).toString('hex')).toBe('1603');
        }
        const seen = Buffer.concat(streams.map(({ bytes }) => bytes)).toString('latin1');
        for (const word of [...protocolWords, 'plan in the open', 'silo-0', 'findings', 'HTTP/1.1']) {
          expect(seen, `"${word}" can be read`).not.toContain(word);
        }
        for (const { kind, hex } of await place.secrets()) expect(leaks(streams, hex), kind).toEqual([]);
      } finally {
        await place.stop();
      }
    },
  );

  test(
    'without TLS a capture shows words, and still no contribution, key or sealed share',
    { timeout: 180_000 },
    async () => {
      const place = await found(network, join(folder, 'plain'), false);
      try {
        const secure = smallDraft('sum in the open', { rounds: 2, privacy: { kind: 'none' } });
        const { streams, runId } = await trained(place, secure);
        const texts = streams.flatMap(webSocketTexts);
        const words = [...streams.map(({ bytes }) => bytes.toString('latin1')), ...texts].join('\n');
        for (const word of [...protocolWords, 'sum in the open', 'silo-0']) expect(words).toContain(word);

        expect(uploadsIn(streams)).toBe(2 * silos.length);

        const secrets = await place.secrets();
        expect(new Set(secrets.map(({ kind }) => kind))).toEqual(secretKinds);
        // The unmask stage opens shares of self-mask seeds of those whose masked vectors arrived, and of nobody else.
        const opened = texts.filter((text) => text.includes('"type":"unmask"'));
        const closed = texts.filter((text) => !text.includes('"type":"unmask"'));
        const everythingElse = { from: 'all', to: 'all', bytes: Buffer.from(closed.join('\n')) };
        let openedShares = 0;
        for (const { kind, hex } of secrets) {
          expect(leaks([...streams.filter(isPlainHttp), everythingElse], hex), kind).toEqual([]);
          if (!opened.join().includes(hex)) continue;
          expect(kind).toBe('share of a self-mask seed');
          openedShares += 1;
        }
        expect(openedShares).toBeGreaterThanOrEqual(2 * silos.length * silos.length);

        const masked = await contributionsOf(place, runId);
        expect(masked.length).toBe(2 * silos.length);
        const plain = await trained(place, smallDraft('vectors in the open', { ...trusted, rounds: 2 }));
        const open = await contributionsOf(place, plain.runId);
        expect(uploadsIn(plain.streams)).toBe(2 * silos.length);
        for (const vector of open) expect(shareFound(plain.streams, vector)).toBeGreaterThan(0.5);
        for (const vector of masked) expect(shareFound(streams, vector)).toBe(0);
      } finally {
        await place.stop();
      }
    },
  );

  /** While the nodes are connected: one port listens, and silos cannot reach one another. */
  async function checkPorts(): Promise<void> {
    const listening = await type('ss -Hltun', { cwd: folder, prefix: network.inCoordinator });
    expect(
      listening.out
        .trim()
        .split('\n')
        .map((line) => line.split(/\s+/)[4]),
    ).toEqual([`${network.address}:${port}`]);
    for (const silo of silos) {
      expect((await type('ss -Hltun', { cwd: folder, prefix: network.inSilo(silo) })).out).toBe('');
      const reached = await probe(silo, network.address, port);
      expect(reached).toBe('connected');
      for (const other of silos.filter((one) => one !== silo)) {
        expect(await probe(silo, network.siloAddress(other), port)).toMatch(/ENETUNREACH|EHOSTUNREACH/);
      }
    }
    // Not even a silo that makes itself a way through the coordinator's machine: it forwards nothing.
    const way = `ip route add ${network.siloAddress(1)}/32 via ${network.siloAddress(0).replace(/2$/, '1')}`;
    expect((await type(way, { cwd: folder, prefix: network.inSilo(0) })).code).toBe(0);
    expect(await probe(0, network.siloAddress(1), port)).toMatch(/ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/);
  }

  async function probe(silo: number, address: string, to: number): Promise<string> {
    const script = `const socket=require('net').connect(${to},'${address}',()=>{console.log('connected');socket.destroy()});socket.on('error',(error)=>console.log(error.code));socket.setTimeout(1500,()=>{console.log('ETIMEDOUT');socket.destroy()})`;
    return (await start(['node', '-e', script], { cwd: folder, prefix: network.inSilo(silo) }).ended).out.trim();
  }
});

const protocolWords = ['advertise', 'maskKey', 'runOffer', 'sessionOpen', 'unmaskRequest', 'socket.io'];
const trusted = { trust: 'trusted', cohort: { minSurvivors: 3, colluding: 0 }, privacy: { kind: 'none' } } as const;

const secretKinds = new Set([
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
]);

function uploadsIn(streams: readonly CapturedStream[]): number {
  return streams.reduce(
    (sum, { bytes }) => sum + (bytes.toString('latin1').match(/PUT \/v1\/sessions\//g) ?? []).length,
    0,
  );
}

function isPlainHttp(stream: CapturedStream): boolean {
  return webSocketTexts(stream).length === 0;
}

type Secret = { readonly kind: string; readonly hex: string };
type Place = {
  readonly network: Network;
  readonly folder: string;
  secrets(): Promise<Secret[]>;
  stop(): Promise<void>;
};

/** An authority, a coordinator that listens and silos that have joined, in folders of their own. */
async function found(network: Network, folder: string, tls: boolean): Promise<Place> {
  await mkdir(folder, { recursive: true });
  const running: Running[] = [];
  const stop = async (): Promise<void> => void (await Promise.all(running.map((one) => one.stop())));
  const here = { cwd: folder };
  await writeFile(join(folder, 'passphrase'), 'only of this test\n');
  await writeFile(join(folder, 'schema.json'), JSON.stringify(smallSchema));
  await writeFile(join(folder, 'policy.json'), JSON.stringify(policy));
  try {
    const { publicKey } = await answer('sotto-authority init --passphrase-file passphrase', here);
    const flags = `--dir coordinator --host ${network.address} --port ${port} --authority ${String(publicKey)}`;
    const coordinator = start(`sotto serve ${flags} --log error --json${tls ? '' : ' --no-tls'}`.split(' '), {
      ...here,
      prefix: network.inCoordinator,
    });
    running.push(coordinator);
    const { url, fingerprint } = JSON.parse(await coordinator.line(/"url"/)) as Record<string, string>;
    expect(url).toBe(`${tls ? 'https' : 'http'}://${network.address}:${port}`);
    await Promise.all(
      silos.map(async (silo) => {
        await mkdir(join(folder, `silo-${silo}`));
        await writeFile(join(folder, `silo-${silo}`, 'data.csv'), smallRows(`silo-${silo}`, 40));
        const pin = tls ? `--tls-fingerprint ${fingerprint}` : '--no-tls';
        const invite = `sotto-authority invite --passphrase-file passphrase --coordinator ${url} ${pin} --name silo-${silo}`;
        const { invitation } = await answer(invite, here);
        await answer(`sotto-node join ${String(invitation)} --folder silo-${silo}/node --name silo-${silo}`, {
          ...here,
          prefix: network.inSilo(silo),
        });
      }),
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    network,
    folder,
    stop,
    async secrets() {
      const secrets = new Map<string, Secret>();
      for (const silo of silos) {
        const lines = (await readFile(join(folder, `silo-${silo}`, 'secrets'), 'utf8')).trim().split('\n');
        for (const line of lines) secrets.set(line, JSON.parse(line) as Secret);
        const identity = await readFile(join(folder, `silo-${silo}`, 'node', 'identity.json'), 'utf8');
        const { seed } = JSON.parse(identity) as { seed: string };
        secrets.set(seed, { kind: 'identity seed', hex: seed });
      }
      return [...secrets.values()];
    },
  };
}

/** Starts the silos' nodes, runs a plan to its end and gives what crossed the coordinator's network meanwhile. */
async function trained(
  { network, folder }: Place,
  draft: Readonly<Record<string, unknown>>,
  whileConnected: () => Promise<void> = async () => undefined,
): Promise<{ status: Record<string, unknown>; runId: string; streams: CapturedStream[] }> {
  const here = { cwd: folder, prefix: network.inCoordinator };
  const name = String(draft['name']).replaceAll(' ', '-');
  const pcap = join(folder, `${name}.pcap`);
  // -Z: it would otherwise write as a user who may not. Immediate: what is captured is not left in a buffer at the end.
  const dump = start(`tcpdump -i any -s 0 -U -B 32768 --immediate-mode -Z root -w ${pcap} tcp`.split(' '), here);
  const nodes: Running[] = [];
  try {
    await dump.line(/listening on/);
    for (const silo of silos) {
      const own = `--folder silo-${silo}/node --schema schema.json --data silo-${silo}/data.csv --policy policy.json`;
      const node = start(`sotto-node run ${own} --json`.split(' '), {
        cwd: folder,
        prefix: network.inSilo(silo),
        env: {
          NODE_OPTIONS: `--import=${recorder}`,
          SOTTO_TEST_SECRETS: join(folder, `silo-${silo}`, 'secrets'),
        },
      });
      nodes.push(node);
    }
    await Promise.all(nodes.map((node) => node.line(/"connected"/)));
    await whileConnected();
    await writeFile(join(folder, `${name}.json`), JSON.stringify(draft));
    await answer(`sotto plan roster ${name}.json --dir coordinator --out ${name}.roster.json`, here);
    await answer(
      `sotto-authority sign ${name}.roster.json --schema schema.json --passphrase-file passphrase --out ${name}.signed.json --yes`,
      here,
    );
    const status = await answer(`sotto run ${name}.signed.json --dir coordinator --wait`, here);
    expect(status['state'], String(status['reason'])).toBe('finished');
    return { status, runId: String(status['runId']), streams: await captured() };
  } finally {
    await Promise.all([...nodes, dump].map((one) => one.stop()));
  }

  async function captured(): Promise<CapturedStream[]> {
    await Promise.all(nodes.map((node) => node.stop()));
    const { err } = await dump.stop();
    expect(err).toContain('0 packets dropped by kernel');
    return streamsOf(await readFile(pcap));
  }
}

/** A command's answer with --json. */
async function answer(line: string, options: Parameters<typeof type>[1]): Promise<Record<string, unknown>> {
  const { code, out, err } = await type(`${line} --json`, options);
  expect(code, `${line}\n${out}${err}`).toBe(0);
  return JSON.parse(out.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
}

/** In which streams a secret can be read: as bytes, as hexadecimal or as base64. */
function leaks(streams: readonly CapturedStream[], hex: string): string[] {
  const bytes = Buffer.from(hex, 'hex');
  const forms = [
    bytes,
    Buffer.from(hex),
    Buffer.from(hex.toUpperCase()),
    Buffer.from(bytes.toString('base64').slice(0, 40)),
    Buffer.from(bytes.toString('base64url').slice(0, 40)),
  ];
  return streams
    .filter((stream) => forms.some((form) => stream.bytes.includes(form)))
    .map(({ from, to }) => `${from} ${to}`);
}

/** Every silo's plain integer vector of each session of a run without noise, computed anew from its rows. */
async function contributionsOf({ folder }: Place, runId: string): Promise<Int32Array[]> {
  const dir = join(folder, 'coordinator');
  const store = await openSqliteStore(join(dir, 'store.db'), 'read');
  const blobs = createFileBlobs(join(dir, 'blobs'));
  const run = await store.run(runId);
  const transcript = await store.transcript(runId);
  await store.close();
  const { plan } = signedPlanSchema.parse(JSON.parse(await blob(run?.signedPlanBlob).then(String)));
  const { topology, inputs, loss } = queryContext(plan);
  const vectors: Int32Array[] = [];
  for (const { entry } of transcript) {
    const told = transcriptEntrySchema.parse(JSON.parse(entry));
    if (told.type !== 'release') continue;
    const weights = weightsFromBytes(await blob(told.modelBefore));
    for (const silo of silos) {
      const table = await readCsv(join(folder, `silo-${silo}`, 'data.csv'), plan.schema);
      const data = createLocalData(table, new Uint8Array(32));
      vectors.push(
        await contributeSession({
          context: queryContext(plan),
          parts: sessionParts(plan, told.slots),
          unitsOf: (part) => data.unitsOf(part.dataPart, plan.split),
          model: referenceModel(topology, inputs, loss),
          weights,
          random: createNodeRandom(),
        }),
      );
    }
  }
  return vectors;

  async function blob(hash: string | undefined): Promise<Buffer> {
    const bytes = await blobs.get(hash ?? '');
    return bytes === null ? expect.unreachable(`blob ${hash} is gone`) : Buffer.from(bytes);
  }
}

/**
 * The share of a vector's windows of four numbers that can be read in the streams. A node may compute with another engine than
 * this test, so that single numbers differ by one; windows with a zero say too little to be told apart.
 */
function shareFound(streams: readonly CapturedStream[], vector: Int32Array): number {
  let windows = 0;
  let hits = 0;
  for (let at = 0; at + 4 <= vector.length; at++) {
    const numbers = vector.slice(at, at + 4);
    if (numbers.includes(0)) continue;
    windows += 1;
    const bytes = Buffer.from(numbers.buffer);
    const text = Buffer.from(numbers.join(','));
    if (streams.some((stream) => stream.bytes.includes(bytes) || stream.bytes.includes(text))) hits += 1;
  }
  expect(windows).toBeGreaterThan(10);
  return hits / windows;
}
