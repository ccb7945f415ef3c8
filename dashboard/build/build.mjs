/**
 * Builds the static export into `out/` and writes `out/csp.json` beside it. Needs `@sotto/shared` built first (`tsc -b`), and
 * no network.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeContentSecurityPolicy } from './content-security-policy.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const next = join(dirname(createRequire(import.meta.url).resolve('next/package.json')), 'dist/bin/next');
const built = spawnSync(process.execPath, [next, 'build'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' },
});
if (built.status !== 0) process.exit(built.status ?? 1);
const pages = await writeContentSecurityPolicy(join(root, 'out'));
console.log(`out/csp.json: content security policy of ${pages} pages`);
