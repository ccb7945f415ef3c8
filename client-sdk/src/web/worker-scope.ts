/** The global scope of a module worker, in so far as it is used here: the library of types has either a page's or a worker's. */
export type WorkerScope<Received, Sent> = {
  addEventListener(type: 'message', listener: (event: { readonly data: Received }) => void): void;
  postMessage(message: Sent, transfer?: readonly Transferable[]): void;
  close(): void;
};

/** This worker's scope, by the messages that it exchanges. */
export function workerScope<Received, Sent>(): WorkerScope<Received, Sent> {
  return globalThis as unknown as WorkerScope<Received, Sent>;
}
