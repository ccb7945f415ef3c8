import { SottoError } from '@sotto/shared/errors';
import { runSchedule, scheduleLine } from '../schedules.ts';
import type { CommandResult } from './run-command.ts';

export type SchedulesOptions = { readonly from: number; readonly to: number };

/**
 * Runs seeded schedules with faults and lies, and holds each against the rules of the protocol.
 * @param tell - one line for each schedule.
 * @throws {INVALID_INPUT} when there is none between `from` and `to`.
 * @throws {RUN_FAILED} naming the schedules that broke a rule.
 */
export async function runSchedules(
  { from, to }: SchedulesOptions,
  tell: (line: string) => void,
): Promise<CommandResult> {
  if (to <= from) throw new SottoError('INVALID_INPUT', `--to ${to}: expected more than --from ${from}`);
  const totals = { schedules: 0, finished: 0, waiting: 0, releases: 0, failedSessions: 0, crashes: 0, lies: 0 };
  const violated: string[] = [];
  for (let number = from; number < to; number++) {
    const report = await runSchedule(number);
    const { status, waitsForClients, releasesChecked, coordinatorCrashes, clientCrashes, lies, violations } =
      report.result;
    totals.schedules += 1;
    totals.finished += status.state === 'finished' ? 1 : 0;
    totals.waiting += waitsForClients ? 1 : 0;
    totals.releases += releasesChecked;
    totals.failedSessions += status.failedAttempts;
    totals.crashes += coordinatorCrashes + clientCrashes;
    totals.lies += lies;
    const line = scheduleLine(report);
    tell(line);
    if (violations.length > 0) violated.push(line);
  }
  if (violated.length > 0) throw new SottoError('RUN_FAILED', `${violated.length} schedules:\n${violated.join('\n')}`);
  const { schedules, finished, waiting, releases, failedSessions, crashes, lies } = totals;
  return {
    lines: [
      `${schedules} schedules keep the rules: ${finished} finished, ${waiting} wait for clients, the others ended early.`,
      `${releases} releases, each the exact sum of its survivors; ${failedSessions} failed sessions, ${crashes} crashes, ${lies} lies.`,
    ],
    json: totals,
  };
}
