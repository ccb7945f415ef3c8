import { describe, expect, it } from 'vitest';
import { runSchedule, scheduleLine, type ScheduleReport } from './schedules.ts';

/*
 * Seeded schedules: small federations of the product's own machines in a world that loses, delays, repeats and reorders
 * requests and replies, breaks lines, kills clients and the coordinator before and after every read, write and message, and
 * has clients that lie. `sotto-sim schedules --from N --to N+1` shows schedule N again.
 *
 * A failure is
 *  - a released sum that is not, bit for bit, the plain sum of exactly the declared survivors' integers (in trusted mode with
 *    differential privacy: that sum and no more than the coordinator's own noise);
 *  - a release below minSurvivors, of somebody outside the cohort or of somebody twice, a round released twice or out of order;
 *  - a contribution that left a client before its charge was on the client's disk, or was taken on before the coordinator's;
 *  - a charge that is missing for a release, stands twice, is not at the plan's floor, or goes beyond the plan's sessions;
 *  - an ε that falls, at either end, at a crash or otherwise;
 *  - a second answer of a client to one step of a session, the same vector in two sessions, both shares of one dealer;
 *  - a transcript, event or checkpoint that tells another story than the rest, a final model that the replay does not give;
 *  - a run that stands still although enough clients live for a session, or that has not ended after a day: it is wedged.
 *
 * Not a failure is
 *  - a run that waits because too few clients are alive: those that died for good are missed for good;
 *  - a session that fails with a reason, by a fault or by a lie, and costs an attempt and its charges;
 *  - a run that ends early, or without any release, because its sessions are used up;
 *  - a client that is charged for an attempt that was never released: charges are never refunded;
 *  - a client that loses its session over a late or repeated message, or over its own lie.
 */
const count = process.env['SOTTO_LONG'] === '1' ? 1_000 : 200;
const perTest = 10;

// The other half is in schedules-odd.test.ts, so that two workers share them.
describe('even schedules keep the rules', () => {
  const reports: ScheduleReport[] = [];

  for (let from = 0; from < count; from += 2 * perTest) {
    it(`${from}, ${from + 2} … ${from + 2 * perTest - 2}`, async () => {
      for (let number = from; number < from + 2 * perTest; number += 2) {
        const report = await runSchedule(number);
        expect(report.result.violations, scheduleLine(report)).toEqual([]);
        reports.push(report);
      }
    });
  }

  it('and go through all that can go wrong', () => {
    const total = (of: (report: ScheduleReport) => number): number => reports.reduce((sum, one) => sum + of(one), 0);
    // What half of 200 came to, halved: far above chance, and a world in which nothing happens shows.
    expect(total(({ result }) => result.releasesChecked)).toBeGreaterThan(reports.length);
    expect(total(({ result }) => result.coordinatorCrashes)).toBeGreaterThan(reports.length / 2);
    expect(total(({ result }) => result.clientCrashes)).toBeGreaterThan(reports.length / 4);
    expect(total(({ result }) => result.lies)).toBeGreaterThan(reports.length / 4);
    expect(total(({ result }) => result.status.failedAttempts)).toBeGreaterThan(reports.length / 2);
    expect(new Set(reports.map(({ scenario }) => scenario.plan.trust))).toEqual(new Set(['secure', 'trusted']));
    expect(new Set(reports.map(({ scenario }) => scenario.plan.unit))).toEqual(new Set(['record', 'client']));
    const finished = reports.filter(({ result }) => result.status.state === 'finished').length;
    expect(finished).toBeGreaterThan(reports.length / 2);
  });
});
