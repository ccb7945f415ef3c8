import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createNodeCrypto, createNodeRandom } from '@sotto/shared/crypto/node';
import { planHashOf } from '@sotto/shared/plan';
import {
  clientIdOf,
  decodeInvitation,
  fingerprintOf,
  issueCertificate,
  parseSignedPlan,
  revocationListSchema,
  verifyRevocations,
  verifySignedPlan,
  type Certificate,
} from '@sotto/shared/protocol';
import { toHex } from '@sotto/shared/vector';
import { openKey, parseKeyFile } from './key-file.ts';
import { run } from './program.ts';

const crypto = createNodeCrypto();
const now = Date.parse('2026-11-01T00:00:00.000Z');
const passphrase = 'correct horse battery staple';
let folder = '';
let key = '';

type Outcome = { readonly code: number; readonly out: string; readonly error: string };

async function cli(args: readonly string[], secret: string | undefined = passphrase): Promise<Outcome> {
  const texts = { out: '', error: '' };
  const code = await run(args, {
    out: (text) => (texts.out += text),
    error: (text) => (texts.error += text),
    now: () => now,
    passphrase: secret,
  });
  return { code, ...texts };
}

async function json(args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, out, error } = await cli([...args, '--key', key, '--json']);
  expect(error).toBe('');
  expect(code).toBe(0);
  return JSON.parse(out) as Record<string, unknown>;
}

async function errorOf(
  args: readonly string[],
  secret?: string,
): Promise<{ exit: number; code: string; message: string }> {
  const { code: exit, error, out } = await cli([...args, '--json'], secret);
  expect(out).toBe('');
  const { code, message } = (JSON.parse(error) as { error: { code: string; message: string } }).error;
  return { exit, code, message };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-authority-'));
  key = join(folder, 'authority.key');
  await json(['init']);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('init', () => {
  test('makes a key file that only its owner reads, and that holds no seed in the open', async () => {
    expect((await stat(key)).mode & 0o777).toBe(0o600);
    const text = await readFile(key, 'utf8');
    const opened = await openKey(parseKeyFile(JSON.parse(text)), passphrase);
    expect(text).toContain(opened.publicKey);
    expect(text).not.toContain(opened.seed);
    expect(parseKeyFile(JSON.parse(text)).kdf.n).toBeGreaterThanOrEqual(2 ** 17);
  });

  test('overwrites nothing', async () => {
    expect(await errorOf(['init', '--key', key])).toMatchObject({ exit: 11, code: 'CONFLICT' });
  });

  test('refuses a short passphrase', async () => {
    const other = join(folder, 'other.key');
    expect(await errorOf(['init', '--key', other], 'too short')).toMatchObject({ exit: 2, code: 'INVALID_INPUT' });
  });

  test('without terminal, file or variable says how to give the passphrase', async () => {
    const other = join(folder, 'other.key');
    const { exit, message } = await errorOf(['init', '--key', other], '');
    expect(exit).toBe(2);
    expect(message).toContain('SOTTO_AUTHORITY_PASSPHRASE');
  });
});

describe('fingerprint', () => {
  test('is the hash of the public key and needs no passphrase', async () => {
    const { code, out } = await cli(['fingerprint', '--key', key, '--json'], undefined);
    expect(code).toBe(0);
    const { publicKey, fingerprint } = JSON.parse(out) as { publicKey: string; fingerprint: string };
    expect(fingerprint).toBe(fingerprintOf(publicKey));
  });
});

describe('a key file', () => {
  test('that is missing, no JSON, or altered is named', async () => {
    expect(await errorOf(['fingerprint', '--key', join(folder, 'none')])).toMatchObject({ code: 'FILE_NOT_FOUND' });
    const broken = join(folder, 'broken.key');
    await writeFile(broken, '{');
    expect(await errorOf(['fingerprint', '--key', broken])).toMatchObject({ code: 'INVALID_INPUT' });
    const file = JSON.parse(await readFile(key, 'utf8')) as Record<string, unknown>;
    for (const change of [
      { version: 2 },
      { box: '00' },
      { publicKey: 'ZZ' },
      { kdf: { ...(file['kdf'] as object), n: 2 } },
      { kdf: { ...(file['kdf'] as object), n: 2 ** 40 } },
      { kdf: null },
    ]) {
      await writeFile(broken, JSON.stringify({ ...file, ...change }));
      expect(await errorOf(['fingerprint', '--key', broken])).toMatchObject({ code: 'INVALID_INPUT' });
    }
    const box = String(file['box']);
    await writeFile(broken, JSON.stringify({ ...file, box: (box.startsWith('0') ? '1' : '0') + box.slice(1) }));
    const args = ['revoke', 'ab'.repeat(20), '--key', broken];
    expect(await errorOf(args, passphrase)).toMatchObject({ exit: 4, code: 'WRONG_PASSPHRASE' });
  });

  test('that names another public key than it holds is refused', async () => {
    const broken = join(folder, 'swapped.key');
    const file = JSON.parse(await readFile(key, 'utf8')) as Record<string, unknown>;
    await writeFile(broken, JSON.stringify({ ...file, publicKey: 'ab'.repeat(32) }));
    const args = ['revoke', 'ab'.repeat(20), '--key', broken];
    expect(await errorOf(args, passphrase)).toMatchObject({ code: 'INVALID_INPUT' });
  });

  test('does not open with another passphrase', async () => {
    const args = ['revoke', 'ab'.repeat(20), '--key', key];
    expect(await errorOf(args, 'correct horse battery stable')).toMatchObject({ exit: 4, code: 'WRONG_PASSPHRASE' });
  });

  test('opens with the first line of a passphrase file', async () => {
    const secret = join(folder, 'passphrase');
    await writeFile(secret, `${passphrase}\nsecond line\n`);
    const list = join(folder, 'by-file.json');
    const { code } = await cli(
      ['revoke', 'ab'.repeat(20), '--key', key, '--passphrase-file', secret, '--list', list],
      '',
    );
    expect(code).toBe(0);
  });
});

const invite = ['invite', '--coordinator', 'https://coordinator.example', '--tls-fingerprint', 'AB:'.repeat(31) + 'AB'];

describe('invite', () => {
  test('gives one line that the client decodes', async () => {
    const { invitation } = await json([...invite, '--name', 'Kantonsspital Nord', '--expires', '12h']);
    const { voucher } = decodeInvitation(String(invitation), now);
    expect(voucher).toMatchObject({
      name: 'Kantonsspital Nord',
      role: 'silo',
      quota: 1,
      tlsFingerprint: 'ab'.repeat(32),
      expiresAt: '2026-11-01T12:00:00.000Z',
    });
  });

  test('writes the line alone to stdout, so that a file of it is an invitation', async () => {
    const { out, error } = await cli([...invite, '--name', 'north', '--key', key]);
    expect(decodeInvitation(out, now).voucher.name).toBe('north');
    expect(out.trim()).not.toMatch(/\s/);
    expect(error).toContain('as you would send a password');
  });

  test('gives a pool its quota and no name', async () => {
    const { invitation } = await json([...invite, '--role', 'pool', '--quota', '50']);
    expect(decodeInvitation(String(invitation), now).voucher).toMatchObject({ role: 'pool', quota: 50, name: null });
  });

  test('refuses terms that do not make sense, naming the option', async () => {
    const cases: [string[], string][] = [
      [[...invite], '--name'],
      [[...invite, '--name', 'x', '--role', 'king'], '--role'],
      [[...invite, '--name', 'x', '--role', 'pool'], '--name'],
      [[...invite, '--name', 'x', '--quota', '2'], 'quota'],
      [[...invite, '--name', 'x', '--quota', 'many'], '--quota'],
      [[...invite, '--name', 'x', '--expires', 'soon'], 'duration'],
      [['invite', '--coordinator', 'https://c.example', '--name', 'x'], '--tls-fingerprint'],
      [
        ['invite', '--coordinator', 'http://c.example', '--tls-fingerprint', 'ab'.repeat(32), '--name', 'x'],
        '--coordinator',
      ],
    ];
    for (const [args, named] of cases) {
      const { code, message } = await errorOf([...args, '--key', key], passphrase);
      expect(code, args.join(' ')).toBe('INVALID_INPUT');
      expect(message).toContain(named);
    }
  });

  test('without TLS only when asked for by name', async () => {
    const { invitation } = await json([
      'invite',
      '--coordinator',
      'http://127.0.0.1:8080',
      '--no-tls',
      '--name',
      'test',
    ]);
    expect(decodeInvitation(String(invitation), now).voucher.tlsFingerprint).toBeNull();
  });
});

/** Certificates of four hospitals; made once, since each invitation costs a passphrase's half second. */
async function makeCertificates(): Promise<Certificate[]> {
  const made: Certificate[] = [];
  for (const name of ['Cleveland', 'Budapest', 'Zürich', 'Long Beach']) {
    const { invitation } = await json([...invite, '--name', name]);
    const identity = toHex(await crypto.ed25519PublicKey(createNodeRandom().bytes(32)));
    made.push(await issueCertificate(decodeInvitation(String(invitation), now), identity, name, crypto));
  }
  return made;
}

let made: Promise<Certificate[]> | null = null;
const certificates = (): Promise<Certificate[]> => (made ??= makeCertificates());

describe('sign', () => {
  const examples = join(import.meta.dirname, '../../examples/hospitals');

  test('shows the plan in words, completes and signs it', async () => {
    const members = await certificates();
    const list = join(folder, 'certificates.json');
    await writeFile(list, JSON.stringify(members));
    const out = join(folder, 'plan.signed.json');
    const args = [
      'sign',
      join(examples, 'plan.json'),
      '--schema',
      join(examples, 'schema.json'),
      '--certificates',
      list,
    ];
    const { planHash } = await json([...args, '--out', out, '--yes']);
    const signed = parseSignedPlan(JSON.parse(await readFile(out, 'utf8')));
    const { publicKey } = parseKeyFile(JSON.parse(await readFile(key, 'utf8')));
    verifySignedPlan(signed, publicKey);
    expect(planHashOf(signed.plan)).toBe(planHash);
    expect(signed.plan.training.noiseMultiplier).toBeGreaterThan(1);
    expect(signed.plan.roster.clients.map(({ client }) => client)).toEqual(
      members.map(({ identity }) => clientIdOf(identity)).sort(),
    );
    expect(await errorOf([...args, '--out', out, '--yes', '--key', key], passphrase)).toMatchObject({
      code: 'CONFLICT',
    });
    expect(await errorOf(['sign', out, '--yes', '--key', key], passphrase)).toMatchObject({ code: 'PLAN_INVALID' });
  });

  test('signs nothing without a yes', async () => {
    const list = join(folder, 'certificates-2.json');
    await writeFile(list, JSON.stringify(await certificates()));
    const args = [
      'sign',
      join(examples, 'plan.json'),
      '--schema',
      join(examples, 'schema.json'),
      '--certificates',
      list,
    ];
    const outcome = await cli([...args, '--out', join(folder, 'never.json'), '--key', key]);
    expect(outcome.code).toBe(14);
    for (const word of ['Zürich', 'ε = 1', 'Rounds: 100', 'What leaves a device', 'settings chosen on: sameDataUnpaid'])
      expect(outcome.error).toContain(word);
    await expect(stat(join(folder, 'never.json'))).rejects.toThrow();
  });

  test('refuses a client of another federation and an unsound plan', async () => {
    const [certificate] = await certificates();
    const list = join(folder, 'strangers.json');
    await writeFile(list, JSON.stringify([{ ...certificate, name: 'Basel' }]));
    const schema = ['--schema', join(examples, 'schema.json')];
    const args = ['sign', join(examples, 'plan.json'), ...schema, '--yes', '--key', key];
    expect(await errorOf([...args, '--certificates', list], passphrase)).toMatchObject({ code: 'CERTIFICATE_INVALID' });
    await writeFile(list, JSON.stringify([certificate]));
    expect(await errorOf([...args, '--certificates', list], passphrase)).toMatchObject({ code: 'PLAN_INVALID' });
    expect(await errorOf(args, passphrase)).toMatchObject({ code: 'PLAN_INVALID' });
  });
});

describe('a roster that somebody else wrote', () => {
  test('is signed only as the certificates say, name included', async () => {
    const examples = join(import.meta.dirname, '../../examples/hospitals');
    const members = await certificates();
    const list = join(folder, 'members.json');
    await writeFile(list, JSON.stringify(members));
    const draft = JSON.parse(await readFile(join(examples, 'plan.json'), 'utf8')) as object;
    const clients = members
      .map(({ identity, name }) => ({ client: clientIdOf(identity), name, identity }))
      .sort((a, b) => (a.client < b.client ? -1 : 1));
    const [first, second, ...rest] = clients;
    const swapped = [{ ...first, name: second?.name }, { ...second, name: first?.name }, ...rest];
    for (const [roster, code] of [
      [clients, null],
      [swapped, 'CERTIFICATE_INVALID'],
    ] as const) {
      const path = join(folder, `written-${code ?? 'well'}.json`);
      await writeFile(path, JSON.stringify({ ...draft, roster: { kind: 'pinned', clients: roster } }));
      const args = ['sign', path, '--schema', join(examples, 'schema.json'), '--certificates', list, '--yes'];
      if (code === null) expect(await json(args)).toHaveProperty('planHash');
      else expect(await errorOf([...args, '--key', key], passphrase)).toMatchObject({ code });
    }
  });
});

describe('revoke', () => {
  test('numbers its lists, and a list only grows', async () => {
    const list = join(folder, 'revocations.json');
    const [a, b] = ['aa'.repeat(20), 'bb'.repeat(20)];
    expect(await json(['revoke', b, '--list', list])).toMatchObject({ number: 1, revoked: [b] });
    expect(await json(['revoke', a, '--list', list])).toMatchObject({ number: 2, revoked: [a, b] });
    const signed = revocationListSchema.parse(JSON.parse(await readFile(list, 'utf8')));
    verifyRevocations(signed, parseKeyFile(JSON.parse(await readFile(key, 'utf8'))).publicKey, 1);
    await writeFile(list, JSON.stringify({ ...signed, revoked: [a] }));
    const args = ['revoke', a, '--list', list, '--key', key];
    expect(await errorOf(args, passphrase)).toMatchObject({ code: 'SIGNATURE_INVALID' });
  });

  test('refuses what is no client id', async () => {
    expect(
      await errorOf(['revoke', 'Basel', '--key', key, '--list', join(folder, 'new.json')], passphrase),
    ).toMatchObject({ code: 'INVALID_INPUT' });
  });
});

describe('the command line', () => {
  test('every command has help, and a wrong one exits with 2', async () => {
    for (const command of ['init', 'fingerprint', 'invite', 'sign', 'revoke']) {
      const { code, out } = await cli([command, '--help']);
      expect(code).toBe(0);
      expect(out).toContain(`sotto-authority ${command}`);
    }
    expect((await cli(['--help'])).out).toContain('Exit codes');
    expect((await cli(['conquer'])).code).toBe(2);
    expect((await cli(['invite', '--key', key])).code).toBe(2);
    expect((await cli([])).code).toBe(2);
  });
});
