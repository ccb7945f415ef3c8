import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataSchemaSchema } from '@sotto/shared/plan';
import type { LocalFederationConfig } from '@sotto/simulation/local';
import { dataFolder } from '../accuracy/datasets.ts';

/** Four nodes with a hospital's training rows each, and the plan that the demonstration trains by; null without the data. */
export function hospitals(): {
  readonly config: Pick<LocalFederationConfig, 'schema' | 'policy' | 'nodes'>;
  readonly draft: Readonly<Record<string, unknown>>;
} | null {
  const folder = dataFolder('heart-4-hospitals');
  if (folder === null) return null;
  const examples = new URL('../../examples/hospitals/', import.meta.url);
  const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, examples), 'utf8'));
  const [header = '', ...rows] = readFileSync(join(folder, 'data.csv'), 'utf8').trim().split(/\r?\n/);
  const columns = header.split(',');
  const [hospital, split] = [columns.indexOf('hospital'), columns.indexOf('split')];
  const training = rows.filter((row) => row.split(',')[split] === 'train');
  const names = [...new Set(training.map((row) => row.split(',')[hospital] ?? ''))];
  return {
    config: {
      schema: dataSchemaSchema.parse(read('schema.json')),
      policy: { version: 1, maxEpsilon: 1, budget: { epsilon: 1.2, delta: 1e-5 }, minSurvivors: 4 },
      nodes: names.map((name) => ({
        name,
        data: [header, ...training.filter((row) => row.split(',')[hospital] === name)].join('\n'),
      })),
    },
    draft: read('plan.json') as Readonly<Record<string, unknown>>,
  };
}
