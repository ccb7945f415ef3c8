import type { CryptoPort } from '@sotto/shared/crypto';
import type { Plan } from '@sotto/shared/plan';
import type { ExampleClient } from '@sotto/shared/plan/testing';
import type { ClientEnvelope, ClientMessage, Reply, ServerMessage } from '@sotto/shared/protocol';
import type { RandomSource } from '@sotto/shared/random';
import {
  beginSession,
  maskVector,
  onAgreeRequest,
  onInbox,
  onRoster,
  onUnmaskRequest,
  type SumClientState,
  type Upload,
} from '@sotto/shared/secure-sum';
import { fromHex } from '@sotto/shared/vector';
import { sumRulesOf } from '../runs/run-clients.ts';

/** What a fake client does instead of answering; `answer` is the honest thing. */
export type Behaviour = (step: ClientMessage['type'] | 'upload', attempt: number) => 'answer' | 'silent' | 'malformed';

/** How a fake client reaches the coordinator. */
export type FakeWire = {
  readonly received: (client: string, envelope: unknown) => Promise<Reply>;
  readonly uploaded: (client: string, upload: Upload, vector: Uint8Array) => Promise<Reply>;
};

/**
 * A client with the real protocol functions and made-up data: its contribution in coordinate j is `contribution(attempt, j)`.
 * For tests of the coordinator alone.
 */
export function createFakeClient(
  identity: ExampleClient,
  plan: Plan,
  ports: { readonly crypto: CryptoPort; readonly random: RandomSource },
  contribution: (attempt: number, coordinate: number) => number,
  wire: FakeWire,
) {
  let state: SumClientState | null = null;
  let attempt = 0;
  let dimension = 0;
  let key = 0;
  const replies: { type: string; reply: Reply }[] = [];
  const messages: ServerMessage[] = [];
  const uploads = new Map<number, Int32Array>();
  const fake = {
    client: identity.client,
    behaviour: (() => 'answer') as Behaviour,
    /** What it contributes in every coordinate instead of what it should; null for the honest thing. */
    lie: (() => null) as (attempt: number) => number | null,
    replies,
    messages,
    /** What it contributed, by attempt. */
    uploads,
    async receive(message: ServerMessage): Promise<void> {
      messages.push(message);
      switch (message.type) {
        case 'runOffer':
          return tell({ type: 'runAccept', runId: message.runId });
        case 'sessionOpen': {
          ({ attempt, dimension } = message.header);
          const own = {
            client: identity.client,
            sign: (bytes: Uint8Array) => ports.crypto.ed25519Sign(fromHex(identity.seed), bytes),
          };
          const clients = plan.roster.clients.map(({ client }) => client);
          const begun = await beginSession(sumRulesOf({ plan, groups: [clients] }, message.header), own, ports);
          state = begun.state;
          return begun.message === null ? upload() : tell(begun.message);
        }
        case 'roster': {
          if (state === null) return;
          const step = await onRoster(state, message, ports);
          state = step.state;
          return tell(step.message);
        }
        case 'inbox': {
          if (state === null) return;
          const step = await onInbox(state, message, ports);
          state = step.state;
          await tell(step.message);
          return upload();
        }
        case 'agreeRequest': {
          if (state === null) return;
          const step = await onAgreeRequest(state, message, ports);
          state = step.state;
          return tell(step.message);
        }
        case 'unmaskRequest': {
          if (state === null) return;
          const step = await onUnmaskRequest(state, message, ports);
          state = step.state;
          return tell(step.message);
        }
        case 'sessionClosed':
        case 'runEnded':
          state = null;
          return;
      }
    },
  };

  async function tell(message: ClientMessage): Promise<void> {
    const behaviour = fake.behaviour(message.type, attempt);
    if (behaviour === 'silent') return;
    const envelope: ClientEnvelope = { key: `${identity.client}-${key++}`, message };
    const sent = behaviour === 'malformed' ? { ...envelope, message: { ...message, more: 1 } } : envelope;
    replies.push({ type: message.type, reply: await wire.received(identity.client, sent) });
  }

  async function upload(): Promise<void> {
    if (state === null) return;
    const integers = Int32Array.from(
      { length: dimension },
      (_, coordinate) => fake.lie(attempt) ?? contribution(attempt, coordinate),
    );
    const behaviour = fake.behaviour('upload', attempt);
    if (behaviour === 'silent') return;
    const masked = await maskVector(state, integers, ports);
    state = masked.state;
    uploads.set(attempt, integers);
    const vector = behaviour === 'malformed' ? masked.vector.slice(4) : masked.vector;
    replies.push({ type: 'upload', reply: await wire.uploaded(identity.client, masked.message, vector) });
  }

  return fake;
}

export type FakeClient = ReturnType<typeof createFakeClient>;
