'use client';
import { formatClock } from '../lib/format.ts';
import type { Line } from '../lib/live-connection.ts';
import { LostIcon } from './marks.tsx';

/** The socket library's names for an end of the line, in words. */
const reasonWords: Readonly<Record<string, string>> = {
  'io server disconnect': 'the coordinator closed it',
  'transport close': 'the connection broke',
  'transport error': 'the connection broke',
  'ping timeout': 'no sign of life in time',
  'Failed to fetch': 'the coordinator does not answer',
  'websocket error': 'the coordinator does not answer',
};

export type LineBannerProps = { line: Line; heardAt: number | null; now: number | null; onTryNow: () => void };

/** Says that the figures are old, of when they are, and that the run does not need this page. */
export function LineBanner({ line, heardAt, now, onTryNow }: LineBannerProps) {
  if (line.kind !== 'down') return null;
  const seconds = now === null ? null : Math.max(0, Math.ceil((line.nextTryAt - now) / 1000));
  return (
    <div className="banner">
      <LostIcon />
      <p>
        <strong>The line to the coordinator is down.</strong>{' '}
        {heardAt === null ? 'No figures have arrived yet.' : `Figures are of ${formatClock(heardAt)}.`} The run goes on
        without this page.{' '}
        <span className="nowrap">
          {seconds === null || seconds === 0 ? 'Trying again.' : `Next try in ${seconds} s.`}
        </span>{' '}
        <span className="banner-reason">({reasonWords[line.reason] ?? line.reason})</span>
      </p>
      <button type="button" className="button" onClick={onTryNow}>
        Try now
      </button>
    </div>
  );
}
