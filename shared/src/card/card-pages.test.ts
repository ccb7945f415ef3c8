import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { privacyCardSchema } from './card-schema.ts';

type JsonSchema = {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
};

const schema = z.toJSONSchema(privacyCardSchema);

/** Every field below a schema, as `a.b[].c`; a mechanism event's own fields are the accountant's matter. */
function fieldsOf({ properties = {}, items, anyOf = [] }: JsonSchema, path = ''): string[] {
  const own = Object.entries(properties).flatMap(([name, field]) => {
    const below = path === '' ? name : `${path}.${name}`;
    return [below, ...(name === 'event' ? [] : fieldsOf(field, below))];
  });
  const deeper = items === undefined ? [] : fieldsOf(items, `${path}[]`);
  return [...new Set([...own, ...deeper, ...anyOf.flatMap((choice) => fieldsOf(choice, path))])].sort();
}

test('privacy-card.md lists every field, and no other', () => {
  const page = readFileSync(new URL('../../../docs/reference/privacy-card.md', import.meta.url), 'utf8');
  const cells = page
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''));
  expect([...new Set(cells)].sort()).toEqual(fieldsOf(schema as JsonSchema));
});

test('the published JSON Schema is that of the program (npx vitest run shared/src/card -u writes it)', async () => {
  await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(
    '../../../docs/reference/privacy-card.schema.json',
  );
});
