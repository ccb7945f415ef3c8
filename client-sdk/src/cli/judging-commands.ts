import { randomUUID } from 'node:crypto';
import { exitCodes, SottoError } from '@sotto/shared/errors';
import type { DataSchema } from '@sotto/shared/plan';
import { thresholdFileSchema, type ThresholdFile } from '@sotto/shared/queries';
import { Option, type Command } from 'commander';
import { z } from 'zod';
import { readCsvRecords } from '../data/index.ts';
import { createInputEncoder } from '../data/row-encoder.ts';
import {
  decideByGroup,
  encodeRecords,
  explainRow,
  findCounterfactual,
  predictRows,
  predictRowsSmoothed,
  temperatureOfReport,
  type ExplainOptions,
  type JudgedModel,
  type RowRecord,
} from '../judging/index.ts';
import { readJson } from './json-file.ts';
import { counterfactualWords, explanationWords, predictionWords, temperatureWords } from './judging-words.ts';
import { readModel } from './model-file.ts';
import type { Screen } from './screen.ts';

type Options = Readonly<Record<string, string | boolean | undefined>>;
type Act = (
  action: (screen: Screen, options: Options, argument: string) => Promise<number>,
) => (...given: unknown[]) => Promise<void>;

/** Adds `predict` and `explain`: a model is judged beside the rows, and nothing is sent. */
export function addJudgingCommands(program: Command, act: Act): void {
  const command = (name: string, description: string): Command =>
    program
      .command(name)
      .description(`${description}; nothing is sent`)
      .argument('<model>', 'what sotto export wrote: the safetensors file, or the folder of the tfjs model')
      .option('--schema <file>', 'the data schema (JSON) that the model must have been trained with')
      .option('--plan <file>', 'the plan of a model file that does not describe itself')
      .option('--row <json>', 'one row: a JSON object by column name, or a file that holds it')
      .option('--data <csv>', 'a table of rows; a target is not needed')
      .option('--temperature <number>', 'of a calibration: logits are divided by it (default: 1)')
      .option('--report <file>', 'a report (JSON) of this model: its temperature calibrates what is said');
  command('predict', 'what a model says of rows: a probability for each class, or the value')
    .option(
      '--smooth <sigma>',
      'ask about 1,000 copies of each row with normal noise of this deviation on numbers and pixels (in encoded inputs), and abstain where none of the answers leads for sure',
    )
    .option('--thresholds <file>', 'thresholds by group (sotto model thresholds) that decide what is predicted')
    .option('--seed <text>', 'seed of the draws between two thresholds: the same row is told the same', 'predict')
    .action(act(predict));
  command('explain', 'why a model says what it says of one row, and what would turn it')
    .option('--row-number <number>', 'which row of --data, the one below the header being 1', '1')
    .addOption(
      new Option('--method <method>', 'shapley is exact up to 13 columns, from drawn permutations above')
        .choices(['integrated-gradients', 'shapley'])
        .default('integrated-gradients'),
    )
    .option('--class <text>', 'text of the target to explain (default: the positive one, or the predicted class)')
    .option('--baseline <json>', "row to explain against (default: the schema's fill values and centres)")
    .option('--keep <columns>', 'columns, separated by commas, that must stay as they are where the prediction turns')
    .option('--wanted <text>', 'text of the target to be reached (default: any other than the predicted one)')
    .option('--seed <text>', 'seed of the permutations', 'explain')
    .action(act(explain));
}

async function predict(screen: Screen, options: Options, argument: string): Promise<number> {
  const judged = await modelOf(options, argument);
  const temperature = await temperatureOf(options, judged);
  const sigma = sigmaOf(options);
  const thresholds = await thresholdsOf(options);
  if (sigma !== null && thresholds !== null) {
    throw new SottoError('INVALID_INPUT', 'predict: name --smooth or --thresholds, which were found without noise');
  }
  const { rows, leftOut } = await rowsOf(judged.schema, options);
  for (const { number, inputs } of rows) {
    const prediction =
      sigma === null
        ? predictRows(judged, inputs, temperature.value)[0]!
        : predictRowsSmoothed(judged, inputs, temperature.value, { sigma }, randomUUID())[0]!;
    const decision =
      thresholds === null ? null : decideByGroup(judged, inputs, thresholds, textOf(options, 'seed') ?? 'predict');
    const words = predictionWords(prediction, decision);
    screen.show({ type: 'prediction', row: number, ...prediction, ...decision }, `row ${number}  ${words}`);
  }
  showTemperature(screen, temperature);
  for (const { number, rule } of leftOut) {
    screen.show({ type: 'leftOut', row: number, rule }, `row ${number}  left out: ${rule}`);
  }
  screen.show({ type: 'predicted', rows: rows.length, leftOut: leftOut.length }, null);
  return rows.length === 0 ? exitCodes.data.number : exitCodes.done.number;
}

async function explain(screen: Screen, options: Options, argument: string): Promise<number> {
  const judged = await modelOf(options, argument);
  const { schema } = judged;
  const number = numberOf(options, 'rowNumber');
  const { rows, leftOut } = await rowsOf(schema, options);
  const broken = leftOut.find((row) => row.number === number);
  if (broken !== undefined) throw new SottoError('DATA_INVALID', `row ${number}: ${broken.rule}`);
  const row = rows.find((one) => one.number === number);
  if (row === undefined) {
    throw new SottoError(
      'INVALID_INPUT',
      `--row-number: the table has ${rows.length + leftOut.length} rows, got ${number}`,
    );
  }
  const baseline = textOf(options, 'baseline');
  const temperature = await temperatureOf(options, judged);
  const [explained, seed] = [textOf(options, 'class'), textOf(options, 'seed')];
  const settings: ExplainOptions = {
    method: options['method'] === 'shapley' ? 'shapley' : 'integratedGradients',
    temperature: temperature.value,
    ...(explained === undefined ? {} : { explained }),
    ...(seed === undefined ? {} : { seed }),
    ...(baseline === undefined ? {} : { baseline: encodeRecords(schema, [await recordOf('--baseline', baseline)]) }),
  };
  const explanation = explainRow(judged, row.inputs, settings);
  screen.show({ type: 'explanation', row: number, ...explanation }, explanationWords(explanation));
  showTemperature(screen, temperature);
  if (schema.target.kind === 'number') return exitCodes.done.number;
  const wanted = textOf(options, 'wanted');
  const counterfactual = findCounterfactual(judged, row.inputs, {
    keep: (textOf(options, 'keep') ?? '').split(',').filter((name) => name !== ''),
    ...(wanted === undefined ? {} : { wanted }),
    temperature: temperature.value,
  });
  const { changes, distance, prediction } = counterfactual ?? { changes: null, distance: null, prediction: null };
  screen.show(
    { type: 'counterfactual', row: number, changes, distance, prediction },
    `\n${counterfactualWords(counterfactual)}`,
  );
  return exitCodes.done.number;
}

function modelOf(options: Options, path: string): Promise<JudgedModel> {
  return readModel(path, textOf(options, 'schema'), textOf(options, 'plan'));
}

type Rows = {
  readonly rows: readonly { readonly number: number; readonly inputs: Float64Array }[];
  readonly leftOut: readonly { readonly number: number; readonly rule: string }[];
};

/** The rows of --row or --data, encoded one by one. */
async function rowsOf(schema: DataSchema, options: Options): Promise<Rows> {
  const [row, data] = [textOf(options, 'row'), textOf(options, 'data')];
  if ((row === undefined) === (data === undefined)) {
    throw new SottoError('INVALID_INPUT', 'rows: name either --row or --data');
  }
  if (row !== undefined) {
    return { rows: [{ number: 1, inputs: encodeRecords(schema, [await recordOf('--row', row)]) }], leftOut: [] };
  }
  const records = await readCsvRecords(data!);
  const encoder = createInputEncoder(schema, records.header);
  const rows: Rows['rows'][number][] = [];
  const leftOut: Rows['leftOut'][number][] = [];
  records.rows.forEach((cells, index) => {
    const inputs = new Float32Array(encoder.features);
    const encoded = encoder.encode(cells, inputs, 0);
    if (encoded.ok) rows.push({ number: index + 1, inputs: Float64Array.from(inputs) });
    else leftOut.push({ number: index + 1, rule: encoded.rule });
  });
  return { rows, leftOut };
}

const recordSchema = z.record(z.string(), z.union([z.string(), z.number(), z.null()]));

/** A row from JSON text, or from a file of it. */
async function recordOf(name: string, given: string): Promise<RowRecord> {
  const parsed = recordSchema.safeParse(
    given.trimStart().startsWith('{') ? jsonOf(name, given) : await readJson(given),
  );
  if (!parsed.success) throw new SottoError('INVALID_INPUT', `${name}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

function jsonOf(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new SottoError('INVALID_INPUT', `${name}: not JSON`);
  }
}

/** Thresholds by group; null where none are asked for. */
async function thresholdsOf(options: Options): Promise<ThresholdFile | null> {
  const path = textOf(options, 'thresholds');
  if (path === undefined) return null;
  const parsed = thresholdFileSchema.safeParse(await readJson(path));
  if (!parsed.success) throw new SottoError('INVALID_INPUT', `${path}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

type Temperature = { readonly value: number; readonly from: 'nothing' | 'option' | 'report' };

/** That of --temperature, or what --report says of this model; 1 without. */
async function temperatureOf(options: Options, judged: JudgedModel): Promise<Temperature> {
  const [given, report] = [textOf(options, 'temperature'), textOf(options, 'report')];
  if (given !== undefined && report !== undefined) {
    throw new SottoError('INVALID_INPUT', 'temperature: name --temperature or --report, not both');
  }
  if (report !== undefined) {
    const { temperature, modelHash } = temperatureOfReport(await readJson(report));
    if (modelHash !== judged.modelHash) {
      throw new SottoError(
        'INVALID_INPUT',
        `${report}: of model ${modelHash.slice(0, 12)}, this one is ${judged.modelHash.slice(0, 12)}; a temperature holds for its own model alone`,
      );
    }
    return { value: temperature, from: 'report' };
  }
  const value = Number(given ?? '1');
  if (!(value > 0) || value === Infinity) {
    throw new SottoError('INVALID_INPUT', `--temperature: expected a number above 0, got ${String(given)}`);
  }
  return { value, from: given === undefined ? 'nothing' : 'option' };
}

/** Says by what probabilities are calibrated, where they are. */
function showTemperature(screen: Screen, { value, from }: Temperature): void {
  if (from === 'nothing') return;
  screen.show({ type: 'calibration', temperature: value, from }, temperatureWords(value, from));
}

function sigmaOf(options: Options): number | null {
  const given = textOf(options, 'smooth');
  if (given === undefined) return null;
  const value = Number(given);
  if (!(value > 0) || value === Infinity) {
    throw new SottoError('INVALID_INPUT', `--smooth: expected a number above 0, got ${given}`);
  }
  return value;
}

function numberOf(options: Options, name: string): number {
  const value = Number(textOf(options, name) ?? '1');
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new SottoError('INVALID_INPUT', `--row-number: expected 1 or more, got ${String(options[name])}`);
  }
  return value;
}

function textOf(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}
