import { createHash } from 'node:crypto';
import { SottoError } from '@sotto/shared/errors';
import { clientPaths, type Clock, type Heard } from '@sotto/shared/protocol';
import type { Upload } from '@sotto/shared/secure-sum';
import { afterEach, describe, expect, it } from 'vitest';
import type { CoordinatorHttp, HttpAnswer, HttpRequest } from './coordinator-http.ts';
import type { LineEnd, LineHandlers, SocketLine } from './socket-line.ts';
import { createTransport, type Transport } from './transport.ts';

const client = 'ab'.repeat(20);
const runId = 'cd'.repeat(16);
const ended = { type: 'runEnded', runId, outcome: 'finished', modelHash: 'ab'.repeat(32), reason: null } as const;
const mark = (event: number, part: number): Heard => ({ runId, event, part });
const closing: Transport[] = [];
afterEach(async () => {
  for (const transport of closing.splice(0)) await transport.close();
});

/** A line that a test leads. */
class FakeLine implements SocketLine {
  readonly token: string;
  readonly heard: readonly Heard[];
  handlers: LineHandlers | null = null;
  asked: { envelope: unknown; answer: (value: unknown) => void }[] = [];
  closed = false;
  #end: (end: LineEnd) => void = () => undefined;
  #fail: (error: SottoError) => void = () => undefined;

  constructor(token: string, heard: readonly Heard[]) {
    this.token = token;
    this.heard = heard;
  }

  run(handlers: LineHandlers): Promise<LineEnd> {
    this.handlers = handlers;
    return new Promise((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
  }

  ask(envelope: unknown): Promise<unknown> {
    return new Promise((answer) => this.asked.push({ envelope, answer }));
  }

  close(): void {
    this.closed = true;
  }

  end(how: LineEnd): void {
    for (const { answer } of this.asked) answer(null);
    this.#end(how);
  }

  fail(code: 'UNAUTHENTICATED' | 'UNREACHABLE' | 'REVOKED'): void {
    this.#fail(new SottoError(code, code));
  }
}

/** Turns of the event loop, enough for everything that waits for nothing but promises. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A transport on lines and requests that a test leads, at a time that stands still. */
async function begin(options: { hearsSilence?: boolean; answer?: (request: HttpRequest) => Promise<HttpAnswer> } = {}) {
  let now = 1_000_000;
  const timers: { ms: number; fire: () => void }[] = [];
  const clock: Clock = {
    now: () => now,
    after(ms, fire) {
      const timer = { ms, fire };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), 1);
    },
  };
  const lines: FakeLine[] = [];
  const requests: HttpRequest[] = [];
  let signIns = 0;
  const json = (value: unknown, status = 200): HttpAnswer => ({ status, body: Buffer.from(JSON.stringify(value)) });
  const http: CoordinatorHttp = {
    hearsSilence: options.hearsSilence ?? true,
    close: () => undefined,
    async request(request) {
      const iso = (ms: number) => new Date(ms).toISOString();
      if (request.path === clientPaths.challenge) return json({ nonce: 'ab'.repeat(32), now: iso(now) });
      if (request.path === clientPaths.signIn) {
        return json({ token: `token ${++signIns} of this test`, expiresAt: iso(now + 100_000) });
      }
      requests.push(request);
      return options.answer?.(request) ?? json({ ok: true });
    },
  };
  const told: string[] = [];
  const transport = createTransport({
    identity: { client, sign: async () => new Uint8Array(64) },
    clock,
    http,
    openLine: (token, heard) => {
      const line = new FakeLine(token, heard);
      lines.push(line);
      return line;
    },
    sha256: async (bytes) => createHash('sha256').update(bytes).digest(),
    uniform: () => 0.5,
    uuid: () => 'a-key-of-this-test',
  });
  closing.push(transport);
  transport.start({
    received: ({ type }) => told.push(type),
    connected: () => told.push('connected'),
    disconnected: () => told.push('disconnected'),
    retrying: (code) => told.push(code),
    failed: ({ code }) => told.push(`failed ${code}`),
  });
  await turns();
  return {
    transport,
    lines,
    requests,
    told,
    signIns: () => signIns,
    line: (): FakeLine => lines.at(-1)!,
    async open(): Promise<void> {
      lines.at(-1)!.handlers!.opened();
      await turns();
    },
    /** Ends the waits that are under way; their lengths. */
    async wait(): Promise<number[]> {
      const due = timers.splice(0);
      for (const { ms, fire } of due) {
        now += ms;
        fire();
      }
      await turns();
      return due.map(({ ms }) => ms);
    },
    pass: (ms: number) => {
      now += ms;
    },
  };
}

describe('the owner of the socket', () => {
  it('has one line at a time, and comes back with the token that it has', async () => {
    const { lines, line, open, wait, signIns, told } = await begin();
    await open();
    line().end('lost');
    await turns();
    expect(lines).toHaveLength(1);
    expect(lines[0]!.closed).toBe(true);
    await wait();
    await open();
    expect(lines).toHaveLength(2);
    expect(lines.map(({ token }) => token)).toEqual(['token 1 of this test', 'token 1 of this test']);
    expect(signIns()).toBe(1);
    expect(told).toEqual(['connected', 'disconnected', 'connected']);
  });

  it('renews its token before it is too old, and at once when the coordinator no longer knows it', async () => {
    const { line, open, wait, pass, signIns, told } = await begin();
    await open();
    pass(91_000);
    line().end('lost');
    await turns();
    await wait();
    expect(line().token).toBe('token 2 of this test');
    await open();
    line().end('lost');
    await turns();
    await wait();
    line().fail('UNAUTHENTICATED');
    await turns();
    expect(line().token).toBe('token 3 of this test');
    expect(signIns()).toBe(3);
    expect(told).not.toContain('UNAUTHENTICATED');
  });

  it('waits ever longer while nobody answers, and not after a line that was only lost', async () => {
    const { line, open, wait } = await begin();
    const waits: number[] = [];
    for (let failures = 0; failures < 9; failures++) {
      line().fail('UNREACHABLE');
      await turns();
      waits.push(...(await wait()));
    }
    expect(waits).toEqual([300, 600, 1_200, 2_400, 4_800, 7_500, 7_500, 7_500, 7_500]);
    await open();
    line().end('lost');
    await turns();
    expect(await wait()).toEqual([150]);
  });

  it('comes back ever later when it is shown out again and again', async () => {
    const { line, open, wait, pass } = await begin();
    const waits: number[] = [];
    for (let times = 0; times < 3; times++) {
      await open();
      line().end('closed');
      await turns();
      waits.push(...(await wait()));
    }
    expect(waits).toEqual([300, 600, 1_200]);
    await open();
    pass(40_000);
    line().end('closed');
    await turns();
    expect(await wait()).toEqual([150]);
  });

  it('ends when nothing can help', async () => {
    const { lines, line, wait, told } = await begin();
    line().fail('REVOKED');
    await turns();
    await wait();
    expect(lines).toHaveLength(1);
    expect(told).toEqual(['failed REVOKED']);
  });
});

describe('what was heard', () => {
  it('goes with the next line, the greatest mark of each run, and not what was not understood', async () => {
    const { line, open, wait, told } = await begin();
    expect(line().heard).toEqual([]);
    await open();
    const { received } = line().handlers!;
    received(ended, mark(3, 1));
    received(ended, mark(3, 0));
    received({ type: 'of a later version' }, mark(9, 0));
    received(ended, { malformed: true });
    received(ended, { ...mark(1, 0), runId: 'ef'.repeat(16) });
    line().end('lost');
    await turns();
    await wait();
    expect(line().heard).toEqual([mark(3, 1), { ...mark(1, 0), runId: 'ef'.repeat(16) }]);
    expect(told.filter((type) => type === 'runEnded')).toHaveLength(4);
  });
});

describe('a message', () => {
  it('that was not answered is sent again on the next line, under the same key', async () => {
    const { transport, line, lines, open, wait } = await begin();
    const reply = transport.send({ type: 'runAccept', runId });
    await open();
    line().end('lost');
    await turns();
    await wait();
    await open();
    await wait();
    lines[1]!.asked[0]!.answer({ ok: true });
    expect(await reply).toEqual({ ok: true });
    expect(lines[1]!.asked[0]!.envelope).toEqual(lines[0]!.asked[0]!.envelope);
  });
});

describe('an upload', () => {
  const vector = Uint8Array.from({ length: 1_000 }, (_, index) => index % 251);
  const message = { type: 'upload', sessionId: 'ab'.repeat(32), client, vectorHash: '12', signature: '34' } as Upload;
  const answerOf = (value: unknown, status = 200): HttpAnswer => ({
    status,
    body: Buffer.from(JSON.stringify(value)),
  });
  /** Fails as a broken connection does, as often as `breaks`; the coordinator then says that it has `offsets` bytes. */
  const flaky = (offsets: readonly (number | null)[]) => {
    const left = [...offsets];
    return async ({ method }: HttpRequest): Promise<HttpAnswer> => {
      if (method === 'GET') return answerOf({ offset: left.shift() ?? null });
      if (left.length > 0) throw new SottoError('UNREACHABLE', 'cut');
      return answerOf({ ok: true });
    };
  };
  const puts = (requests: readonly HttpRequest[]) =>
    requests.flatMap(({ method, headers, body }) =>
      method === 'PUT' ? [[headers?.['content-range'], body?.length]] : [],
    );

  it('goes on at the byte that the coordinator says, and sends nothing where it has all', async () => {
    const { transport, requests, wait } = await begin({ answer: flaky([400, 900, null]) });
    const reply = transport.upload(message, vector);
    for (let cuts = 0; cuts < 3; cuts++) {
      await turns();
      // Something got through each time, so the wait does not grow.
      expect(await wait(), `cut ${cuts}`).toEqual([150]);
    }
    expect(await reply).toEqual({ ok: true });
    expect(puts(requests)).toEqual([
      [undefined, 1_000],
      ['bytes 400-999/1000', 600],
      ['bytes 900-999/1000', 100],
      ['bytes */1000', 0],
    ]);
    const rest = requests.find(({ headers }) => headers?.['content-range'] === 'bytes 400-999/1000')?.body;
    expect(Buffer.from(rest!).equals(Buffer.from(vector.subarray(400)))).toBe(true);
  });

  it('begins anew where the coordinator lost what it had, and asks again where the rest does not fit', async () => {
    let puts409 = 0;
    const { transport, requests, wait } = await begin({
      answer: async ({ method, headers }) => {
        if (method === 'GET') return answerOf({ offset: puts409 === 0 ? 500 : 0 });
        if (headers?.['content-range'] !== undefined) {
          puts409 += 1;
          return answerOf({ offset: 0 }, 409);
        }
        if (puts409 === 0) throw new SottoError('UNREACHABLE', 'cut');
        return answerOf({ ok: true });
      },
    });
    const reply = transport.upload(message, vector);
    for (let tries = 0; tries < 2; tries++) {
      await turns();
      await wait();
    }
    expect(await reply).toEqual({ ok: true });
    expect(puts(requests)).toEqual([
      [undefined, 1_000],
      ['bytes 500-999/1000', 500],
      [undefined, 1_000],
    ]);
  });

  it('is given up with its line where nothing else tells that it does not get through, and goes on with the next', async () => {
    let stuck = true;
    const { transport, requests, line, open, wait } = await begin({
      hearsSilence: false,
      answer: ({ method, signal }) => {
        if (method === 'GET') return Promise.resolve(answerOf({ offset: 700 }));
        if (!stuck) return Promise.resolve(answerOf({ ok: true }));
        return new Promise((_, reject) => {
          signal?.addEventListener('abort', () => reject(new SottoError('CANCELLED', 'stopped')));
        });
      },
    });
    const reply = transport.upload(message, vector);
    await turns();
    expect(requests).toEqual([]);
    await open();
    expect(puts(requests)).toEqual([[undefined, 1_000]]);
    stuck = false;
    line().end('lost');
    await turns();
    await wait();
    await open();
    expect(await reply).toEqual({ ok: true });
    expect(puts(requests).at(-1)).toEqual(['bytes 700-999/1000', 300]);
  });

  it('ends when its session does', async () => {
    const { transport } = await begin({ answer: flaky([1, 2, 3]) });
    const stop = new AbortController();
    const reply = transport.upload(message, vector, stop.signal);
    await turns();
    stop.abort();
    await expect(reply).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});

describe('the revocation list', () => {
  const list = {
    kind: 'sotto-revocations',
    version: 1,
    authority: 'aa'.repeat(32),
    number: 3,
    revoked: ['bb'.repeat(20)],
    signature: '00'.repeat(64),
  } as const;
  const answering = (status: number, value: unknown) =>
    begin({ answer: async () => ({ status, body: Buffer.from(JSON.stringify(value)) }) });

  it('is asked for with the token, and is none where the coordinator has none', async () => {
    const { transport, requests } = await answering(200, list);
    expect(await transport.fetchRevocations()).toEqual(list);
    expect(requests[0]).toMatchObject({
      method: 'GET',
      path: '/v1/revocation-list',
      headers: { authorization: 'Bearer token 1 of this test' },
    });
    const none = await answering(404, { code: 'NOT_FOUND', message: 'there is none', cure: '' });
    expect(await none.transport.fetchRevocations()).toBeNull();
  });

  it('is not taken for none where something else comes', async () => {
    for (const value of [null, { ...list, number: 0 }, { ...list, revoked: ['me'] }]) {
      const { transport } = await answering(200, value);
      await expect(transport.fetchRevocations()).rejects.toMatchObject({ code: 'MESSAGE_INVALID' });
    }
    const refusing = await answering(403, { code: 'FORBIDDEN', message: 'no', cure: '' });
    await expect(refusing.transport.fetchRevocations()).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});
