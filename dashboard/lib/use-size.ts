'use client';
import { useEffect, useRef, useState } from 'react';
import type { RefObject } from 'react';

export type Size = { width: number; height: number };

/** The size of an element in CSS pixels, so that a chart is drawn at its own size and its text is never scaled. */
export function useSize<T extends HTMLElement>(initial: Size): [RefObject<T | null>, Size] {
  const element = useRef<T>(null);
  const [size, setSize] = useState(initial);
  useEffect(() => {
    if (element.current === null) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      if (!entry) return;
      const width = Math.max(200, Math.round(entry.contentRect.width));
      const height = Math.max(60, Math.round(entry.contentRect.height));
      setSize((before) => (before.width === width && before.height === height ? before : { width, height }));
    });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [element, size];
}
