'use client';
import { useEffect, useRef, useState } from 'react';

const quietMs = 10_000;

/**
 * Text for a polite live region: changes at most every ten seconds, so that a screen reader is not talked over by a fast run;
 * `urgent` (a failure, a lost line) is told at once.
 */
export function useAnnouncement(text: string, urgent: boolean): string {
  const [spoken, setSpoken] = useState('');
  const last = useRef(0);
  const latest = useRef(text);
  useEffect(() => {
    latest.current = text;
    const speak = (): void => {
      last.current = Date.now();
      setSpoken(latest.current);
    };
    const due = last.current + quietMs - Date.now();
    if (urgent || due <= 0) {
      speak();
      return undefined;
    }
    const timer = setTimeout(speak, due);
    return () => clearTimeout(timer);
  }, [text, urgent]);
  return spoken;
}
