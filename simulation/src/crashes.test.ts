import { runEventSchema } from '@sotto/coordinator/runs';
import { describe, expect, it } from 'vitest';
import { noFaults, type CrashPoint } from './faults.ts';
import { runScenario, type Scenario } from './scenario.ts';

const scenario: Scenario = {
  seed: 'one crash',
  clients: 4,
  plan: { rounds: 2, evaluateEvery: 1, spareAttempts: 2, minSurvivors: 3, overrides: { suite: 'x25519' } },
  liars: new Map(),
};
const calm = { ...noFaults, delayMaxMs: 20 };
const nameOf = ({ at, side }: CrashPoint): string => `${side} ${at}`;

/** Every point of a calm run where a process may die, in order. */
async function pointsOf(process: string): Promise<CrashPoint[]> {
  const points: CrashPoint[] = [];
  const crashAt = (point: CrashPoint): boolean => {
    if (point.process === process) points.push(point);
    return false;
  };
  const result = await runScenario(scenario, { faults: calm, crashAt });
  expect(result).toMatchObject({ violations: [], status: { state: 'finished', reason: null, failedAttempts: 0 } });
  return points;
}

/** The run in which the process dies at one of its points, and starts again. */
function dyingAt(process: string, index: number) {
  let seen = -1;
  const crashAt = (point: CrashPoint): boolean => point.process === process && ++seen === index;
  return runScenario(scenario, { faults: calm, crashAt });
}

describe('a process that dies once', () => {
  it('the coordinator, before and after each of its writes: the run ends, charges every session once and replays', async () => {
    const points = await pointsOf('coordinator');
    const writes = points.flatMap((point, index) => (['store.commit', 'blobs.put'].includes(point.at) ? [index] : []));
    // Submission, and for each of three sessions: opening, charge, release with its three blobs; the end.
    expect(writes).toHaveLength(2 * (3 + 3 * (3 + 3) + 1));
    for (const index of writes) {
      const result = await dyingAt('coordinator', index);
      const where = `${nameOf(points[index]!)}, ${index}`;
      expect(result, where).toMatchObject({ violations: [], coordinatorCrashes: 1, releasesChecked: 3 });
      expect(result.status, where).toMatchObject({ state: 'finished', reason: null });
      expect(result.status.failedAttempts, where).toBeLessThanOrEqual(1);
    }
  });

  it('a client, at each step of its first session, before and after: the run ends and nothing is counted twice', async () => {
    const points = await pointsOf('client 1');
    const closed = points.findIndex(({ at }) => at === 'receive sessionClosed');
    const first = points.slice(0, closed + 1);
    const steps = [
      'receive sessionOpen',
      'fetchBlob',
      'ledger.commit',
      'send advertise',
      'receive roster',
      'send share',
    ];
    const rest = [
      'receive inbox',
      'send confirm',
      'upload upload',
      'receive agreeRequest',
      'send agree',
      'send unmask',
    ];
    expect(first.map(({ at }) => at)).toEqual(expect.arrayContaining([...steps, ...rest]));
    for (const index of first.keys()) {
      const result = await dyingAt('client 1', index);
      const where = `${nameOf(first[index]!)}, ${index}`;
      expect(result, where).toMatchObject({ violations: [], clientCrashes: 1, releasesChecked: 3 });
      expect(result.status, where).toMatchObject({ state: 'finished', reason: null });
    }
  });

  it('a client, for good, after its upload and while others still train: its contribution counts in that release', async () => {
    let counted = 0;
    for (const seed of ['a', 'b', 'c', 'd']) {
      const result = await runScenario(
        { ...scenario, seed },
        {
          faults: { ...calm, clientReturns: 0, trainingMaxMs: 60_000 },
          crashAt: ({ process, at, side }) => process === 'client 1' && at === 'upload upload' && side === 'after',
        },
      );
      expect(result, seed).toMatchObject({ violations: [], clientCrashes: 1, releasesChecked: 3 });
      const dead = result.plan.roster.clients.find(({ name }) => name === 'client 1')?.client ?? '';
      const events = (await result.store.events(result.runId)).map((text) => runEventSchema.parse(JSON.parse(text)));
      const survivors = events.flatMap((event) => (event.type === 'released' ? [event.survivors.includes(dead)] : []));
      expect(survivors, seed).toEqual([true, false, false]);
      // Given up before the session came to its end: the others had more than its time to return still to train.
      const [released] = events.filter(({ type }) => type === 'released');
      const [opened] = events.filter(({ type }) => type === 'sessionOpened');
      if ((released?.at ?? 0) - (opened?.at ?? 0) > 20_000) counted += 1;
    }
    expect(counted).toBeGreaterThan(0);
  });
});
