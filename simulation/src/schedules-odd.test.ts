import { describe, expect, it } from 'vitest';
import { runSchedule, scheduleLine } from './schedules.ts';

// What counts as failure, and what does not, stands at the head of schedules.test.ts.
const count = process.env['SOTTO_LONG'] === '1' ? 1_000 : 200;
const perTest = 10;

describe('odd schedules keep the rules', () => {
  for (let from = 1; from < count; from += 2 * perTest) {
    it(`${from}, ${from + 2} … ${from + 2 * perTest - 2}`, async () => {
      for (let number = from; number < from + 2 * perTest; number += 2) {
        const report = await runSchedule(number);
        expect(report.result.violations, scheduleLine(report)).toEqual([]);
      }
    });
  }
});
