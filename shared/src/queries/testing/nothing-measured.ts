import type { QueryContext } from '../query.ts';

/** The part of a context that tells what is measured, for tests that measure nothing. */
export const nothingMeasured = {
  columns: [],
  classes: [],
  targetRange: null,
  measures: { survey: [], trainReport: [], report: [] },
  minimumUnits: 1,
  clients: 1,
  clientIndex: null,
} satisfies Partial<QueryContext>;
