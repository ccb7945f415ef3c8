import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { createNodeCrypto } from '@sotto/shared/crypto/node';
import { writeReport } from '../report.ts';
import { timedSession, type SessionTerms } from '../secure-sum/timed-session.ts';
import { growthPlot } from './growth-plot.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    suite: { type: 'string' },
    out: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) {
  console.log(`npm run bench -- large-cohorts [--json] [--quick] [--suite x25519] [--out FILE]

How the secure sum's cost grows: CPU time on one thread of sessions of 10 to 1,000 clients with 10,000 parameters, and of
1,000 clients on the ring of neighbours with 100,000. Every client does its whole work and checks every signature; a tenth
are lost after they dealt. Some twenty minutes. --out FILE.json also draws the growth into FILE.svg.
--quick: up to 300 clients with 10,000 parameters. --suite: of one suite alone, which for x25519 takes seven minutes.`);
  process.exit(0);
}

type Row = {
  readonly clients: number;
  readonly parameters: number;
  readonly suite: SessionTerms['suite'];
  readonly clientSeconds: number;
  readonly coordinatorSeconds: number;
  readonly uploadBytesPerParameter: number;
  /** CPU seconds of a client and of the coordinator. */
  readonly goals: readonly [number, number] | null;
};

const load = loadavg()[0] ?? 0;
const rows: Row[] = [];
const suites = (['x25519', 'x25519+mlkem768'] as const).filter((suite) => (values.suite ?? suite) === suite);
if (suites.length === 0) {
  console.error(`There is no suite ${values.suite}. It is x25519 or x25519+mlkem768.`);
  process.exit(2);
}
for (const suite of suites) {
  const sizes = values.quick || suite !== 'x25519' ? [10, 100, 200, 300] : [10, 100, 200, 300, 1_000];
  for (const clients of sizes) await measure(terms(clients, 10_000, suite), null);
}
if (!values.quick) {
  for (const suite of suites) await measure(terms(1_000, 100_000, suite), [0.3, 10]);
}

function terms(clients: number, dimension: number, suite: SessionTerms['suite']): SessionTerms {
  return { clients, dimension, lost: clients / 10, suite };
}

async function measure(session: SessionTerms, goals: Row['goals']): Promise<void> {
  const { clients, dimension, suite } = session;
  const times = await timedSession(session, createNodeCrypto({ rememberSignatures: false }));
  const { clientSeconds, coordinatorSeconds, uploadBytesPerParameter } = times;
  rows.push({
    clients,
    parameters: dimension,
    suite,
    clientSeconds,
    coordinatorSeconds,
    uploadBytesPerParameter,
    goals,
  });
  if (values.json) return;
  const [client, coordinator] = [clientSeconds, coordinatorSeconds].map((seconds, i) => {
    const goal = goals?.[i];
    return `${seconds.toPrecision(3)} s${goal === undefined ? '' : ` (goal ${goal})`}`;
  });
  console.log(`${clients} clients, ${dimension} parameters, ${suite}: client ${client}, coordinator ${coordinator}`);
}

writeReport({ bench: 'large-cohorts', quick: values.quick, load, rows }, { out: values.out, json: values.json });
if (values.out !== undefined) {
  const curves = suites.map((name) => ({
    name,
    points: rows.filter(({ suite, parameters }) => suite === name && parameters === 10_000),
  }));
  const title = 'CPU of one secure sum of 10,000 parameters, a tenth of the clients lost; the ring begins above 200';
  writeFileSync(values.out.replace(/(\.json)?$/, '.svg'), growthPlot(title, curves));
}
