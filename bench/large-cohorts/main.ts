import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { addGroupSum } from '@sotto/coordinator/runs';
import { createNodeCrypto } from '@sotto/shared/crypto/node';
import { writeReport } from '../report.ts';
import { timedSession, type SessionTerms, type SessionTimes } from '../secure-sum/timed-session.ts';
import { growthPlot } from './growth-plot.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    suite: { type: 'string' },
    only: { type: 'string' },
    out: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) {
  console.log(`npm run bench -- large-cohorts [--json] [--quick] [--suite x25519] [--only ROWS] [--out FILE]

How the secure sum's cost grows: CPU time on one thread of sessions of 10 to 1,000 clients with 10,000 parameters, and of
1,000 clients on the ring of neighbours with 100,000. Every client does its whole work and checks every signature; a tenth
are lost after they dealt. Then rounds of up to 10,000 clients in groups of ten, as many sessions one after the other whose
sums are added up. Some twenty-five minutes. --out FILE.json also draws the growth into FILE.svg.
--quick: up to 300 clients with 10,000 parameters. --suite: of one suite alone, which for x25519 takes ten minutes.
--only: of these rows alone, as 1000x100000 or, in groups, 10000x10000/10; other rows that the FILE has are kept.`);
  process.exit(0);
}

type Row = {
  readonly clients: number;
  readonly parameters: number;
  readonly suite: SessionTerms['suite'];
  /** Clients of one session, where a round is many; null where it is one. */
  readonly groupsOf: number | null;
  readonly clientSeconds: number;
  readonly coordinatorSeconds: number;
  readonly uploadBytesPerParameter: number;
  /** CPU seconds of a client and of the coordinator. */
  readonly goals: readonly [number, number] | null;
  /** Load average before it began. */
  readonly load: number;
};

const load = loadavg()[0] ?? 0;
const rows: Row[] = [];
const suites = (['x25519', 'x25519+mlkem768'] as const).filter((suite) => (values.suite ?? suite) === suite);
if (suites.length === 0) {
  console.error(`There is no suite ${values.suite}. It is x25519 or x25519+mlkem768.`);
  process.exit(2);
}
/** Clients of a group: each one's work is that of its group alone, so a small one shows the coordinator's growth soonest. */
const groupsOf = 10;
const only = values.only?.split(',');
for (const suite of suites) {
  const sizes = values.quick || suite !== 'x25519' ? [10, 100, 200, 300] : [10, 100, 200, 300, 1_000];
  for (const clients of sizes) await measure(terms(clients, 10_000, suite), null, null);
}
if (!values.quick) {
  for (const suite of suites) await measure(terms(1_000, 100_000, suite), null, [0.3, 10]);
}
if (suites.includes('x25519')) {
  const sizes = values.quick ? [10, 100] : [10, 100, 1_000, 10_000];
  for (const clients of sizes) await measure(terms(clients, 10_000, 'x25519'), groupsOf, null);
}

function terms(clients: number, dimension: number, suite: SessionTerms['suite']): SessionTerms {
  return { clients, dimension, lost: clients / 10, suite };
}

async function measure(session: SessionTerms, groups: number | null, goals: Row['goals']): Promise<void> {
  const { clients, dimension, suite } = session;
  const id = `${clients}x${dimension}${groups === null ? '' : `/${groups}`}`;
  if (only !== undefined && !only.includes(id)) return;
  const [before = 0] = loadavg();
  const times = groups === null ? await sessionTimes(session) : await groupedTimes(session, groups);
  const { clientSeconds, coordinatorSeconds, uploadBytesPerParameter } = times;
  rows.push({
    clients,
    parameters: dimension,
    suite,
    groupsOf: groups,
    clientSeconds,
    coordinatorSeconds,
    uploadBytesPerParameter,
    goals,
    load: before,
  });
  if (values.json) return;
  const [client, coordinator] = [clientSeconds, coordinatorSeconds].map((seconds, i) => {
    const goal = goals?.[i];
    return `${seconds.toPrecision(3)} s${goal === undefined ? '' : ` (goal ${goal})`}`;
  });
  const how = groups === null ? '' : ` in groups of ${groups}`;
  console.log(
    `${clients} clients${how}, ${dimension} parameters, ${suite}: client ${client}, coordinator ${coordinator}`,
  );
}

function sessionTimes(session: SessionTerms): Promise<SessionTimes> {
  return timedSession(session, createNodeCrypto({ rememberSignatures: false }));
}

/** A round of many sessions, one after the other; each one's sum is compared, and all are added up as the coordinator does. */
async function groupedTimes({ clients, dimension, suite }: SessionTerms, size: number): Promise<SessionTimes> {
  const sessions = clients / size;
  const whole = new Int32Array(dimension);
  let [clientSeconds, coordinatorSeconds, uploadBytesPerParameter] = [0, 0, 0];
  for (let session = 0; session < sessions; session++) {
    const times = await sessionTimes({ clients: size, dimension, lost: size / 10, suite });
    const before = process.cpuUsage();
    addGroupSum(whole, times.sum);
    const { user, system } = process.cpuUsage(before);
    clientSeconds += times.clientSeconds / sessions;
    coordinatorSeconds += times.coordinatorSeconds + (user + system) / 1e6;
    ({ uploadBytesPerParameter } = times);
  }
  return { clientSeconds, coordinatorSeconds, threadedSeconds: null, uploadBytesPerParameter, sum: whole };
}

/** The file's rows, with what was measured now in the place of what was. */
function withKept(measured: readonly Row[], file: string | undefined): readonly Row[] {
  if (only === undefined || file === undefined || !existsSync(file)) return measured;
  const keyOf = ({ clients, parameters, suite, groupsOf: size }: Row): string =>
    [clients, parameters, suite, size ?? null].join();
  const now = new Map(measured.map((row) => [keyOf(row), row]));
  const { rows: kept } = JSON.parse(readFileSync(file, 'utf8')) as { rows: readonly Row[] };
  const known = new Set(kept.map(keyOf));
  return [...kept.map((row) => now.get(keyOf(row)) ?? row), ...measured.filter((row) => !known.has(keyOf(row)))];
}

const all = withKept(rows, values.out);
writeReport({ bench: 'large-cohorts', quick: values.quick, load, rows: all }, { out: values.out, json: values.json });
if (values.out !== undefined) {
  const drawn = all.filter(({ parameters }) => parameters === 10_000);
  const curves = [
    ...[...new Set(drawn.map(({ suite }) => suite))].map((name) => ({
      name: `${name}, one session`,
      points: drawn.filter((row) => row.suite === name && (row.groupsOf ?? null) === null),
    })),
    { name: `x25519, in groups of ${groupsOf}`, points: drawn.filter((row) => row.groupsOf === groupsOf) },
  ].filter(({ points }) => points.length > 0);
  const title = 'CPU of a round with 10,000 parameters, a tenth of the clients lost; one session is a ring above 200';
  writeFileSync(values.out.replace(/(\.json)?$/, '.svg'), growthPlot(title, curves));
}
