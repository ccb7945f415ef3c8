// A thread of Node in which models are judged.
import { parentPort } from 'node:worker_threads';
import { serveJudging } from './serve-judging.ts';

if (parentPort !== null) {
  const port = parentPort;
  port.on(
    'message',
    serveJudging((reply) => port.postMessage(reply)),
  );
}
