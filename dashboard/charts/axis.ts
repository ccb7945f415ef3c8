import type { Evaluation, RecentRound } from '../lib/run-types.ts';
