/** Where a run's uploads stand on their pace: they leave `factor` paces after the work on the data began. */
export type PaceState = { readonly factor: number; readonly sessionsSinceRaise: number };

/** A run begins with uploads one pace after the work began. */
export const firstPace: PaceState = { factor: 1, sessionsSinceRaise: 0 };

/** Sessions after which a raised factor is tried at half. */
const sessionsKept = 16;

/**
 * When a session's upload leaves, so that its time tells nothing of how long the work on the data took, and by that of how many
 * units the secret coin drew (soundness.md §1, §2.1).
 *
 * It is counted from the moment the work began, which nobody else knows to the millisecond and nobody can place just before a
 * boundary. Work that outlasts the factor doubles it for the sessions that follow, so that all that shows is a doubling, at most
 * once in 16 sessions for each size, and none where the plan's pace is longer than the work. A factor that would pass half of
 * the deadline is not taken: the upload leaves at the next eighth of the deadline instead, and only where that would be the deadline itself
 * at the next whole pace. (Work on a report, on attacked rows say, lasts long and in proportion to the rows.)
 *
 * @param state - as the session before left it
 * @param ranMs - since the work began; a clock that was set back counts as no time gone by
 * @param paceMs - from the plan; 0 for none
 * @param deadlineMs - the plan's, for the stage
 * @returns `waitMs` from now, and the state for the next session
 */
export function paceUpload(
  state: PaceState,
  ranMs: number,
  paceMs: number,
  deadlineMs: number,
): { waitMs: number; state: PaceState } {
  if (paceMs === 0) return { waitMs: 0, state };
  const ran = Math.max(0, ranMs);
  let { factor } = state;
  while (factor * paceMs < ran) factor *= 2;
  const raised = factor > state.factor;
  const sessions = raised ? 0 : state.sessionsSinceRaise + 1;
  const halves = sessions >= sessionsKept && factor > 1;
  const next = halves ? { factor: factor / 2, sessionsSinceRaise: 0 } : { factor, sessionsSinceRaise: sessions };
  const nextWhole = (stepMs: number): number => Math.ceil(ran / stepMs) * stepMs;
  const eighth = nextWhole(Math.max(paceMs, deadlineMs / 8));
  const late = eighth < deadlineMs ? eighth : nextWhole(paceMs);
  const leavesAt = factor === 1 || factor * paceMs <= deadlineMs / 2 ? factor * paceMs : late;
  return { waitMs: Math.max(0, leavesAt - ran), state: next };
}
