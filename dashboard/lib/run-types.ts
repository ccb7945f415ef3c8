import type { RunStatus } from '@sotto/shared/protocol';

export type { Figure, RunStatus } from '@sotto/shared/protocol';
export type RunClient = RunStatus['clients'][number];
export type Stage = RunStatus['stage'];
export type Evaluation = RunStatus['evaluations'][number];
export type RecentRound = RunStatus['recentRounds'][number];
