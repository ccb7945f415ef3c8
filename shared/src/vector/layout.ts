/** A named run of coordinates of a flat vector. */
export type Segment = {
  /** What the coordinates mean, for example `dense1/kernel` or `correct`. */
  readonly name: string;
  /** Number of coordinates, at least 1. */
  readonly length: number;
};

/** Number of coordinates of a layout. */
export function layoutLength(layout: readonly Segment[]): number {
  return layout.reduce((sum, segment) => sum + segment.length, 0);
}

/** First coordinate of each segment, by name. */
export function layoutOffsets(layout: readonly Segment[]): ReadonlyMap<string, number> {
  const offsets = new Map<string, number>();
  let offset = 0;
  for (const segment of layout) {
    offsets.set(segment.name, offset);
    offset += segment.length;
  }
  return offsets;
}
