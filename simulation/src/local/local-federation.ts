import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { joinFederation } from '@sotto/client/node';
import { createNodeRandom } from '@sotto/shared/crypto/node';
import { SottoError } from '@sotto/shared/errors';
import {
  completePlan,
  type DataSchema,
  type Plan,
  type PlanDraft,
  type PolicyInput,
  type SignedPlan,
} from '@sotto/shared/plan';
import { authorityKeyOf, encodeInvitation, issueInvitation, signPlan, type AuthorityKey } from '@sotto/shared/protocol';
import { startCommand, type Command } from './child-process.ts';
import { openOperatorApi, type OperatorApi } from './operator-api.ts';

export type { Command, JsonLine } from './child-process.ts';

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const sotto = join(root, 'coordinator/bin/sotto.mjs');
const sottoNode = join(root, 'client-sdk/bin/sotto-node.mjs');

export type LocalNode = {
  readonly name: string;
  /** CSV text of its rows, and of rows that never take part. */
  readonly data: string;
  readonly holdout?: string;
};

export type LocalFederationConfig = {
  /** Everything is written below this folder. */
  readonly dir: string;
  readonly schema: DataSchema;
  readonly policy: PolicyInput;
  readonly nodes: readonly LocalNode[];
  readonly tls?: boolean;
  readonly dashboard?: string;
  /** Origins whose pages may be clients. */
  readonly origins?: readonly string[];
  readonly onNodeLine?: (node: string, line: Readonly<Record<string, unknown>>) => void;
};

/** A federation of real processes on this machine: one coordinator, one process a client; one person holds all keys. */
export class LocalFederation {
  readonly #config: LocalFederationConfig;
  readonly authority: AuthorityKey;
  readonly nodes = new Map<string, Command>();
  coordinator: Command | null = null;
  api: OperatorApi | null = null;
  url = '';
  fingerprint: string | null = null;
  #port: number;

  private constructor(config: LocalFederationConfig, authority: AuthorityKey, port: number) {
    this.#config = config;
    this.authority = authority;
    this.#port = port;
  }

  /** Makes the folders and the authority's key, or takes up those that are there. */
  static async open(config: LocalFederationConfig): Promise<LocalFederation> {
    await mkdir(config.dir, { recursive: true, mode: 0o700 });
    const keyFile = join(config.dir, 'demonstration-authority.key');
    let seed = await readFile(keyFile, 'utf8').catch(() => null);
    if (seed === null) {
      seed = randomBytes(32).toString('hex');
      await writeFile(keyFile, seed, { mode: 0o600 });
    }
    const port = await readFile(join(config.dir, 'port'), 'utf8').catch(() => '0');
    return new LocalFederation(config, authorityKeyOf(seed.trim()), Number(port));
  }

  get coordinatorDir(): string {
    return join(this.#config.dir, 'coordinator');
  }

  async startCoordinator(): Promise<void> {
    const { tls = true, dashboard, origins = [] } = this.#config;
    const parameters = [
      'serve',
      '--dir',
      this.coordinatorDir,
      '--port',
      String(this.#port),
      '--authority',
      this.authority.publicKey,
      '--json',
    ];
    if (!tls) parameters.push('--no-tls');
    for (const origin of origins) parameters.push('--allow-origin', origin);
    if (dashboard !== undefined) parameters.push('--dashboard', dashboard);
    this.coordinator = startCommand(sotto, parameters, { SOTTO_LOG: 'error' });
    const ready = await this.coordinator.until((line) => typeof line['url'] === 'string');
    this.url = String(ready['url']);
    this.fingerprint = typeof ready['fingerprint'] === 'string' ? ready['fingerprint'] : null;
    // A coordinator that starts again, in another process too, must be found where its invitations say.
    this.#port = Number(new URL(this.url).port);
    await writeFile(join(this.#config.dir, 'port'), String(this.#port));
    this.api?.close();
    this.api = await openOperatorApi(this.coordinatorDir, this.url);
  }

  /** Invites, joins and starts every node. */
  async startNodes(): Promise<void> {
    await Promise.all(this.#config.nodes.map((node) => this.startNode(node.name)));
  }

  async startNode(name: string): Promise<void> {
    const node = this.#config.nodes.find((candidate) => candidate.name === name);
    if (node === undefined) throw new SottoError('INTERNAL', `there is no node ${name}`);
    const { dir, schema, policy, onNodeLine } = this.#config;
    const folder = join(dir, 'nodes', name);
    const files = {
      schema: join(folder, 'schema.json'),
      policy: join(folder, 'policy.json'),
      data: join(folder, 'data.csv'),
      holdout: join(folder, 'holdout.csv'),
    };
    const joined = await readFile(join(folder, 'joined'), 'utf8').catch(() => null);
    if (joined === null) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeFile(files.schema, JSON.stringify(schema));
      await writeFile(files.policy, JSON.stringify(policy));
      await writeFile(files.data, node.data);
      if (node.holdout !== undefined) await writeFile(files.holdout, node.holdout);
      const invitation = issueInvitation(
        this.authority,
        {
          coordinator: this.url,
          tlsFingerprint: this.fingerprint,
          role: 'silo',
          quota: 1,
          expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
        },
        createNodeRandom(),
      );
      await joinFederation({
        folder: join(folder, 'identity'),
        invitation: encodeInvitation(invitation),
        name,
        nowMs: Date.now(),
      });
      await writeFile(join(folder, 'joined'), 'yes');
    }
    const parameters = [
      'run',
      '--folder',
      join(folder, 'identity'),
      '--schema',
      files.schema,
      '--policy',
      files.policy,
      '--data',
      files.data,
      '--json',
    ];
    if (node.holdout !== undefined) parameters.push('--holdout', files.holdout);
    const command = startCommand(sottoNode, parameters);
    if (onNodeLine !== undefined) command.onLine((line) => onNodeLine(name, line));
    this.nodes.set(name, command);
  }

  /** Fills the roster with everybody who enrolled, completes the noise or ε, signs, and submits. */
  async submit(draft: Readonly<Record<string, unknown>>): Promise<{ runId: string; plan: Plan; signed: SignedPlan }> {
    const api = this.operator();
    const clients = await api.clients();
    const plan = completePlan({
      ...draft,
      authority: this.authority.publicKey,
      schema: this.#config.schema,
      roster: { kind: 'pinned', clients },
      // One process made the keys of everybody here, and the card of the run says so.
      disclosure: { ...(draft['disclosure'] as object | undefined), keys: 'onePerson' },
    } as PlanDraft);
    const signed = signPlan(plan, this.authority);
    await writeFile(join(this.#config.dir, 'plan.signed.json'), `${JSON.stringify(signed, null, 2)}\n`);
    return { ...(await api.submit(signed)), plan, signed };
  }

  operator(): OperatorApi {
    if (this.api === null) throw new SottoError('INTERNAL', 'the coordinator has not started');
    return this.api;
  }

  /** Runs a command of the coordinator on its data folder and returns its last line. @throws {INTERNAL} when it fails. */
  async command(parameters: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
    const command = startCommand(sotto, [...parameters, '--dir', this.coordinatorDir, '--json']);
    const outcome = await command.ended;
    const last = command.lines.at(-1);
    if (outcome !== 0 || last === undefined) {
      throw new SottoError(
        'INTERNAL',
        `sotto ${parameters.join(' ')} ended with ${outcome}: ${JSON.stringify(last ?? null)}`,
      );
    }
    return last;
  }

  /** Ends all processes; those that do not go are killed. */
  async stop(): Promise<void> {
    this.api?.close();
    const commands = [...this.nodes.values(), ...(this.coordinator === null ? [] : [this.coordinator])];
    for (const command of commands) command.kill('SIGTERM');
    const impatient = setTimeout(() => commands.forEach((command) => command.kill('SIGKILL')), 5_000);
    await Promise.allSettled(commands.map((command) => command.ended));
    clearTimeout(impatient);
  }
}
