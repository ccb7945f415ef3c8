import type { Reply } from '@sotto/shared/protocol';

/** Answers kept per client; older ones are forgotten, which the protocol's own idempotence covers. */
const repliesPerClient = 256;

/** Recorded answers by idempotency key, so that a repeated request is done once and answered alike. */
export type ReplyBook = {
  /** The recorded answer to this client's key, or the answer of `work`, which is recorded. */
  once(client: string, key: string, work: () => Promise<Reply>): Promise<Reply>;
};

/** An empty book. */
export function createReplyBook(): ReplyBook {
  const books = new Map<string, Map<string, Promise<Reply>>>();
  return {
    once(client, key, work) {
      let book = books.get(client);
      if (book === undefined) books.set(client, (book = new Map()));
      const recorded = book.get(key);
      if (recorded !== undefined) return recorded;
      const reply = work();
      book.set(key, reply);
      if (book.size > repliesPerClient) {
        const [oldest] = book.keys();
        if (oldest !== undefined) book.delete(oldest);
      }
      return reply;
    },
  };
}
