import type { PlanCosts } from '@sotto/shared/card';

/** Rounded up, so that nothing reads cheaper than it is. */
const up = (epsilon: number): string => (Math.ceil(epsilon * 1_000) / 1_000).toFixed(3);

/** What a plan costs, in a few lines and two small tables. */
export function costLines({ slots, colluding, noise }: PlanCosts): string[] {
  const fields = [...new Set(slots.map(({ field }) => field))];
  return [
    ...slots.map(
      ({ slot, field, count, epsilonAlone, epsilonWithoutSpare }) =>
        `Cost         ${slot}: ε = ${up(epsilonAlone)} for ${count} releases (${up(epsilonWithoutSpare)} if no attempt fails), counted in ${field}`,
    ),
    ...(colluding.length === 0
      ? []
      : [
          'Colluding    clients that pool what they know with the coordinator, and the ε that is left, this noise given:',
          table(
            ['clients', ...fields.flatMap((field) => [field, 'if all contribute'])],
            colluding.map((row) => [
              String(row.colluding),
              ...fields.flatMap((_, index) => [up(row.atFewest[index]!), up(row.atAll[index]!)]),
            ]),
          ),
        ]),
    ...(noise.length === 0
      ? []
      : [
          'Noise        of a sum of all clients, against the least that this ε needs, by other numbers of the cohort:',
          table(
            ['minSurvivors', 'colluding', 'noise'],
            noise.map(({ minSurvivors, colluding: clients, factor, planned }) => [
              String(minSurvivors),
              String(clients),
              `× ${factor.toFixed(2)}${planned ? '  (this plan)' : ''}`,
            ]),
          ),
        ]),
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) =>
    `               ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join('   ')}`.trimEnd();
  return [head, ...rows].map(line).join('\n');
}
