import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const page = readFileSync(join(root, 'docs/security/attacks.md'), 'utf8');
const numbers = [
  ...Array.from({ length: 25 }, (_, index) => `A${index + 1}`),
  ...Array.from({ length: 6 }, (_, index) => `S${index + 1}`),
];

/** Rows of the table: number and the cell of tests. */
const rows = new Map(
  page
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter((cells) => /^[AS]\d+$/.test(cells[1] ?? ''))
    .map((cells) => [cells[1], { tests: cells[4], limit: cells[5] }]),
);

/** @param {string} a @param {string} b */
const byText = (a, b) => (a < b ? -1 : 1);

/** `A13 shared/src/…` for every test whose title begins with numbers of attacks. */
function titled() {
  const found = new Set();
  const folders = ['shared/src', 'client-sdk/src', 'coordinator/src', 'authority/src', 'simulation/src', 'e2e'];
  for (const folder of folders) {
    for (const entry of readdirSync(join(root, folder), { recursive: true })) {
      if (!/\.(test|e2e)\.ts$/.test(entry)) continue;
      const text = readFileSync(join(root, folder, entry), 'utf8');
      const path = relative(root, join(root, folder, entry)).replace(/\.(test|e2e)\.ts$/, '');
      for (const [, list] of text.matchAll(/['"`]((?:[AS]\d+, )*[AS]\d+): /g)) {
        for (const number of list.split(', ')) found.add(`${number} ${path}`);
      }
    }
  }
  return [...found].sort(byText);
}

/** The same, as the page has it. */
function listed() {
  return [...rows]
    .flatMap(([number, { tests }]) =>
      [...tests.matchAll(/`([^`]+)`/g)].map(
        ([, path]) => `${number} ${path.replace(/^sum\//, 'shared/src/secure-sum/')}`,
      ),
    )
    .sort(byText);
}

test('the page has every attack once, in order', () => {
  expect([...rows.keys()]).toEqual(numbers);
});

test('the page names exactly the tests whose titles carry the number', () => {
  expect(listed()).toEqual(titled());
});

test('an attack without a test says why it does not apply yet', () => {
  for (const [number, { tests, limit }] of rows) {
    expect(limit, number).not.toBe('');
    if (!tests.includes('`')) expect(tests, number).toMatch(/^not applicable yet: ./);
  }
});
