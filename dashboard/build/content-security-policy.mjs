import { createHash } from 'node:crypto';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const inlineScript = /<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g;

/**
 * Writes `csp.json` into an exported folder: `{ "<page>.html": "<Content-Security-Policy header>" }`. The export has inline
 * scripts that hold each page's data; the policy names them by SHA-256 and allows no other, so it needs no 'unsafe-inline'.
 *
 * @param {string} folder - the export, `dashboard/out`
 * @returns {Promise<number>} the number of pages
 */
export async function writeContentSecurityPolicy(folder) {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.html')).sort();
  const policies = {};
  for (const name of names) {
    policies[name.replaceAll('\\', '/')] = policyOf(await readFile(join(folder, name), 'utf8'));
  }
  await writeFile(join(folder, 'csp.json'), `${JSON.stringify(policies, null, 2)}\n`);
  return names.length;
}

/** @param {string} html - a whole page */
export function policyOf(html) {
  const hashes = new Set();
  for (const [, script] of html.matchAll(inlineScript)) {
    hashes.add(
      `'sha256-${createHash('sha256')
        .update(script ?? '')
        .digest('base64')}'`,
    );
  }
  return [
    "default-src 'none'",
    `script-src 'self' ${[...hashes].join(' ')}`.trim(),
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
