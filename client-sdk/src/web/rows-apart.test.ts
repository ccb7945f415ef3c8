import { examplePlan } from '@sotto/shared/plan/testing';
import { expect, it } from 'vitest';
import type { ReadRequest, RowReply, RowRequest } from './row-protocol.ts';
import { openRowsApart } from './rows-apart.ts';

const plan = examplePlan();
const beginning = { rows: 3, hash: '11'.repeat(32) };
const report = { rows: 3, rowsKept: 3, units: 3, leftOut: [], constantColumns: [] };

/** A worker that answers the request to read, and may die. */
class FakeWorker extends EventTarget {
  readonly got: RowRequest[] = [];
  postMessage(request: RowRequest): void {
    this.got.push(request);
    if (request.type !== 'read') return;
    const reply: RowReply = { type: 'read', name: 'rows', report, beginning };
    queueMicrotask(() => this.dispatchEvent(new MessageEvent('message', { data: reply })));
  }
  die(): void {
    this.dispatchEvent(Object.assign(new Event('error'), { message: 'it died' }));
  }
  terminate(): void {}
}

// Failure: rows that moved while the first worker ran come to lie in other parts, where their ε is counted apart.
it('a worker that is started again is held to the row numbers of the first', async () => {
  const workers: FakeWorker[] = [];
  const start = (): Worker => {
    const worker = new FakeWorker();
    workers.push(worker);
    return worker as unknown as Worker;
  };
  const data = { rows: [] };
  const splitKey = new Uint8Array(32);
  const request: ReadRequest = { type: 'read', data, schema: plan.schema, splitKey, known: null };
  const { thread } = await openRowsApart(start, request, () => undefined);
  thread.begin(plan, 'one');
  workers[0]!.die();
  thread.begin(plan, 'one');
  expect(workers.map(({ got }) => got.find(({ type }) => type === 'read'))).toMatchObject([
    { known: null },
    { known: beginning },
  ]);
  await thread.close();
});
