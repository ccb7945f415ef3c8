import { randomUUID } from 'node:crypto';
import { SottoError } from '@sotto/shared/errors';
import {
  comesAfter,
  type ClientEnvelope,
  type ClientMessage,
  type ClientTransport,
  type Heard,
  type Reply,
  type ServerMessage,
} from '@sotto/shared/protocol';
import type { Upload } from '@sotto/shared/secure-sum';
import type { Faults } from './faults.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** What the network knows of the coordinator: null while it is down. */
export type CoordinatorEnd = {
  received(client: string, envelope: ClientEnvelope): Promise<Reply>;
  uploaded(client: string, upload: Upload, vector: Uint8Array): Promise<Reply>;
  clientConnected(client: string, heard: readonly Heard[]): void | Promise<void>;
  clientDisconnected(client: string): void | Promise<void>;
  blob(hash: string): Promise<Uint8Array>;
};

/** What the network knows of a client: null while it is down. */
export type ClientEnd = { received(message: ServerMessage): void; connected(): void; disconnected(): void };

/** A message as the network carried it, for tests that look for what must not be there. */
export type Carried = { readonly from: string; readonly to: string; readonly message: unknown };

const retryMs = 1_000;
const reconnectMs = 2_000;

/**
 * A network that loses, delays, repeats and reorders requests and replies, and whose lines break, as its faults decide.
 * Messages to a client keep their order while the line holds, as over one socket.
 */
export class SimulatedNetwork {
  coordinator: CoordinatorEnd | null = null;
  onCarried: ((carried: Carried) => void) | null = null;
  bytesUp = 0;
  #coordinatorGone: Promise<typeof gone> = Promise.resolve(gone);
  #endCoordinator: () => void = () => undefined;
  readonly #clock: VirtualClock;
  readonly #faults: Faults;
  readonly #clients = new Map<string, ClientEnd>();
  readonly #connected = new Set<string>();
  /** What each client's process has heard, by run. */
  readonly #heard = new Map<string, Map<string, Heard>>();
  readonly #lastDelivery = new Map<string, number>();

  constructor(clock: VirtualClock, faults: Faults) {
    this.#clock = clock;
    this.#faults = faults;
  }

  /** A client process began: it connects as soon as the coordinator is there. */
  clientStarted(client: string, end: ClientEnd): void {
    this.#clients.set(client, end);
    this.#heard.set(client, new Map());
    this.#clock.after(this.#faults.delayMs(), () => this.#connect(client));
  }

  /** A client process ended: its line is gone. */
  clientEnded(client: string): void {
    this.#clients.delete(client);
    if (this.#connected.delete(client)) void this.coordinator?.clientDisconnected(client);
  }

  coordinatorStarted(end: CoordinatorEnd): void {
    this.coordinator = end;
    this.#coordinatorGone = new Promise((resolve) => {
      this.#endCoordinator = () => resolve(gone);
    });
    for (const client of this.#clients.keys()) this.#clock.after(this.#faults.delayMs(), () => this.#connect(client));
  }

  coordinatorEnded(): void {
    this.coordinator = null;
    this.#endCoordinator();
    for (const client of [...this.#connected]) {
      this.#connected.delete(client);
      this.#clients.get(client)?.disconnected();
    }
  }

  /** Coordinator → client. */
  send(client: string, message: ServerMessage, mark: Heard): void {
    if (!this.#connected.has(client)) return;
    this.onCarried?.({ from: 'coordinator', to: client, message });
    if (this.#faults.happens(this.#faults.rates.lineBreaks)) return this.#breakLine(client);
    this.#deliver(client, message, mark);
    if (this.#faults.happens(this.#faults.rates.duplicated)) this.#deliver(client, message, mark);
  }

  /** The transport of one life of a client: what is under way when the life ends may arrive, but nothing is asked again. */
  transportOf(client: string, life: { readonly alive: boolean }): ClientTransport {
    return {
      send: (message: ClientMessage, signal) => {
        const envelope: ClientEnvelope = { key: randomUUID(), message };
        this.onCarried?.({ from: client, to: 'coordinator', message });
        return this.#request(life, signal, (end) => end.received(client, envelope));
      },
      upload: (upload, vector, signal) => {
        this.onCarried?.({ from: client, to: 'coordinator', message: { ...upload, vector } });
        this.bytesUp += vector.length;
        return this.#request(life, signal, (end) => end.uploaded(client, upload, vector));
      },
      fetchBlob: (hash, signal) => this.#request(life, signal, (end) => end.blob(hash)),
    };
  }

  async #request<T>(
    life: { readonly alive: boolean },
    signal: AbortSignal | undefined,
    ask: (end: CoordinatorEnd) => Promise<T>,
  ): Promise<T> {
    const { rates } = this.#faults;
    for (;;) {
      if (!life.alive) return new Promise(() => undefined);
      if (signal?.aborted === true) throw new SottoError('CANCELLED', 'the request was given up');
      await this.#sleep(this.#faults.delayMs());
      const end = this.coordinator;
      if (end === null || this.#faults.happens(rates.requestLost)) {
        await this.#sleep(retryMs);
        continue;
      }
      const answer = ask(end);
      if (this.#faults.happens(rates.duplicated)) {
        this.#clock.after(this.#faults.delayMs(), () => {
          if (this.coordinator === end) ask(end).catch(() => undefined);
        });
      }
      // A coordinator that dies while it answers never answers: ask the next one.
      const reply = await Promise.race([answer, this.#coordinatorGone]);
      if (reply === gone || this.#faults.happens(rates.replyLost)) {
        await this.#sleep(retryMs);
        continue;
      }
      await this.#sleep(this.#faults.delayMs());
      return reply;
    }
  }

  #deliver(client: string, message: ServerMessage, mark: Heard): void {
    const at = Math.max(this.#clock.now() + this.#faults.delayMs(), this.#lastDelivery.get(client) ?? 0);
    this.#lastDelivery.set(client, at);
    const end = this.#clients.get(client);
    this.#clock.after(at - this.#clock.now(), () => {
      if (!this.#connected.has(client) || this.#clients.get(client) !== end) return;
      end?.received(structuredClone(message));
      const heard = this.#heard.get(client);
      const before = heard?.get(mark.runId);
      if (before === undefined || comesAfter(mark, before)) heard?.set(mark.runId, mark);
    });
  }

  #connect(client: string): void {
    const end = this.#clients.get(client);
    if (end === undefined || this.coordinator === null || this.#connected.has(client)) return;
    this.#connected.add(client);
    end.connected();
    void this.coordinator.clientConnected(client, [...(this.#heard.get(client)?.values() ?? [])]);
  }

  #breakLine(client: string): void {
    this.#connected.delete(client);
    this.#clients.get(client)?.disconnected();
    void this.coordinator?.clientDisconnected(client);
    this.#clock.after(reconnectMs + this.#faults.delayMs(), () => this.#connect(client));
  }

  #sleep(ms: number): Promise<void> {
    return ms === 0 ? Promise.resolve() : new Promise((resolve) => this.#clock.after(ms, resolve));
  }
}

const gone = Symbol('the coordinator is gone');
