import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { errorCodes } from './index.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/reference/errors.md'), 'utf8');
const documented = new Map(
  [...page.matchAll(/^\|\s*`([A-Z_]+)`\s*\|\s*(.*?)\s*\|\s*(.*?)\s*\|$/gm)].map(([, code, cause, cure]) => [
    code!,
    { cause, cure },
  ]),
);

test('every code is documented, word for word', () => {
  for (const [code, { cause, cure }] of Object.entries(errorCodes)) {
    expect(documented.get(code), `docs/reference/errors.md, ${code}`).toEqual({ cause, cure });
  }
});

test('every documented code exists', () => {
  expect([...documented.keys()].filter((code) => !(code in errorCodes))).toEqual([]);
  expect(documented.size).toBe(Object.keys(errorCodes).length);
});

test('a cause and a cure are sentences', () => {
  for (const [code, { cause, cure }] of Object.entries(errorCodes)) {
    for (const text of [cause, cure]) expect(text, code).toMatch(/^[A-Z].*[^ ]\.$/);
  }
});
