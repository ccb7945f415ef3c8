import { access, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { SottoError } from '@sotto/shared/errors';

/** Each setting: its name in the file, and in the environment as SOTTO_SILO_NAME. */
const names = ['state', 'name', 'invitation', 'schema', 'policy', 'data', 'holdout', 'books'];

/**
 * The settings of a silo: from a file, from the environment, which wins, and from what systemd gives a unit.
 *
 * @param {string | undefined} file JSON with some of the names
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Promise<{ folder: string, books: string, name: string, invitation: string | null, schema: string, policy: string | null,
 *   data: string, holdout: string | null }>} paths, and the silo's name
 * @throws {FILE_NOT_FOUND} when the file cannot be read; {INVALID_INPUT} when a setting is missing, unknown or no text.
 */
export async function readSettings(file, environment) {
  const given = { ...(file === undefined ? {} : await readJson(file)), ...ofEnvironment(environment) };
  for (const [name, value] of Object.entries(given)) {
    if (!names.includes(name)) throw new SottoError('INVALID_INPUT', `${file}: there is no setting "${name}"`);
    if (typeof value !== 'string' || value === '') throw new SottoError('INVALID_INPUT', `${name}: expected a text`);
  }
  const { schema, data, policy = null, holdout = null, name = hostname() } = given;
  const state = given.state ?? environment.STATE_DIRECTORY;
  for (const [wanted, value] of Object.entries({ schema, data, state })) {
    if (value === undefined) {
      throw new SottoError(
        'INVALID_INPUT',
        `${wanted} is not set: give SOTTO_SILO_${wanted.toUpperCase()}, or "${wanted}" in a file that SOTTO_SILO_SETTINGS names`,
      );
    }
  }
  return {
    folder: join(state, 'node'),
    books: given.books ?? join(state, 'books'),
    name,
    invitation: given.invitation ?? (await credential('invitation', environment)),
    schema,
    policy,
    data,
    holdout,
  };
}

/** A JSON file's content. @throws {FILE_NOT_FOUND} {INVALID_INPUT} */
export async function readJson(path) {
  const text = await readText(path);
  try {
    return JSON.parse(text);
  } catch {
    throw new SottoError('INVALID_INPUT', `${path}: not JSON`);
  }
}

/** A file's text. @throws {FILE_NOT_FOUND} */
export async function readText(path) {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new SottoError('FILE_NOT_FOUND', `${path}: cannot be read (${error.code})`);
  }
}

function ofEnvironment(environment) {
  const found = names.map((name) => [name, environment[`SOTTO_SILO_${name.toUpperCase()}`]]);
  return Object.fromEntries(found.filter(([, value]) => value !== undefined));
}

/** The path of what `LoadCredential=` gives a unit; null where it gives none. */
async function credential(name, { CREDENTIALS_DIRECTORY: folder }) {
  if (folder === undefined) return null;
  const path = join(folder, name);
  return access(path).then(
    () => path,
    () => null,
  );
}
