import { log } from '../model/index.ts';
import type { Column, DataSchema } from './data-schema.ts';
import type { PlanReport } from './plan-finding.ts';

/** A scaled input beyond this is rarely meant: it makes gradients that are all clipped. */
const scaledInputMax = 100;

/** Numbers that tables write for "not measured". */
const missingCodes = [0, -9, -99, -999, 999];

/** Where most values come to lie, in scaled units: beyond it a value is unusual by the schema's own constants. */
const usualScaledMax = 3;

/** Whether a data schema says one thing only: no column twice, ranges and lists that hold what they should. */
export function checkDataSchema(schema: DataSchema, report: PlanReport, root = 'plan.schema'): void {
  const problem = (path: string, problem: string, cure: string): void => {
    report.problems.push({ path: `${root}.${path}`, problem, cure });
  };
  const seen = new Set<string>();
  schema.columns.forEach((column, index) => {
    const path = `columns[${index}]`;
    if (seen.has(column.name)) problem(`${path}.name`, `column ${column.name} is listed twice`, 'List it once.');
    seen.add(column.name);
    if (column.name === schema.target.column) {
      problem(`${path}.name`, `column ${column.name} is the target as well`, 'Take the target out of the inputs.');
    }
    if (column.name === schema.unitId) {
      problem(`${path}.name`, `column ${column.name} names the unit`, 'Take the unit’s id out of the inputs.');
    }
    checkColumn(column, `${root}.${path}`, report);
  });
  checkFills(schema, root, report);
  const { target } = schema;
  if (target.column === schema.unitId) {
    problem('target.column', `column ${target.column} names the unit`, 'Choose another target.');
  }
  if (target.kind === 'binary' && target.positive === target.negative) {
    problem('target', `positive and negative are both ${target.positive}`, 'Give them different texts.');
  }
  if (target.kind === 'classes' && new Set(target.values).size < target.values.length) {
    problem('target.values', 'a class is listed twice', 'List each class once.');
  }
  if (target.kind === 'number' && !(target.min < target.max)) {
    problem('target', `min ${target.min} is not below max ${target.max}`, 'Widen the range.');
  }
}

/**
 * A value that stands for "not measured" and lies within the range passes as one that was measured. Where one owner never measured the column,
 * the value tells whose row it is: a model can learn the owner in place of the finding.
 */
function checkFills(schema: DataSchema, root: string, report: PlanReport): void {
  const numbers = schema.columns.filter(isNumber).filter(({ min, max }) => min < max);
  const warn = (names: readonly string[], said: (names: string) => string, cure: string): void => {
    if (names.length === 0) return;
    const listed = `${names.length === 1 ? 'column' : 'columns'} ${names.slice(0, 10).join(', ')}`;
    const more = names.length > 10 ? ` and ${names.length - 10} more` : '';
    report.warnings.push({ path: `${root}.columns`, problem: said(`${listed}${more}`), cure });
  };
  warn(
    numbers.filter(({ fill }) => fill !== null).map(({ name, fill }) => `${name} (${fill})`),
    (names) => `${names}: a missing value becomes the fill, which lies inside the range, so it passes as measured`,
    'See at every owner, by a dry run, that no column is one value in every row: such a column tells the owner, and a model can learn that.',
  );
  warn(
    numbers.flatMap((column) => {
      const codes = missingCodes.filter((code) => isUnusualWithin(column, code));
      return codes.length === 0 ? [] : [`${column.name} (${codes.join(', ')})`];
    }),
    (names) =>
      `${names}: what tables often write for a missing value lies inside the range, far from the usual; if it does stand for that, it passes as measured`,
    'Where it cannot be measured, list it under missing and give a usual fill, or narrow the range.',
  );
}

type NumberColumn = Extract<Column, { kind: 'number' }>;

function isNumber(column: Column): column is NumberColumn {
  return column.kind === 'number';
}

function isUnusualWithin(column: NumberColumn, code: number): boolean {
  const { min, max, missing, transform, centre, scale } = column;
  if (code < min || code > max || missing.includes(String(code)) || (transform === 'log1p' && min <= -1)) return false;
  return Math.abs(((transform === 'log1p' ? log(1 + code) : code) - centre) / scale) > usualScaledMax;
}

function checkColumn(column: Column, path: string, report: PlanReport): void {
  const problem = (field: string, problem: string, cure: string): void => {
    report.problems.push({ path: `${path}.${field}`, problem: `column ${column.name}: ${problem}`, cure });
  };
  if (column.kind === 'category') {
    if (new Set(column.values).size < column.values.length)
      problem('values', 'a value is listed twice', 'List it once.');
    return;
  }
  if (column.kind === 'pixels') {
    const widest = Math.max(...[0, 255].map((value) => Math.abs((value - column.centre) / column.scale)));
    if (widest > scaledInputMax) warnOfScale(widest, path, column.name, report);
    return;
  }
  const { min, max, fill, transform, centre, scale } = column;
  if (!(min < max)) problem('min', `min ${min} is not below max ${max}`, 'Widen the range.');
  if (fill !== null && (fill < min || fill > max)) {
    problem('fill', `fill ${fill} is outside ${min} … ${max}`, 'Choose a fill within the range.');
  }
  if (transform === 'log1p' && min <= -1) {
    problem('min', `log1p is not defined at min ${min}`, 'Use a range above -1, or transform identity.');
    return;
  }
  const widest = Math.max(
    ...[min, max].map((raw) => Math.abs(((transform === 'log1p' ? log(1 + raw) : raw) - centre) / scale)),
  );
  if (widest > scaledInputMax) warnOfScale(widest, path, column.name, report);
}

function warnOfScale(widest: number, path: string, name: string, report: PlanReport): void {
  report.warnings.push({
    path: `${path}.scale`,
    problem: `column ${name}: inputs up to ${widest.toPrecision(3)} after scaling`,
    cure: 'Choose centre, scale, transform or range so that most values come to lie between -3 and 3.',
  });
}
