import type { LocalData } from '@sotto/client/session';
import type { UnitBatch } from '@sotto/shared/model';
import { inputWidth, outputWidth, type DataSchema } from '@sotto/shared/plan';
import { createSeededRandom, uniformBelow } from '@sotto/shared/random';

/** One client's part of a simulated federation's data. */
export type SimulatedClientData = { readonly name: string; readonly data: LocalData };

/** Units that are already divided into parts: what benchmarks and tests hand in. */
export function fixedData(
  schema: DataSchema,
  parts: { train: UnitBatch; validation?: UnitBatch; test?: UnitBatch },
): LocalData {
  const nothing: UnitBatch = {
    ...parts.train,
    units: 0,
    rows: 0,
    rowOffsets: new Uint32Array(1),
    inputs: new Float32Array(0),
    targets: new Float32Array(0),
  };
  return { schema, unitsOf: (part) => parts[part] ?? nothing };
}

/** Random rows of the schema's shape, for tests of the protocol that do not care what is learned. */
export function noiseData(schema: DataSchema, units: number, seed: string): LocalData {
  const random = createSeededRandom(`noise-data/${seed}`);
  const features = inputWidth(schema);
  const classes = outputWidth(schema.target);
  const inputs = new Float32Array(units * features);
  for (let index = 0; index < inputs.length; index++) inputs[index] = (uniformBelow(random, 2_001) - 1_000) / 1_000;
  const targets = Float32Array.from({ length: units }, () => uniformBelow(random, Math.max(2, classes)));
  const rowOffsets = Uint32Array.from({ length: units + 1 }, (_, unit) => unit);
  const batch: UnitBatch = { units, rows: units, rowOffsets, inputs, targets, features };
  return fixedData(schema, { train: batch, validation: batch });
}
