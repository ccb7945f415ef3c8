import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A secret that a process made or derived, as `record-secrets.mjs` writes it down. */
export type Secret = { readonly kind: string; readonly hex: string };

/** Something to search: a file or what a process printed. */
export type Text = { readonly name: string; readonly bytes: Buffer };

/** Every file below a folder. */
export async function filesBelow(folder: string, left: (path: string) => boolean): Promise<Text[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const kept = paths.filter((path) => !left(path));
  return Promise.all(kept.map(async (path) => ({ name: path, bytes: await readFile(path) })));
}

/** Bytes of a form that are looked up at once; the rest is compared where they are found. */
const headBytes = 6;

/**
 * Which secrets can be read in which texts: as bytes, hexadecimal, base64, or a list of decimal numbers. One pass over each text,
 * however many secrets there are.
 */
export function findSecrets(texts: readonly Text[], secrets: readonly Secret[]): string[] {
  const heads = new Map<number, { form: Buffer; kind: string }[]>();
  for (const { kind, hex } of secrets) {
    const bytes = Buffer.from(hex, 'hex');
    const forms = [
      bytes,
      Buffer.from(hex),
      Buffer.from(hex.toUpperCase()),
      // The last group depends on what follows.
      Buffer.from(bytes.toString('base64').slice(0, 40)),
      Buffer.from(bytes.toString('base64url').slice(0, 40)),
      Buffer.from([...bytes].join(',')),
      Buffer.from([...bytes].join(', ')),
    ];
    for (const form of forms) {
      const head = form.readUIntBE(0, headBytes);
      const known = heads.get(head);
      if (known === undefined) heads.set(head, [{ form, kind }]);
      else known.push({ form, kind });
    }
  }
  const found = new Set<string>();
  for (const { name, bytes } of texts) {
    for (let at = 0; at + headBytes <= bytes.length; at++) {
      for (const { form, kind } of heads.get(bytes.readUIntBE(at, headBytes)) ?? []) {
        if (bytes.subarray(at, at + form.length).equals(form)) found.add(`${kind} in ${name}`);
      }
    }
  }
  return [...found];
}
