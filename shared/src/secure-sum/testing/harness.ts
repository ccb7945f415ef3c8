import type { CryptoPort } from '../../crypto/index.ts';
import { createSeededRandom, type RandomSource } from '../../random/index.ts';
import { sha256, signedBytes } from '../../crypto/index.ts';
import { toHex } from '../../vector/index.ts';
import {
  addVector,
  beginSession,
  createSum,
  maskVector,
  onAgreeRequest,
  onInbox,
  onRoster,
  onUnmaskRequest,
  recoverSum,
  stepSum,
  thresholdFor,
  verifySumMessage,
  type ClientNoise,
  type RecoverJob,
  type SessionHeader,
  type SumClientState,
  type SumEffect,
  type SumEvent,
  type SumIdentity,
  type SumMessage,
  type SumPorts,
  type SumRequest,
  type SumRules,
  type SumStage,
} from '../index.ts';

/** A header for tests; everything but the dimension can be replaced. */
export function testHeader(dimension: number, change: Partial<SessionHeader> = {}): SessionHeader {
  return {
    protocol: 1,
    suite: 'x25519',
    trust: 'secure',
    planHash: '11'.repeat(32),
    runId: '22'.repeat(16),
    round: 1,
    attempt: 1,
    modelHash: '33'.repeat(32),
    slots: ['training'],
    dimension,
    ...change,
  };
}

export type TestCohort = {
  readonly rules: SumRules;
  readonly identities: readonly SumIdentity[];
  /** Seeds (hex) of the identity keys, in the same order. */
  readonly seeds: readonly string[];
};

/** `n` clients with identity keys of their own. */
export async function testCohort(
  n: number,
  crypto: CryptoPort,
  options: {
    header?: SessionHeader;
    minSurvivors?: number;
    colluding?: number;
    removableNoise?: number;
    seed?: string;
  } = {},
): Promise<TestCohort> {
  const members: { client: string; key: string; seed: string; sign: SumIdentity['sign'] }[] = [];
  for (let i = 0; i < n; i++) {
    const seed = sha256(signedBytes('test-identity', options.seed ?? '', i));
    const key = await crypto.ed25519PublicKey(seed);
    const client = toHex(sha256(key).slice(0, 20));
    members.push({
      client,
      key: toHex(key),
      seed: toHex(seed),
      sign: (message) => crypto.ed25519Sign(seed, message),
    });
  }
  members.sort((a, b) => (a.client < b.client ? -1 : 1));
  const rules: SumRules = {
    header: options.header ?? testHeader(5),
    identities: new Map(members.map(({ client, key }) => [client, key])),
    minSurvivors: options.minSurvivors ?? thresholdFor(n),
    colluding: options.colluding ?? 1,
    removableNoise: options.removableNoise,
  };
  return {
    rules,
    identities: members.map(({ client, sign }) => ({ client, sign })),
    seeds: members.map(({ seed }) => seed),
  };
}

/** How one client of a simulated session behaves. */
export type Behaviour = {
  /** It is gone from this stage on: sends nothing any more. */
  readonly leavesBefore?: SumStage | 'confirm';
  /** Changes what it sends. */
  readonly tamper?: (message: SumMessage) => SumMessage | Promise<SumMessage>;
};

export type SessionOptions = {
  readonly crypto: CryptoPort;
  readonly random?: RandomSource;
  readonly behaviour?: ReadonlyMap<string, Behaviour>;
  /** Rules that one client believes in, when they differ. */
  readonly rulesOf?: (client: string) => SumRules;
  /** Changes what the coordinator sends. */
  readonly tamperRequest?: (to: string, request: SumRequest) => SumRequest;
};

export type SessionResult = {
  readonly outcome: Awaited<ReturnType<typeof recoverSum>> | Extract<SumEffect, { type: 'failed' }>;
  readonly survivors: readonly string[];
  readonly vectors: ReadonlyMap<string, Uint8Array>;
  readonly rejections: readonly { readonly client: string; readonly code: string; readonly reason: string }[];
  readonly clientErrors: ReadonlyMap<string, unknown>;
  readonly messages: readonly SumMessage[];
  readonly requests: readonly { readonly to: string; readonly request: SumRequest }[];
  readonly states: ReadonlyMap<string, SumClientState>;
  /** Of each client that confirmed: the keys of its noise that can be taken out. */
  readonly noise: ReadonlyMap<string, ClientNoise | null>;
  /** What the sum was opened with; null when the session failed. */
  readonly job: RecoverJob | null;
};

/** Runs one whole session in memory with the real functions: what a driver does, without network or clock. */
export async function runSession(
  { rules, identities }: TestCohort,
  contributions: ReadonlyMap<string, Int32Array>,
  options: SessionOptions,
): Promise<SessionResult> {
  const ports: SumPorts = { crypto: options.crypto, random: options.random ?? createSeededRandom('session') };
  const states = new Map<string, SumClientState>();
  const vectors = new Map<string, Uint8Array>();
  const rejections: { client: string; code: string; reason: string }[] = [];
  const clientErrors = new Map<string, unknown>();
  const messages: SumMessage[] = [];
  const requests: { to: string; request: SumRequest }[] = [];
  const noise = new Map<string, ClientNoise | null>();
  const gone = new Set<string>();
  const accumulator = new Uint32Array(rules.header.dimension);
  let step = createSum(
    rules,
    identities.map(({ client }) => client),
  );
  let pending: SumEffect[] = [...step.effects];
  const outbox: { message: SumMessage; vector?: Uint8Array }[] = [];

  const leaves = (client: string, stage: SumStage | 'confirm') =>
    gone.has(client) || options.behaviour?.get(client)?.leavesBefore === stage;

  async function act(client: string, stage: SumStage | 'confirm', work: () => Promise<void>): Promise<void> {
    if (leaves(client, stage)) {
      gone.add(client);
      return;
    }
    try {
      await work();
    } catch (error) {
      clientErrors.set(client, error);
      gone.add(client);
    }
  }

  async function put(client: string, message: SumMessage, vector?: Uint8Array): Promise<void> {
    const tampered = (await options.behaviour?.get(client)?.tamper?.(message)) ?? message;
    messages.push(tampered);
    outbox.push(vector === undefined ? { message: tampered } : { message: tampered, vector });
  }

  async function upload(client: string): Promise<void> {
    await act(client, 'upload', async () => {
      const masked = await maskVector(states.get(client)!, contributions.get(client)!, ports);
      states.set(client, masked.state);
      await put(client, masked.message, masked.vector);
    });
  }

  async function answer(to: string, request: SumRequest): Promise<void> {
    const stageOf = { roster: 'share', inbox: 'confirm', agreeRequest: 'agree', unmaskRequest: 'unmask' } as const;
    await act(to, stageOf[request.type], async () => {
      const state = states.get(to)!;
      const next =
        request.type === 'roster'
          ? await onRoster(state, request, ports)
          : request.type === 'inbox'
            ? await onInbox(state, request, ports)
            : request.type === 'agreeRequest'
              ? await onAgreeRequest(state, request, ports)
              : await onUnmaskRequest(state, request, ports);
      states.set(to, next.state);
      if ('noise' in next) noise.set(to, next.noise);
      await put(to, next.message);
    });
    if (request.type === 'inbox') await upload(to);
  }

  function feed(event: SumEvent): void {
    step = stepSum(step.state, event);
    pending.push(...step.effects);
  }

  for (const identity of identities) {
    await act(identity.client, 'advertise', async () => {
      const begun = await beginSession(options.rulesOf?.(identity.client) ?? rules, identity, ports);
      states.set(identity.client, begun.state);
      if (begun.message !== null) await put(identity.client, begun.message);
    });
    if (rules.header.trust !== 'secure') await upload(identity.client);
  }

  for (;;) {
    const effects = pending;
    pending = [];
    for (const effect of effects) {
      if (effect.type === 'send') {
        const request = options.tamperRequest?.(effect.to, effect.message) ?? effect.message;
        requests.push({ to: effect.to, request });
        await answer(effect.to, request);
      } else if (effect.type === 'failed' || effect.type === 'recover') {
        const outcome = effect.type === 'failed' ? effect : await recoverSum(effect.job, accumulator, options.crypto);
        const { survivors } = step.state;
        return {
          outcome,
          survivors,
          vectors,
          rejections,
          clientErrors,
          messages,
          requests,
          states,
          noise,
          job: effect.type === 'recover' ? effect.job : null,
        };
      }
    }
    for (const { message, vector } of outbox.splice(0)) {
      if (step.state.stage === 'failed') break;
      const fault = await verifySumMessage(step.state, message, options.crypto);
      if (fault !== null) {
        rejections.push({ client: message.client, ...fault });
        feed({ type: 'lost', client: message.client, reason: fault.reason });
        continue;
      }
      feed({ type: 'message', message });
      if (vector !== undefined) {
        addVector(accumulator, vector);
        vectors.set(message.client, vector);
      }
    }
    if (pending.length === 0) {
      if (step.state.stage === 'recover' || step.state.stage === 'failed') throw new Error('the session hangs');
      feed({ type: 'stageTimeout', stage: step.state.stage });
    }
  }
}

/** The plain sum modulo 2^32 of some clients' contributions. */
export function plainSum(contributions: ReadonlyMap<string, Int32Array>, clients: readonly string[]): Int32Array {
  const sum = new Int32Array(contributions.values().next().value!.length);
  for (const client of clients) contributions.get(client)!.forEach((value, i) => (sum[i] = (sum[i]! + value) | 0));
  return sum;
}

/** A contribution of its own for each client. */
export function testContributions(
  cohort: TestCohort,
  random: RandomSource = createSeededRandom('contributions'),
): ReadonlyMap<string, Int32Array> {
  const { dimension } = cohort.rules.header;
  return new Map(
    cohort.identities.map(({ client }) => {
      const words = new Uint32Array(dimension);
      random.words(words);
      return [client, new Int32Array(words.buffer)];
    }),
  );
}
