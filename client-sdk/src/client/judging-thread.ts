import { startThread } from '../platform/node-thread.ts';
import { createJudgingApart, type JudgingApart } from './judging-apart.ts';
import type { JudgingReply } from './judging-protocol.ts';

/** Judging in a thread of Node, which keeps the process only while it is asked something. */
export function createJudgingThread(): JudgingApart {
  return createJudgingApart((answered, died) => {
    const worker = startThread(new URL('./judging-worker.js', import.meta.url));
    let underWay = 0;
    worker.on('message', (reply: JudgingReply) => {
      underWay -= 1;
      if (underWay === 0) worker.unref();
      answered(reply);
    });
    worker.once('error', (error) => died(error.message));
    worker.once('exit', (code) => died(`exit code ${code}`));
    return {
      post(request) {
        worker.postMessage(request);
        underWay += 1;
        worker.ref();
      },
      terminate: () => void worker.terminate(),
    };
  });
}
