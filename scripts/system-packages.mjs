// What the tests need besides Node: a browser, PostgreSQL, and tools that look at the network.
import { existsSync } from 'node:fs';
import { postgresPrograms } from './postgres.mjs';
import { hasPython } from './python.mjs';
import { run } from './setup.mjs';

const wanted = [
  { name: 'chromium', there: () => existsSync(process.env['SOTTO_CHROMIUM'] ?? '/usr/bin/chromium') },
  { name: 'postgresql', there: () => postgresPrograms() !== null },
  { name: 'tcpdump', there: () => existsSync('/usr/bin/tcpdump') || existsSync('/usr/sbin/tcpdump') },
  { name: 'iproute2', there: () => existsSync('/usr/sbin/ip') || existsSync('/sbin/ip') || existsSync('/usr/bin/ip') },
  { name: 'python3-venv', there: hasPython },
  { name: 'openssl', there: () => existsSync('/usr/bin/openssl') },
];

/**
 * Installs what is missing where this is root on Debian; elsewhere the tests that need it are skipped by name.
 * @returns {Promise<string[]>} what is missing in the end
 */
export async function ensureSystemPackages() {
  const missing = wanted.filter(({ there }) => !there());
  if (missing.length === 0) return [];
  const names = missing.map(({ name }) => name);
  if (process.getuid?.() === 0 && existsSync('/etc/debian_version') && existsSync('/usr/bin/apt-get')) {
    console.error(`Installing Debian packages that the tests need: ${names.join(', ')} …`);
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    const update = await run('apt-get', ['update', '-q'], { capture: true, env });
    const install = await run('apt-get', ['install', '-qy', '--no-install-recommends', ...names], {
      capture: true,
      env,
    });
    if (install.code !== 0) console.error(`${update.code === 0 ? '' : update.output}\n${install.output}`.slice(-4_000));
  }
  const left = wanted.filter(({ there }) => !there()).map(({ name }) => name);
  if (left.length > 0) console.error(`Missing: ${left.join(', ')}. Tests that need them are skipped.`);
  return left;
}
