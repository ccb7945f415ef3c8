import type { InputColumn, LocalModel, UnitBatch } from '../../model/index.ts';
import { gridFor, type PartSpec } from '../../privacy/index.ts';
import { createSeededRandom } from '../../random/index.ts';
import { layoutLength } from '../../vector/index.ts';
import { contributeSession } from '../contribute-session.ts';
import { measureSettingsSchema } from '../measures/measure-list.ts';
import { concludeMeasures, measuresQuery, type MeasureFigures } from '../measures/measures-query.ts';
import type { QueryContext } from '../query.ts';

/** Somebody with a sex, an age group and an age; the model says `score` (a class: the class of that number). */
export type Person = {
  readonly sex: string;
  readonly stage?: string;
  readonly age?: number;
  readonly label: number;
  readonly score: number;
  /** Rows of one person are adjacent. Absent: a person of one row. */
  readonly person?: string;
};

const sexes = ['F', 'M', 'a', 'b', 'c', 'd', 'x', 'y', 'z'];
const stages = ['young', 'old'];
const plain = { values: null, fill: null, scaling: null, image: null, missing: 0 };
const category = { ...plain, kind: 'category', low: 0, high: 1 } as const;
const whole = { transform: 'identity', centre: 0, scale: 1 } as const;

/** The columns of {@link Person}: categories, a number from 0 to 100, and the score. */
export const peopleColumns: readonly InputColumn[] = [
  { ...category, name: 'sex', from: 0, to: 9, values: sexes },
  { ...category, name: 'stage', from: 9, to: 11, values: stages },
  { ...plain, kind: 'number', name: 'age', from: 11, to: 12, low: 0, high: 100, scaling: whole },
  { ...plain, kind: 'number', name: 'score', from: 12, to: 13, low: 0, high: 9, scaling: whole },
  {
    ...plain,
    kind: 'pixels',
    name: 'photo',
    from: 13,
    to: 13,
    low: 0,
    high: 1,
    image: { height: 1, width: 1, channels: 1 },
  },
];
const features = 13;

/** A context that asks one measure of people. */
export function peopleContext(measure: object, changes: Partial<QueryContext> = {}): QueryContext {
  return {
    topology: { layers: [{ kind: 'dense', units: 1, activation: 'linear' }] },
    inputs: features,
    outputs: 1,
    target: 'binary',
    loss: 'binaryCrossEntropy',
    unit: 'record',
    training: { kind: 'gradient', samplingNumerator: 2 ** 32, clipNormL2: 1, expectedBatch: 50 },
    evaluation: null,
    expectedUpdates: null,
    clipBit: null,
    targetRange: null,
    columns: peopleColumns,
    classes: ['no', 'yes'],
    measures: { survey: [], trainReport: [], report: [measureSettingsSchema.parse(measure)] },
    minimumUnits: 1,
    clients: 5,
    clientIndex: null,
    ...changes,
  };
}

export function peopleBatch(people: readonly Person[]): UnitBatch {
  const inputs = new Float32Array(people.length * features);
  const rowOffsets: number[] = [];
  people.forEach(({ sex, stage = 'young', age = 40, score, person }, row) => {
    const at = row * features;
    if (sexes.includes(sex)) inputs[at + sexes.indexOf(sex)] = 1;
    inputs[at + 9 + stages.indexOf(stage)] = 1;
    inputs[at + 11] = age;
    inputs[at + 12] = score;
    if (row === 0 || person === undefined || person !== people[row - 1]?.person) rowOffsets.push(row);
  });
  return {
    units: rowOffsets.length,
    rowOffsets: Uint32Array.from([...rowOffsets, people.length]),
    rows: people.length,
    inputs,
    features,
    targets: Float32Array.from(people, ({ label }) => label),
  };
}

/** A model that says each row's score, or of several outputs the class of that number. */
export function scoreModel(outputs: number): LocalModel {
  return {
    setWeights: async () => {},
    predict: async (inputs, rows) =>
      Float32Array.from({ length: rows * outputs }, (_, i) => {
        const score = inputs[Math.floor(i / outputs) * features + 12]!;
        return outputs === 1 ? score : Number(score === i % outputs);
      }),
    traces: async () => [],
    train: async () => new Float32Array(),
    dispose: async () => {},
  };
}

/** What a federation of these clients releases, through the door and added up; without noise. */
export async function releasedOf(
  context: QueryContext,
  clients: readonly (readonly Person[])[],
): Promise<readonly MeasureFigures[]> {
  const dimension = layoutLength(measuresQuery('report').layout(context));
  const part: PartSpec = {
    slot: 'report',
    query: 'report',
    dataPart: 'test',
    dimension,
    clipNormL2: 1,
    ...gridFor(1, dimension),
    noiseVarianceSteps: 0,
    sumLimitSteps: 2 ** 30,
    samplingNumerator: 2 ** 32,
  };
  const sum = new Int32Array(dimension);
  for (const [clientIndex, people] of clients.entries()) {
    const own = await contributeSession({
      context: { ...context, clientIndex },
      parts: [part],
      unitsOf: () => peopleBatch(people),
      model: scoreModel(context.outputs),
      weights: new Float32Array(),
      random: createSeededRandom(`client ${clientIndex}`),
      allowInsecureRandom: true,
    });
    own.forEach((steps, i) => (sum[i]! += steps));
  }
  return concludeMeasures(part, sum, context, 0);
}
