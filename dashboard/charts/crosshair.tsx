'use client';
import { useState } from 'react';
import type { KeyboardEvent, PointerEvent } from 'react';
import { nearestIndex } from './axis.ts';

export type CrosshairProps = {
  label: string;
  /** Ascending pixel positions of the points in the chart. */
  positions: readonly number[];
  /** The values at a point, as a sentence. */
  describe: (index: number) => string;
  selected: number | null;
  onSelect: (index: number | null) => void;
};

/**
 * A layer over a chart: the pointer or the arrow keys move a line from point to point, and its values are text. To assistive
 * technology it is a slider whose value is that text; Escape takes it away.
 */
export function Crosshair({ label, positions, describe, selected, onSelect }: CrosshairProps) {
  const last = positions.length - 1;
  const [focused, setFocused] = useState(false);
  const at = Math.min(selected ?? last, last);

  function onKeyDown(event: KeyboardEvent<HTMLDivElement>): void {
    const next = moved(event.key, at, last);
    if (next === undefined) return;
    event.preventDefault();
    onSelect(next);
  }

  function onPointerMove(event: PointerEvent<HTMLDivElement>): void {
    const x = event.clientX - event.currentTarget.getBoundingClientRect().left;
    onSelect(nearestIndex(positions, x));
  }

  return (
    <div
      className="crosshair"
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-orientation="horizontal"
      aria-valuemin={0}
      aria-valuemax={last}
      aria-valuenow={at}
      aria-valuetext={describe(at)}
      onKeyDown={onKeyDown}
      onFocus={() => {
        setFocused(true);
        onSelect(at);
      }}
      onBlur={() => {
        setFocused(false);
        onSelect(null);
      }}
      onPointerMove={onPointerMove}
      onPointerLeave={() => onSelect(focused ? at : null)}
    />
  );
}

function moved(key: string, at: number, last: number): number | null | undefined {
  switch (key) {
    case 'ArrowLeft':
    case 'ArrowDown':
      return Math.max(0, at - 1);
    case 'ArrowRight':
    case 'ArrowUp':
      return Math.min(last, at + 1);
    case 'Home':
      return 0;
    case 'End':
      return last;
    case 'Escape':
      return null;
    default:
      return undefined;
  }
}
