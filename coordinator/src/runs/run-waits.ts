import type { Plan } from '@sotto/shared/plan';
import type { SumStage } from '@sotto/shared/secure-sum';

/** How long a run waits for the rest of the roster once enough clients are there, in milliseconds. */
export const gatherMs = 2_000;

/** Back-off before the next attempt after `failures` failures in a row, in milliseconds: 250 ms, doubling, at most 30 s. */
export function retryMs(failures: number): number {
  return Math.min(30_000, 250 * 2 ** Math.min(10, Math.max(0, failures - 1)));
}

/** Shortest time that a client may be away, in milliseconds. */
const returnLeastMs = 5_000;

/**
 * How long a client that lost its connection may stay away from an open session, in milliseconds: an eighth of the stage's
 * deadline. Work goes on while the line is down, so the time goes by what is worked on; a client that never comes back holds the
 * others up no longer than that.
 */
export function returnMs(plan: Plan, stage: SumStage | 'release'): number {
  return Math.max(returnLeastMs, stageMs(plan, stage === 'release' ? 'unmask' : stage) / 8);
}

/** Deadline of a stage by the plan, in milliseconds. */
export function stageMs(plan: Plan, stage: SumStage): number {
  const { deadlines } = plan;
  switch (stage) {
    case 'advertise':
      return deadlines.advertiseMs;
    case 'share':
      return deadlines.shareMs;
    case 'upload':
      return deadlines.uploadMs;
    case 'agree':
      return deadlines.agreeMs;
    case 'unmask':
      return deadlines.unmaskMs;
  }
}
