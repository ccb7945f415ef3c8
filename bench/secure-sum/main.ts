import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { createMaskThreads } from '@sotto/coordinator/sessions';
import { createNodeCrypto, createNodeRandom } from '@sotto/shared/crypto/node';
import { createNoiseSampler } from '@sotto/shared/privacy';
import { dealShares, drawFieldElement, recoverSecret, recoveryCoefficients } from '@sotto/shared/secure-sum';
import { toHex } from '@sotto/shared/vector';
import { hasChromium, openBrowserCrypto } from '../../e2e/testing/browser-crypto.ts';
import { writeReport } from '../report.ts';
import { measureIntake } from './intake.ts';
import { flowerMaskRate, flowerPython, flowersSession, sessionOnFlowersGraph } from './peer.ts';
import { timedSession, type SessionTerms } from './timed-session.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    flower: { type: 'string' },
    out: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) {
  console.log(`npm run bench -- secure-sum [--json] [--quick] [--flower TURNS] [--out FILE]

CPU time of the secure sum's functions on one thread: masks, beside OpenSSL's AES-256-CTR, in Chromium, and in turn with
Flower's where it is installed; noise; shares; and whole sessions of 100 clients with every signature checked, by both
suites, the recovery also on two threads by the clock. Then the memory of a coordinator to which 100 clients upload 10
million parameters at once.
--quick: 30 clients and 100,000 parameters instead of 1,000,000.
--flower TURNS: nothing but whole sessions on Flower's graph (50 neighbours, 34 shares to a secret), in turn with Flower's own
functions by SOTTO_SHARED/peers; the FILE keeps its other rows.`);
  process.exit(0);
}

type Row = { readonly what: string; readonly unit: string; readonly value: number; readonly goal: number | null };
const rows: Row[] = [];
const load = loadavg()[0] ?? 0;

function row(what: string, unit: string, value: number, goal: number | null = null): void {
  rows.push({ what, unit, value, goal });
  if (!values.json) console.log(`${what}: ${value.toPrecision(4)} ${unit}${goal === null ? '' : ` (goal ${goal})`}`);
}

/** Best of some passes, in CPU seconds: what the work itself takes. */
async function seconds(passes: number, work: () => Promise<void> | void): Promise<number> {
  let best = Infinity;
  for (let pass = 0; pass < passes; pass += 1) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1e6);
  }
  return best;
}

if (values.flower !== undefined) {
  compareSessions(Number(values.flower));
  process.exit(0);
}

const crypto = createNodeCrypto({ rememberSignatures: false });
const words = new Uint32Array(1_048_576);
const masks = Array.from(
  { length: 16 },
  (_, i) => ({ key: createNodeRandom().bytes(32), sign: i % 2 ? 1 : -1 }) as const,
);
const ownRate = async (): Promise<number> =>
  (masks.length * words.byteLength) / 1e9 / (await seconds(7, () => crypto.addMasks(words, masks)));
const maskRate = await ownRate();
row('mask expansion and addition, one thread', 'GB/s', maskRate, 2);

const python = flowerPython();
if (python !== null) {
  // In turn, so that a slow minute hurts both alike.
  const ratios: number[] = [];
  for (let turn = 0; turn < 3; turn++) ratios.push((await ownRate()) / flowerMaskRate(python));
  row("the same as a multiple of Flower's, the worst of three turns", 'times', Math.min(...ratios), 3.5);
}

if (hasChromium) {
  const browser = await openBrowserCrypto();
  const { bytesPerSecond = NaN } = await browser.ask({ type: 'masks', words: words.length, count: 16, passes: 9 });
  await browser.close();
  row('the same in Chromium, one worker, by the clock', 'GB/s', bytesPerSecond / 1e9, 0.7);
}

const limit = opensslRate();
if (limit !== null) {
  row("OpenSSL's AES-256-CTR, 16 kB pieces", 'GB/s', limit);
  row('the masks as a share of it', '', maskRate / limit, 0.27);
}

for (const std of [10, 100, 1_000]) {
  const sampler = createNoiseSampler(std * std);
  const target = new Int32Array(2_000_000);
  const rate =
    target.length / 1e6 / (await seconds(5, () => sampler.add(target, 0, target.length, createNodeRandom())));
  row(`noise of ${std} steps`, 'million draws/s', rate, 30);
}

row('100 secrets from the shares of 67 of 100 holders', 'ms', 1e3 * (await batchSeconds()), 10);

const [clients, dimension] = values.quick ? [30, 100_000] : [100, 1_000_000];
const threads = createMaskThreads(crypto, 2);
for (const suite of ['x25519', 'x25519+mlkem768'] as const) {
  const terms: SessionTerms = { clients, dimension, lost: Math.floor(clients / 10), suite };
  const times = await timedSession(terms, crypto, threads);
  const name = `${clients} clients, ${dimension} parameters, 10 % lost, ${suite}`;
  const full = !values.quick;
  row(`${name}: CPU of a client`, 's', times.clientSeconds, full && suite !== 'x25519' ? 0.45 : null);
  row(`${name}: CPU of the coordinator`, 's', times.coordinatorSeconds, full ? 2.5 : null);
  row(`${name}: coordinator on two threads, by the clock`, 's', times.threadedSeconds ?? NaN, full ? 1.5 : null);
  row(`${name}: upload`, 'bytes a parameter', times.uploadBytesPerParameter, 4.12);
}

await threads.close();

const [uploads, length] = values.quick ? [20, 2_000_000] : [100, 10_000_000];
const intake = await measureIntake(uploads, length);
const what = `${uploads} uploads of ${length} parameters at once`;
row(
  `${what}: memory of the coordinator's process beyond its base`,
  'vectors',
  intake.peakVectors,
  values.quick ? null : 3,
);
row(`${what}: until the last is answered, by the clock`, 's', intake.seconds);

/** Ours and theirs in turn, so that a slow minute hurts both alike. */
function compareSessions(turns: number): void {
  const [client, coordinator]: [number[], number[]] = [[], []];
  for (let turn = 0; turn < turns; turn++) {
    const [ours, theirs] = [sessionOnFlowersGraph(), flowersSession()];
    if (theirs === null) throw new Error('SOTTO_SHARED/peers is not there');
    client.push(theirs.clientSeconds / ours.clientSeconds);
    coordinator.push(theirs.coordinatorSeconds / ours.coordinatorSeconds);
    console.error(JSON.stringify({ ours, theirs }));
  }
  const name = "100 clients, 1000000 parameters, 10 % lost, Flower's graph";
  row(
    `${name}: a client of Flower's takes so many times ours, the worst of ${turns} turns`,
    'times',
    Math.min(...client),
    4,
  );
  row(`${name}: its coordinator, likewise`, 'times', Math.min(...coordinator), 15);
  const before: readonly Row[] =
    values.out !== undefined && existsSync(values.out)
      ? (JSON.parse(readFileSync(values.out, 'utf8')) as { rows: readonly Row[] }).rows
      : [];
  const kept = before.filter(({ what }) => !what.startsWith(name));
  writeReport(
    { bench: 'secure-sum', quick: false, load, rows: [...kept, ...rows] },
    { out: values.out, json: values.json },
  );
}

/** Seconds in which 100 secrets are rebuilt from the same holders' shares, coefficients included. */
async function batchSeconds(): Promise<number> {
  const random = createNodeRandom();
  const holders = Array.from({ length: 67 }, (_, i) => i + 20);
  const positions = Array.from({ length: 100 }, (_, i) => i + 1);
  const secrets = positions.map(() => drawFieldElement(random));
  const dealt = secrets.map((secret) => dealShares(secret, 67, positions, random));
  return seconds(7, () => {
    const coefficients = recoveryCoefficients(holders);
    for (const [i, shares] of dealt.entries()) {
      const given = holders.map((x) => shares[x - 1]!);
      if (toHex(recoverSecret(coefficients, given)) !== toHex(secrets[i]!)) throw new Error('a secret is wrong');
    }
  });
}

/** Bytes a second in units of 1e9, by the command; null where it is not there. */
function opensslRate(): number | null {
  const done = spawnSync('openssl', ['speed', '-evp', 'aes-256-ctr', '-bytes', '16384', '-seconds', '1', '-mr'], {
    encoding: 'utf8',
  });
  const found = /^\+F:\d+:[^:]+:([\d.]+)/m.exec(done.stdout ?? '');
  return found === null ? null : Number(found[1]) / 1e9;
}

writeReport({ bench: 'secure-sum', quick: values.quick, load, rows }, { out: values.out, json: values.json });
