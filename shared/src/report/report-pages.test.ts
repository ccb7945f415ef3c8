import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { reportSchema } from './report-schema.ts';

type JsonSchema = {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
};

const schema = z.toJSONSchema(reportSchema);

/** Every field below a schema, as `a.b[].c`; the privacy card's own stand on its page. */
function fieldsOf({ properties = {}, items, anyOf = [] }: JsonSchema, path = ''): string[] {
  const own = Object.entries(properties).flatMap(([name, field]) => {
    const below = path === '' ? name : `${path}.${name}`;
    return [below, ...(below === 'card' ? [] : fieldsOf(field, below))];
  });
  const deeper = items === undefined ? [] : fieldsOf(items, `${path}[]`);
  return [...new Set([...own, ...deeper, ...anyOf.flatMap((choice) => fieldsOf(choice, path))])].sort();
}

test('report.md lists every field, and no other', () => {
  const page = readFileSync(new URL('../../../docs/reference/report.md', import.meta.url), 'utf8');
  const cells = page
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''));
  expect([...new Set(cells)].sort()).toEqual(fieldsOf(schema as JsonSchema));
});

test('the published JSON Schema is that of the program (npx vitest run shared/src/report -u writes it)', async () => {
  await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(
    '../../../docs/reference/report.schema.json',
  );
});
