import type { DataSchema, PolicyInput } from '@sotto/shared/plan';

/** How rows become inputs: what every plan of this app's federation must be written for. Replace it by your own. */
export const schema: DataSchema = {
  name: 'findings',
  unitId: null,
  columns: ['pressure', 'pulse', 'age', 'sugar'].map((name) => ({
    kind: 'number',
    name,
    min: -5,
    max: 5,
    transform: 'identity',
    centre: 0,
    scale: 1,
    fill: null,
    missing: [],
  })),
  target: { kind: 'binary', column: 'ill', positive: 'yes', negative: 'no' },
};

/** What a plan may ask for at most. The person is asked besides. */
export const policy: PolicyInput = { version: 1, maxEpsilon: 3, budget: { epsilon: 10, delta: 1e-5 } };
