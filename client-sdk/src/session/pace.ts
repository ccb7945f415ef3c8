/**
 * Time to wait until the next whole multiple of the pace after a session's opening, so that an upload's time tells nothing finer
 * of how long the training took. 0 without a pace.
 *
 * @param paceMs - from the plan, 0 or more.
 */
export function paceWaitMs(openedAtMs: number, nowMs: number, paceMs: number): number {
  if (paceMs === 0) return 0;
  // A clock that was set back counts as no time gone by.
  const gone = Math.max(0, nowMs - openedAtMs);
  return Math.max(1, Math.ceil(gone / paceMs)) * paceMs - gone;
}
