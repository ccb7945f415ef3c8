/** The units of a table by their ids, numbered in the order of first appearance. */
export type UnitIndex = {
  /** The number of the unit with that id; a new one gets the next number. */
  numberOf(unitId: string): number;
  size(): number;
  /** All ids, in the order of their numbers. */
  ids(): Iterable<string>;
};

/** A Map holds no more entries than 2^24; far below, so that none is near its limit. */
const idsInMap = 8_388_608;

/** In memory: about 100 bytes a unit. */
export function createUnitIndex(): UnitIndex {
  const maps: Map<string, number>[] = [new Map()];
  let size = 0;
  return {
    numberOf(unitId) {
      for (const map of maps) {
        const known = map.get(unitId);
        if (known !== undefined) return known;
      }
      const number = size++;
      if (number > 0 && number % idsInMap === 0) maps.push(new Map());
      // There is always a last one.
      maps.at(-1)!.set(unitId, number);
      return number;
    },
    size: () => size,
    *ids() {
      for (const map of maps) yield* map.keys();
    },
  };
}
