import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { measureSettingsSchema } from '../queries/index.ts';
import { dataSchemaSchema } from './data-schema.ts';
import { planSchema } from './plan-schema.ts';
import { policySchema } from './policy.ts';

type JsonSchema = {
  readonly const?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
};

/** Every field below a schema, as `a.b[].c`. */
function fieldsOf(schema: JsonSchema, path = ''): string[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const below = path === '' ? name : `${path}.${name}`;
    return [below, ...fieldsOf(field, below)];
  });
  const items = schema.items === undefined ? [] : fieldsOf(schema.items, `${path}[]`);
  const choices = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap((choice) => fieldsOf(choice, path));
  return [...new Set([...own, ...items, ...choices])].sort();
}

/** Kinds of targets: rows that name the kind first, its fields second. */
const targets = ['binary', 'classes', 'number'];

/** The fields that a page's tables list: the code in the first column, and in a target's second. */
function documented(page: string): string[] {
  const text = readFileSync(new URL(`../../../docs/reference/${page}`, import.meta.url), 'utf8');
  const rows = text.split('\n').filter((line) => line.startsWith('| `'));
  const cells = rows.flatMap((line) => {
    const [, first = '', second = ''] = line.split('|');
    const names = [...first.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
    return !targets.includes(names[0] ?? '')
      ? names
      : [...second.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
  });
  return [...new Set(cells)].sort();
}

const pages: readonly [string, z.ZodType, (field: string) => boolean][] = [
  ['policy.md', policySchema, () => true],
  ['data-schema.md', dataSchemaSchema, () => true],
  ['plan.md', planSchema, (field) => !field.startsWith('schema.') && !field.includes('measures[].')],
];

test('measures.md has a section for each measure, which lists every field, and no other', () => {
  const text = readFileSync(new URL('../../../docs/reference/measures.md', import.meta.url), 'utf8');
  const documentedKinds = text.split('\n## ').slice(1);
  const told = documentedKinds.map((section) => {
    const rows = section.split('\n').filter((line) => line.startsWith('| `'));
    const fields = rows.flatMap((line) =>
      [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1]!),
    );
    return [section.split('\n')[0], fields.sort()];
  });
  const { oneOf = [] } = z.toJSONSchema(measureSettingsSchema, { io: 'input' }) as JsonSchema;
  const asked = oneOf.map((schema) => {
    const kind = schema.properties?.['kind']?.const;
    return [kind, fieldsOf(schema).filter((field) => field !== 'kind' && field !== 'share')];
  });
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(asked));
});

test.each(pages)('%s lists every field, and no other', (page, schema, shown) => {
  const fields = fieldsOf(z.toJSONSchema(schema, { io: 'input' }) as JsonSchema).filter(shown);
  expect(documented(page)).toEqual(fields);
});
