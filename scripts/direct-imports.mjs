// A bundler's plugin: names that are imported through an index come from the file that makes them. An index leads to every file of its
// folder, so that a bundler that splits by file would load with one of them all the others, the accountant among them.
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

/**
 * For what the compiler writes: one statement a line, no default exports.
 * @param {Readonly<Record<string, string>>} packages folders of compiled packages by their names
 * @param {(text: string) => string} [change] what else is changed in each file
 * @returns {import('esbuild').Plugin}
 */
export function directImports(packages, change = (text) => text) {
  /** @type {Map<string, Map<string, { file: string, name: string }>>} */
  const known = new Map();

  /** File of an import; null where it is of another package. */
  function target(from, specifier) {
    if (specifier.startsWith('.')) return resolve(dirname(from), specifier);
    for (const [name, folder] of Object.entries(packages)) {
      if (specifier.startsWith(`${name}/`)) return exported(folder, specifier.slice(name.length));
    }
    return null;
  }

  function exported(folder, path) {
    const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return join(folder, exports[`.${path}`].default);
  }

  /** What a file gives out, and where each name is made. */
  function exportsOf(file) {
    const there = known.get(file);
    if (there !== undefined) return there;
    const names = new Map();
    known.set(file, names);
    const text = readFileSync(file, 'utf8');
    for (const [, name] of text.matchAll(/^export (?:async )?(?:function\*?|const|let|class) ([\w$]+)/gm)) {
      names.set(name, { file, name });
    }
    for (const [, list, specifier] of text.matchAll(/^export \{([^}]*)\}(?: from '([^']+)')?;$/gm)) {
      const source = specifier === undefined ? null : target(file, specifier);
      for (const { name, as } of namesIn(list)) {
        names.set(as, source === null ? { file, name: as } : (exportsOf(source).get(name) ?? { file: source, name }));
      }
    }
    for (const [, specifier] of text.matchAll(/^export \* from '([^']+)';$/gm)) {
      const source = target(file, specifier);
      if (source === null) continue;
      for (const [name, origin] of exportsOf(source)) if (!names.has(name)) names.set(name, origin);
    }
    return names;
  }

  function rewritten(path) {
    const text = readFileSync(path, 'utf8');
    return text.replace(/^import \{([^}]*)\} from '([^']+)';$/gm, (statement, list, specifier) => {
      const source = target(path, specifier);
      if (source === null) return statement;
      const offered = exportsOf(source);
      return namesIn(list)
        .map(({ name, as }) => {
          const origin = offered.get(name) ?? { file: source, name };
          const place = relative(dirname(path), origin.file).split(sep).join('/');
          const from = place.startsWith('.') ? place : `./${place}`;
          return `import { ${origin.name === as ? as : `${origin.name} as ${as}`} } from '${from}';`;
        })
        .join('');
    });
  }

  return {
    name: 'direct-imports',
    setup(build) {
      const folders = Object.values(packages).map((folder) => join(folder, 'dist') + sep);
      build.onLoad({ filter: /\.js$/ }, ({ path }) =>
        folders.some((folder) => path.startsWith(folder)) ? { contents: change(rewritten(path)), loader: 'js' } : null,
      );
    },
  };
}

/** The names in the braces of an import or export. */
function namesIn(list) {
  return list
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const [name = '', as = name] = part.split(' as ').map((word) => word.trim());
      return { name, as };
    });
}
