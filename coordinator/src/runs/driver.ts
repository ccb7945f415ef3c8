import { planCard } from '@sotto/shared/card';
import { SottoError } from '@sotto/shared/errors';
import {
  groupsOf,
  planHashOf,
  requireSoundPlan,
  checkThresholds,
  signedPlanSchema,
  type SignedPlan,
} from '@sotto/shared/plan';
import {
  clientEnvelopeSchema,
  parseSignedPlan,
  verifySignedPlan,
  type Certificate,
  type ClientEnvelope,
  type Reply,
  type RunStatus,
  type ServerMessage,
} from '@sotto/shared/protocol';
import { uploadSchema } from '@sotto/shared/secure-sum';
import { canonicalJson, fromUtf8, toHex, utf8 } from '@sotto/shared/vector';
import type { RunRecord } from '../store/store.ts';
import type { RunDriver, RunPorts } from './ports.ts';
import { createReplyBook } from './reply-book.ts';
import { rejection } from './replies.ts';
import { firstCommit } from './run-beginning.ts';
import { createRunHost, type RunHost } from './run-host.ts';

/** Least time between two status events of one run, in milliseconds. */
const statusEveryMs = 250;

/** Leads all runs of a coordinator; see {@link RunDriver}. */
export function createRunDriver(ports: RunPorts): RunDriver {
  const { clock, store, blobs, log } = ports;
  const hosts = new Map<string, RunHost>();
  const connected = new Set<string>();
  /** Number of each client's newest line. */
  const lines = new Map<string, number>();
  const revoked = new Set<string>();
  const replies = createReplyBook();
  const listeners = new Set<(status: RunStatus) => void>();
  const pendingStatus = new Map<string, () => void>();
  const lastStatusAt = new Map<string, number>();
  const working = new Set<Promise<unknown>>();
  let closed = false;

  function track<Result>(work: Promise<Result>): Promise<Result> {
    working.add(work);
    const done = () => working.delete(work);
    work.then(done, done);
    return work;
  }

  /** At most one status event every {@link statusEveryMs}, and always one after the last change. */
  function changed(runId: string): void {
    if (closed || listeners.size === 0 || pendingStatus.has(runId)) return;
    const wait = Math.max(0, (lastStatusAt.get(runId) ?? -Infinity) + statusEveryMs - clock.now());
    const cancel = clock.after(wait, () => {
      pendingStatus.delete(runId);
      const host = hosts.get(runId);
      if (host === undefined) return;
      lastStatusAt.set(runId, clock.now());
      const status = host.status();
      for (const listener of listeners) listener(status);
    });
    pendingStatus.set(runId, cancel);
  }

  async function lead(record: RunRecord, signedPlan: SignedPlan): Promise<RunHost> {
    const certificates = await certificatesOf(signedPlan);
    const groups = groupsOf(signedPlan);
    // A client sums with its group alone, so it is shown the certificates of that group.
    const offers = groups.map((members): ServerMessage => ({
      type: 'runOffer',
      runId: record.runId,
      signedPlanBlob: record.signedPlanBlob,
      planHash: record.planHash,
      certificates: members.flatMap((client) => certificates.get(client) ?? []),
    }));
    const offerOf = new Map(groups.flatMap((members, group) => members.map((client) => [client, offers[group]!])));
    const host = await createRunHost({
      ports,
      record,
      signedPlan,
      offerTo: (client) => offerOf.get(client),
      changed: () => changed(record.runId),
      isConnected: (client) => connected.has(client),
      lineOf: (client) => lines.get(client) ?? 0,
      isKept: (hash) => [...hosts.values()].some((other) => other.keeps(hash)),
    });
    hosts.set(record.runId, host);
    return host;
  }

  /** @throws {ROSTER_INVALID} */
  async function certificatesOf({ plan }: SignedPlan): Promise<Map<string, Certificate>> {
    const certificates = new Map<string, Certificate>();
    for (const { client, name, identity } of plan.roster.clients) {
      const known = await store.client(client);
      if (known === null) {
        throw new SottoError(
          'ROSTER_INVALID',
          `roster client ${client} (${name}) has not enrolled with this coordinator`,
        );
      }
      if (known.certificate.identity !== identity) {
        throw new SottoError('ROSTER_INVALID', `roster client ${client} (${name}) enrolled with another identity key`);
      }
      certificates.set(client, known.certificate);
    }
    return certificates;
  }

  async function submit(value: unknown): Promise<{ runId: string; planHash: string }> {
    const signedPlan = parseSignedPlan(value);
    const { plan } = signedPlan;
    verifySignedPlan(signedPlan, ports.authority ?? plan.authority);
    requireSoundPlan(plan, [checkThresholds]);
    const planHash = planHashOf(plan);
    // Attempts and charges are counted by plan hash, here and at the clients: the same plan is the same run.
    for (const host of hosts.values()) {
      if (host.facts.planHash === planHash) return { runId: host.facts.runId, planHash };
    }
    // Nothing runs whose card cannot be completed.
    planCard(plan, planHash);
    const open = [...hosts.values()].filter((host) => !hasEnded(host)).map(({ facts }) => facts);
    ports.books?.requireRoom({ planHash, plan }, open);
    await certificatesOf(signedPlan);
    const signedPlanBlob = await blobs.put(utf8(canonicalJson(signedPlan)));
    const runId = toHex(ports.random.bytes(16));
    const record: RunRecord = { runId, planHash, name: plan.name, signedPlanBlob, submittedAt: clock.now() };
    await store.commit(await firstCommit(ports, record, signedPlan));
    const host = await lead(record, signedPlan);
    await host.feed({ type: 'restarted' });
    for (const { client } of plan.roster.clients) {
      if (revoked.has(client)) await host.feed({ type: 'revoked', client });
    }
    await offerToConnected(host);
    return { runId, planHash };
  }

  async function offerToConnected(host: RunHost): Promise<void> {
    for (const { client } of host.facts.plan.roster.clients) {
      if (connected.has(client)) await host.feed({ type: 'connected', client });
    }
  }

  function hostOf(runId: string): RunHost {
    const host = hosts.get(runId);
    if (host === undefined) throw new SottoError('NOT_FOUND', `there is no run ${runId}`);
    return host;
  }

  function hostOfSession(sessionId: string): RunHost | undefined {
    return [...hosts.values()].find((host) => host.hasOpenSession(sessionId));
  }

  function feedAll(input: Parameters<RunHost['feed']>[0]): void {
    for (const host of hosts.values()) void track(host.feed(input));
  }

  async function handle(client: string, { message }: ClientEnvelope): Promise<Reply> {
    switch (message.type) {
      case 'runAccept':
      case 'runRefuse':
      case 'device': {
        const host = hosts.get(message.runId);
        if (host === undefined) return rejection('NOT_FOUND', `there is no run ${message.runId}`);
        if (!host.facts.plan.roster.clients.some((entry) => entry.client === client)) {
          return rejection('FORBIDDEN', `client ${client} is not on the roster of run ${message.runId}`);
        }
        if (message.type === 'runAccept') await host.feed({ type: 'accepted', client });
        else if (message.type === 'device') {
          const { type, runId: _, ...device } = message;
          await host.feed({ type, client, device });
        } else await host.feed({ type: 'refused', client, code: message.code, reason: message.reason });
        return { ok: true };
      }
      case 'sessionLeave': {
        const host = hostOfSession(message.sessionId);
        await host?.feed({ type: 'lost', client, reason: `${message.code}: ${message.reason}` });
        return { ok: true };
      }
      default: {
        if (message.client !== client) return malformed(client, `a message of ${message.client} came from ${client}`);
        const host = hostOfSession(message.sessionId);
        if (host === undefined) return rejection('MESSAGE_UNEXPECTED', `session ${message.sessionId} is not open`);
        return host.sumMessage(client, message);
      }
    }
  }

  /** What only a broken sender can send costs it its session. The round goes on without it. */
  async function malformed(client: string, reason: string): Promise<Reply> {
    log.warn({ client }, reason);
    for (const host of hosts.values()) {
      await host.feed({ type: 'lost', client, reason: `MESSAGE_INVALID: ${reason}` });
    }
    return rejection('MESSAGE_INVALID', reason);
  }

  async function operate(runId: string, input: Parameters<RunHost['feed']>[0]): Promise<void> {
    const host = hostOf(runId);
    if (hasEnded(host)) {
      throw new SottoError('CONFLICT', `run ${runId} has ended already: ${host.progress().state}`);
    }
    await track(host.feed(input));
  }

  return {
    async start() {
      for (const record of await store.runs()) {
        const bytes = await blobs.get(record.signedPlanBlob);
        if (bytes === null) throw new SottoError('STORE_FAILED', `run ${record.runId}: its plan's blob is gone`);
        const signedPlan = signedPlanSchema.parse(JSON.parse(fromUtf8(bytes)));
        const host = await lead(record, signedPlan);
        await host.feed({ type: 'restarted' });
      }
      for (const host of hosts.values()) await host.tidy();
    },
    submit: (signedPlan) => track(submit(signedPlan)),
    clientConnected(client, heard = null) {
      connected.add(client);
      lines.set(client, (lines.get(client) ?? 0) + 1);
      for (const host of hosts.values()) {
        const mark = heard?.find(({ runId }) => runId === host.facts.runId) ?? 'nothing';
        void track(host.connected(client, heard === null ? null : mark));
      }
    },
    clientDisconnected(client) {
      connected.delete(client);
      feedAll({ type: 'disconnected', client });
    },
    received(client, value) {
      const parsed = clientEnvelopeSchema.safeParse(value);
      if (!parsed.success) {
        const issue = parsed.error.issues[0];
        return track(malformed(client, `envelope.${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`));
      }
      const envelope = parsed.data;
      const { message } = envelope;
      const host = 'sessionId' in message ? hostOfSession(message.sessionId) : hosts.get(message.runId);
      host?.countBytes(JSON.stringify(envelope).length, 0);
      return track(replies.once(client, envelope.key, () => handle(client, envelope)));
    },
    uploaded(client, value, vector) {
      const parsed = uploadSchema.safeParse(value);
      if (!parsed.success) {
        const issue = parsed.error.issues[0];
        return track(malformed(client, `upload.${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`));
      }
      const upload = parsed.data;
      if (upload.client !== client)
        return track(malformed(client, `an upload of ${upload.client} came from ${client}`));
      const host = hostOfSession(upload.sessionId);
      if (host === undefined) {
        return Promise.resolve(rejection('MESSAGE_UNEXPECTED', `session ${upload.sessionId} is not open`));
      }
      return track(host.upload(client, upload, vector));
    },
    vectorBytes: (client, sessionId) => hostOfSession(sessionId)?.vectorBytes(client, sessionId) ?? null,
    served(hash, bytes) {
      for (const host of hosts.values()) if (host.modelHash() === hash) host.countBytes(0, bytes);
    },
    revoke(clients) {
      for (const client of clients) {
        revoked.add(client);
        feedAll({ type: 'revoked', client });
      }
    },
    status: (runId) => hostOf(runId).status(),
    progress: (runId) => hostOf(runId).progress(),
    statuses: () => [...hosts.values()].map((host) => host.status()),
    pause: (runId) => operate(runId, { type: 'pauseAsked' }),
    resume: (runId) => operate(runId, { type: 'resumeAsked' }),
    stop: (runId, reason = 'stopped by the operator') => operate(runId, { type: 'stopAsked', reason }),
    onStatus(listener) {
      listeners.add(listener);
      for (const runId of hosts.keys()) changed(runId);
      return () => listeners.delete(listener);
    },
    async idle() {
      for (;;) {
        await Promise.allSettled(working);
        const settled = await Promise.all([...hosts.values()].map((host) => host.settle()));
        if (working.size === 0 && settled.every((quiet) => quiet)) return;
      }
    },
    async close() {
      closed = true;
      for (const cancel of pendingStatus.values()) cancel();
      for (const host of hosts.values()) host.close();
      await Promise.allSettled(working);
      await Promise.all([...hosts.values()].map((host) => host.settle()));
    },
  };
}

function hasEnded(host: RunHost): boolean {
  return ['finished', 'stopped', 'failed'].includes(host.progress().state);
}
