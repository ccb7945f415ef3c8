import { dirname, join } from 'node:path';
import { createNodeCrypto, createNodeRandom } from '@sotto/shared/crypto/node';
import { SottoError } from '@sotto/shared/errors';
import { planHashOf } from '@sotto/shared/plan';
import {
  authorityKeyOf,
  encodeInvitation,
  fingerprintOf,
  fingerprintWords,
  issueInvitation,
  signPlan,
  type AuthorityKey,
} from '@sotto/shared/protocol';
import { canonicalJson, toHex } from '@sotto/shared/vector';
import { describePlan } from './describe-plan.ts';
import { durationMs } from './duration.ts';
import { fileExists, readJson, replaceFile, writeNewFile } from './files.ts';
import { openKey, parseKeyFile, sealKey } from './key-file.ts';
import { ask, readPassphrase } from './passphrase.ts';
import { preparePlan } from './prepare-plan.ts';
import { nextRevocations } from './revoke.ts';

/** What a command gives: lines for a person, an object for `--json`. */
export type CommandResult = {
  readonly lines: readonly string[];
  /** What is said beside the result, so that `invite > FILE` keeps the one line alone. */
  readonly notes?: readonly string[];
  readonly json: Readonly<Record<string, unknown>>;
};

/** Options of every command that opens the key. */
export type KeyOptions = { readonly key: string; readonly passphraseFile?: string; readonly passphrase?: string };

const random = createNodeRandom();

/** Makes the authority's key file. @throws {CONFLICT} when the file exists. */
export async function init(options: KeyOptions): Promise<CommandResult> {
  if (await fileExists(options.key)) throw new SottoError('CONFLICT', `${options.key} exists; it is not overwritten`);
  const passphrase = await passphraseFor(options, true);
  const key = authorityKeyOf(toHex(random.bytes(32)));
  const file = await sealKey(key, passphrase, random);
  await writeNewFile(options.key, `${JSON.stringify(file, null, 2)}\n`, 0o600);
  const fingerprint = fingerprintOf(key.publicKey);
  return {
    lines: [
      `Key file       ${options.key}`,
      `Public key     ${key.publicKey}`,
      `Fingerprint    ${fingerprintWords(fingerprint)}`,
      'Keep the file and its passphrase on a machine without a network, and a copy of both in a safe: nobody can restore them.',
      'Tell the fingerprint to every client by telephone or in person.',
    ],
    json: { keyFile: options.key, publicKey: key.publicKey, fingerprint },
  };
}

/** Shows the federation's fingerprint. Needs no passphrase. */
export async function fingerprint(options: Pick<KeyOptions, 'key'>): Promise<CommandResult> {
  const { publicKey } = parseKeyFile(await readJson(options.key));
  const print = fingerprintOf(publicKey);
  return {
    lines: [`Public key     ${publicKey}`, `Fingerprint    ${fingerprintWords(print)}`],
    json: { publicKey, fingerprint: print },
  };
}

export type InviteOptions = KeyOptions & {
  readonly coordinator: string;
  readonly tlsFingerprint?: string;
  /** Tests only: the coordinator speaks plain HTTP. */
  readonly noTls?: boolean;
  readonly name?: string;
  readonly role: string;
  readonly quota: string;
  readonly expires: string;
};

/** Makes an invitation: one line of text for its holder alone. @throws {INVALID_INPUT} naming the option. */
export async function invite(options: InviteOptions, nowMs: number): Promise<CommandResult> {
  const terms = inviteTerms(options, nowMs);
  const invitation = issueInvitation(await unlock(options), terms, random);
  const line = encodeInvitation(invitation);
  const { voucher } = invitation;
  const whom = voucher.name ?? `up to ${voucher.quota} clients, whoever holds the line`;
  return {
    lines: [line],
    notes: [
      `For ${whom}; role ${voucher.role}; until ${voucher.expiresAt}; coordinator ${voucher.coordinator}.`,
      'Whoever has this line can join in this name: send it as you would send a password.',
    ],
    json: { invitation: line, voucher },
  };
}

function inviteTerms(options: InviteOptions, nowMs: number): Parameters<typeof issueInvitation>[1] {
  const { role, coordinator, name } = options;
  if (role !== 'silo' && role !== 'pool') {
    throw new SottoError('INVALID_INPUT', `--role: expected silo or pool, got "${role}"`);
  }
  if (role === 'silo' && name === undefined) {
    throw new SottoError('INVALID_INPUT', '--name: a silo is invited by its name');
  }
  if (role === 'pool' && name !== undefined) {
    throw new SottoError('INVALID_INPUT', '--name: the members of a pool choose their own');
  }
  const quota = Number(options.quota);
  if (!/^\d+$/.test(options.quota) || quota < 1) {
    throw new SottoError('INVALID_INPUT', `--quota: expected a whole number of at least 1, got "${options.quota}"`);
  }
  const tlsFingerprint = options.tlsFingerprint?.replaceAll(/[\s:]/g, '').toLowerCase() ?? null;
  const protocol = URL.canParse(coordinator) ? new URL(coordinator).protocol : '';
  if (options.noTls === true) {
    if (tlsFingerprint !== null)
      throw new SottoError('INVALID_INPUT', '--no-tls and --tls-fingerprint exclude each other');
  } else if (tlsFingerprint === null || !/^[0-9a-f]{64}$/.test(tlsFingerprint)) {
    throw new SottoError(
      'INVALID_INPUT',
      '--tls-fingerprint: expected the 64 hexadecimal digits that `sotto serve` shows',
    );
  } else if (protocol !== 'https:') {
    throw new SottoError('INVALID_INPUT', `--coordinator: expected an https:// address, got "${coordinator}"`);
  }
  const expiresAt = new Date(nowMs + durationMs(options.expires)).toISOString();
  return { coordinator, tlsFingerprint, role, quota, expiresAt, name: name ?? null };
}

export type SignOptions = KeyOptions & {
  readonly schema?: string;
  readonly certificates?: string;
  readonly out?: string;
  readonly yes?: boolean;
};

/**
 * Shows a plan in words, asks, and writes it signed.
 * @param tell - shows the words; they are in the result too.
 * @throws {PLAN_INVALID} when it is unsound; {CANCELLED} when the person says no.
 */
export async function sign(path: string, options: SignOptions, tell: (text: string) => void): Promise<CommandResult> {
  const { publicKey } = parseKeyFile(await readJson(options.key));
  const additions = {
    schema: options.schema === undefined ? undefined : await readJson(options.schema),
    certificates: options.certificates === undefined ? undefined : await readJson(options.certificates),
  };
  const { plan, check } = await preparePlan(await readJson(path), publicKey, additions, createNodeCrypto());
  const words = describePlan(plan, check);
  if (additions.certificates === undefined) {
    words.push('Warning: the names above are the file’s own; give --certificates to check them against the vouchers.');
  }
  tell(`${words.join('\n')}\n`);
  if (options.yes !== true) {
    if (process.stdin.isTTY !== true) {
      throw new SottoError('CANCELLED', 'no terminal to ask on: read the plan above and give --yes');
    }
    const answer = await ask('Sign this plan? Type "yes": ', true);
    if (answer.trim().toLowerCase() !== 'yes') throw new SottoError('CANCELLED', 'the plan was not signed');
  }
  const signed = signPlan(plan, await unlock(options));
  const out = options.out ?? path.replace(/(\.json)?$/, '.signed.json');
  await writeNewFile(out, `${canonicalJson(signed)}\n`, 0o644);
  const planHash = planHashOf(plan);
  return { lines: [`Signed         ${out}`, `Plan hash      ${planHash}`], json: { signedPlan: out, planHash, words } };
}

export type RevokeOptions = KeyOptions & { readonly list?: string };

/** Adds clients to the numbered revocation list and writes it. */
export async function revoke(clients: readonly string[], options: RevokeOptions): Promise<CommandResult> {
  const path = options.list ?? join(dirname(options.key), 'revocations.json');
  const last = (await fileExists(path)) ? await readJson(path) : null;
  const list = nextRevocations(await unlock(options), last, clients);
  await replaceFile(path, `${JSON.stringify(list, null, 2)}\n`);
  return {
    lines: [
      `List ${list.number} with ${list.revoked.length} revoked clients: ${path}`,
      'Bring it to the coordinator: sotto revoke FILE. A higher number replaces a lower one. Leave these clients out of new plans.',
    ],
    json: { list: path, number: list.number, revoked: list.revoked },
  };
}

async function unlock(options: KeyOptions): Promise<AuthorityKey> {
  const file = parseKeyFile(await readJson(options.key));
  return openKey(file, await passphraseFor(options, false));
}

function passphraseFor(options: KeyOptions, isNew: boolean): Promise<string> {
  return readPassphrase({ file: options.passphraseFile, environment: options.passphrase }, isNew);
}
