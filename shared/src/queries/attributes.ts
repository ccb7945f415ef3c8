import { z } from 'zod';
import { SottoError } from '../errors/index.ts';
import { encodedNumber, type InputColumn } from '../model/index.ts';

/** Groups that an attribute may have at most: more than anybody can compare, and each further one is a further noisy cell. */
const groupsMax = 256;

/** A category column by its name, or a number column with the raw values at which it is cut; a value at a cut belongs above it. */
const attributeColumnSchema = z.union([
  z.string().min(1).max(120),
  z.strictObject({ column: z.string().min(1).max(120), cuts: z.array(z.number()).min(1).max(50) }),
]);

/** Columns by whose values rows are put into groups; several give every combination. */
export const attributeColumnsSchema = z.array(attributeColumnSchema).max(4);
export type AttributeColumns = z.infer<typeof attributeColumnsSchema>;

/** An attribute by which people are compared. */
export const attributeSchema = z.strictObject({
  /** What figures call it; by default its columns, joined by +. */
  name: z.string().min(1).max(120).optional(),
  columns: attributeColumnsSchema.min(1),
});
export type Attribute = z.infer<typeof attributeSchema>;

/** A fault of an attribute that the plan alone shows. */
export type AttributeProblem = { readonly path: string; readonly problem: string; readonly cure: string };

/** What figures call an attribute. */
export function attributeName({ name, columns }: Attribute): string {
  return name ?? columns.map(nameOf).join('+');
}

/**
 * What is wrong with attributes: nothing to look up, nothing to cut, too many groups.
 * @param path - of the list, for example `attributes`.
 */
export function attributeProblems(
  columns: readonly InputColumn[],
  attributes: readonly Attribute[],
  path = 'attributes',
): readonly AttributeProblem[] {
  const names = attributes.map(attributeName);
  return attributes.flatMap((attribute, index) => [
    ...(names.indexOf(names[index]!) < index
      ? [
          {
            path: `${path}[${index}].name`,
            problem: `two attributes are called ${names[index]}`,
            cure: 'Name one of them.',
          },
        ]
      : []),
    ...columnProblems(columns, attribute.columns, `${path}[${index}].columns`),
  ]);
}

/** The same of one list of columns. */
export function columnProblems(
  columns: readonly InputColumn[],
  wanted: AttributeColumns,
  path: string,
): readonly AttributeProblem[] {
  const problems = wanted.flatMap((one, index): readonly AttributeProblem[] => {
    const found = columns.find(({ name }) => name === nameOf(one));
    const at = `${path}[${index}]`;
    if (found === undefined) {
      const known = columns.slice(0, 10).map(({ name }) => name);
      const more = columns.length > known.length ? ', …' : '';
      return [
        {
          path: at,
          problem: `the schema has no column ${nameOf(one)}`,
          cure: `Name one of ${known.join(', ')}${more}.`,
        },
      ];
    }
    if (wanted.findIndex((other) => nameOf(other) === nameOf(one)) < index) {
      return [{ path: at, problem: `the column ${nameOf(one)} stands twice`, cure: 'Take one of them out.' }];
    }
    return oneColumnProblems(found, one, at);
  });
  if (problems.length > 0) return problems;
  const parts = wanted.map((one) => partsOf(columns, one));
  const groups = parts.reduce((product, { names }) => product * names.length, 1);
  if (groups > groupsMax) {
    return [
      {
        path,
        problem: `${groups} groups, at most ${groupsMax} can be told apart`,
        cure: 'Name fewer columns, or fewer cuts.',
      },
    ];
  }
  const names = combined(parts);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  return twice === undefined
    ? []
    : [{ path, problem: `two groups would be called ${twice}`, cure: 'Rename a value of the schema.' }];
}

function oneColumnProblems(
  column: InputColumn,
  one: AttributeColumns[number],
  path: string,
): readonly AttributeProblem[] {
  if (column.kind === 'pixels') {
    return [
      { path, problem: `${column.name} is an image, which puts nobody into a group`, cure: 'Name another column.' },
    ];
  }
  if (column.kind === 'category') {
    if (typeof one === 'string') return [];
    return [
      { path, problem: `${column.name} is a category, which has no cuts`, cure: `Write "${column.name}" alone.` },
    ];
  }
  if (typeof one === 'string') {
    return [
      {
        path,
        problem: `${column.name} is a number and needs cuts`,
        cure: `Write { "column": "${column.name}", "cuts": [a value at which a new group begins] }.`,
      },
    ];
  }
  return one.cuts.flatMap((cut, index) => {
    const encoded = encodedCut(column, cut);
    if (!(encoded > column.low && encoded <= column.high)) {
      return [
        {
          path: `${path}.cuts[${index}]`,
          problem: `${cut} is no cut: no value of ${column.name} lies ${encoded > column.high ? 'above' : 'below'} it`,
          cure: "Choose one between the column's min and max.",
        },
      ];
    }
    if (index > 0 && !(encoded > encodedCut(column, one.cuts[index - 1]!))) {
      return [{ path: `${path}.cuts[${index}]`, problem: 'cuts must grow', cure: 'Sort them, each once.' }];
    }
    return [];
  });
}

/** How rows are put into the groups of some columns. Every row is in exactly one. */
export type Grouping = {
  /** In the order of the groups' numbers; of no columns one group, of everybody. */
  readonly names: readonly string[];
  /** The group of the row whose inputs begin at `at`. */
  readonly groupOf: (inputs: ArrayLike<number>, at: number) => number;
};

/**
 * The groups of some columns. A category has one more group than values, for rows that have none of them: so every row is in one, and
 * is counted once.
 *
 * @throws {PLAN_INVALID} with the first problem, where there is one.
 */
export function groupingBy(columns: readonly InputColumn[], wanted: AttributeColumns): Grouping {
  const [fault] = columnProblems(columns, wanted, 'columns');
  if (fault !== undefined) throw new SottoError('PLAN_INVALID', `${fault.path}: ${fault.problem}. ${fault.cure}`);
  const parts = wanted.map((one) => partsOf(columns, one));
  return {
    names: combined(parts),
    groupOf: (inputs, at) => parts.reduce((group, part) => group * part.names.length + part.groupOf(inputs, at), 0),
  };
}

/** Names of every combination of the parts' groups, the last part's changing first. */
function combined(parts: readonly Grouping[]): readonly string[] {
  const [first, ...others] = parts.map(({ names }) => names);
  return others.reduce(
    (before, names) => before.flatMap((name) => names.map((own) => `${name} & ${own}`)),
    first ?? ['everybody'],
  );
}

function partsOf(columns: readonly InputColumn[], one: AttributeColumns[number]): Grouping {
  const column = columns.find(({ name }) => name === nameOf(one))!;
  return typeof one === 'string' ? byCategory(column) : byCuts(column, one.cuts);
}

function byCategory({ from, values }: InputColumn): Grouping {
  const known = values ?? [];
  return {
    names: [...known.map((value) => (value === '' ? '(empty)' : value)), known.includes('other') ? '(other)' : 'other'],
    groupOf(inputs, at) {
      for (let value = 0; value < known.length; value++) if (inputs[at + from + value]! > 0.5) return value;
      return known.length;
    },
  };
}

function byCuts(column: InputColumn, cuts: readonly number[]): Grouping {
  const encoded = cuts.map((cut) => encodedCut(column, cut));
  const { name } = column;
  return {
    names: [
      `${name} < ${cuts[0]}`,
      ...cuts.map((cut, i) => (i + 1 < cuts.length ? `${cut} ≤ ${name} < ${cuts[i + 1]}` : `${name} ≥ ${cut}`)),
    ],
    groupOf(inputs, at) {
      const value = inputs[at + column.from]!;
      return encoded.reduce((group, cut) => group + (value >= cut ? 1 : 0), 0);
    },
  };
}

function encodedCut({ scaling }: InputColumn, cut: number): number {
  return scaling === null ? NaN : encodedNumber(scaling, cut);
}

function nameOf(one: AttributeColumns[number]): string {
  return typeof one === 'string' ? one : one.column;
}
