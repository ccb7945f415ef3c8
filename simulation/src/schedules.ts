import { groupedScenarioOf, runScenario, scenarioOf, type Scenario } from './scenario.ts';
import type { SimulationResult } from './federation.ts';

/** What one seeded schedule came to. */
export type ScheduleReport = {
  readonly number: number;
  readonly scenario: Scenario;
  readonly result: SimulationResult;
};

/** Runs the schedule of one number: the same number is the same schedule, everywhere. */
export async function runSchedule(number: number): Promise<ScheduleReport> {
  const scenario = scenarioOf(`schedule ${number}`);
  return { number, scenario, result: await runScenario(scenario) };
}

/** As {@link runSchedule}, in `grouped` mode. */
export async function runGroupedSchedule(number: number): Promise<ScheduleReport> {
  const scenario = groupedScenarioOf(`grouped schedule ${number}`);
  return { number, scenario, result: await runScenario(scenario) };
}

/** A schedule in one line, with what it takes to see it again. */
export function scheduleLine({ number, scenario, result }: ScheduleReport): string {
  const { status, releasesChecked, coordinatorCrashes, clientCrashes, lies, waitsForClients, violations } = result;
  const { clients, plan, liars } = scenario;
  const lying = [...liars].map(([name, { lie }]) => `${name} ${lie}`).join();
  const outcome = violations.length > 0 ? 'VIOLATED' : waitsForClients ? 'waits for clients' : status.state;
  const facts = [
    `${clients} clients`,
    `${plan.trust}/${plan.unit}/${plan.privacy}`,
    `${releasesChecked} releases`,
    `${status.failedAttempts} failed attempts`,
    `${coordinatorCrashes}+${clientCrashes} crashes`,
    `${lies} lies${lying === '' ? '' : ` (${lying})`}`,
  ];
  const told = violations.map((violation) => `\n    ${violation}`).join('');
  return `schedule ${number}: ${outcome}, ${facts.join(', ')}${told}`;
}
