import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const page = readFileSync(join(root, '../docs/reference/client-sdk.md'), 'utf8');
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Readonly<Record<string, { readonly source: string }>>;
};

/** Names that a source file gives out, types among them. */
function exportsOf(path: string): readonly string[] {
  const text = readFileSync(path, 'utf8');
  const declared = [...text.matchAll(/^export (?:async )?(?:function\*?|const|class|type) ([A-Za-z]\w*)/gm)];
  const listed = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list = '']) =>
    list.split(',').flatMap((name) => name.trim().split(/\s+/).at(-1) || []),
  );
  const all = [...text.matchAll(/^export (?:type )?\* from '(\.[^']+)'/gm)].flatMap(([, file = '']) =>
    exportsOf(join(dirname(path), file)),
  );
  return [...declared.map(([, name = '']) => name), ...listed, ...all];
}

/** Names of a section's table. */
function documented(subpath: string): readonly string[] {
  const heading = `\n## @sotto/client${subpath.slice(1)}\n`;
  expect(page, `docs/reference/client-sdk.md lacks a section for ${subpath}`).toContain(heading);
  const [section = ''] = page.slice(page.indexOf(heading) + heading.length).split('\n## ', 1);
  return [...section.matchAll(/^\| `(\w+)`/gm)].map(([, name = '']) => name);
}

describe('docs/reference/client-sdk.md', () => {
  it.each(Object.entries(exports))('names every export of %s, and no other', (subpath, { source }) => {
    const given = exportsOf(join(root, source));
    expect(given.length).toBeGreaterThan(0);
    expect(documented(subpath).toSorted()).toEqual([...new Set(given)].toSorted());
  });

  it('has a section for each import path, and no other', () => {
    const sections = [...page.matchAll(/^## @sotto\/client(\S*)$/gm)].map(([, path = '']) => `.${path}`);
    expect(sections.toSorted()).toEqual(Object.keys(exports).toSorted());
  });

  it('holds for a page as well: its build gives out the same names', () => {
    expect(exportsOf(join(root, 'src/web/index.ts')).toSorted()).toEqual(
      exportsOf(join(root, 'src/index.ts')).toSorted(),
    );
  });
});
