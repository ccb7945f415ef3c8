/** Whether a figure compares by a ratio, where 1 is no difference: its noise floor lies below 1, and what lies above it is not told apart from 1. */
export function isRatio(name: string): boolean {
  return /(disparateImpact|[rR]atio)$/.test(name);
}

/** Whether noise alone would show such a value, 95 times of 100. */
export function insideFloor(name: string, value: number, floor: number | null): boolean {
  if (floor === null) return false;
  return isRatio(name) ? value >= floor : floor > 0 && value <= floor;
}
