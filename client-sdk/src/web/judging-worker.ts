// A browser's worker in which models are judged, so that neither the page nor a session waits for it.
import * as z from 'zod';
import type { JudgingReply, JudgingRequest } from '../client/judging-protocol.ts';
import { serveJudging } from '../client/serve-judging.ts';
import { workerScope } from './worker-scope.ts';

// Its quicker way compiles code from text, which a strict page forbids and reports.
z.config({ jitless: true });

const scope = workerScope<JudgingRequest, JudgingReply>();
const serve = serveJudging((reply) => scope.postMessage(reply));
scope.addEventListener('message', ({ data }) => serve(data));
