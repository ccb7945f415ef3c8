'use client';
import { scaleBand, scaleLinear } from 'd3-scale';
import { useState } from 'react';
import { formatDuration } from '../lib/format.ts';
import type { RecentRound } from '../lib/run-types.ts';
import { useSize } from '../lib/use-size.ts';
import { secondsTop } from './axis.ts';
import { Crosshair } from './crosshair.tsx';

/** Seconds of each session from opening to release: neutral bars, a slashed ring where the session failed or lost clients. */
export function SecondsChart({ rounds }: { rounds: readonly RecentRound[] }) {
  const [holder, { width, height }] = useSize<HTMLDivElement>({ width: 480, height: 188 });
  const [selected, setSelected] = useState<number | null>(null);
  const frame = { left: 40, right: width - 12, top: 22, bottom: height - 28 };
  const attempts = rounds.map((round) => String(round.attempt));
  // Few sessions keep narrow bars at the left instead of a wall.
  const slots = Math.max(rounds.length, 24);
  const x = scaleBand(
    [...attempts, ...Array.from({ length: slots - attempts.length }, (_, index) => `later ${index}`)],
    [frame.left, frame.right],
  ).padding(slots > 80 ? 0.1 : 0.22);
  const top = secondsTop(rounds);
  const y = scaleLinear([0, top], [frame.bottom, frame.top]);
  const positions = attempts.map((attempt) => (x(attempt) ?? 0) + x.bandwidth() / 2);
  const marked = selected === null ? undefined : rounds[selected];
  const labelEvery = Math.max(1, Math.ceil(rounds.length / Math.max(2, Math.floor((frame.right - frame.left) / 64))));

  return (
    <div className="chart">
      <div className="chart-area" ref={holder}>
        <svg width={width} height={height} role="img" aria-label={summary(rounds)}>
          {[0, top / 2, top].map((tick) => (
            <g key={tick}>
              <line
                className={tick === 0 ? 'axis' : 'grid'}
                x1={frame.left}
                x2={frame.right}
                y1={y(tick)}
                y2={y(tick)}
              />
              <text className="tick" x={frame.left - 8} y={y(tick) + 4} textAnchor="end">
                {tick === 0 ? '0 s' : formatTick(tick)}
              </text>
            </g>
          ))}
          {rounds.map((round, index) => {
            const left = x(String(round.attempt)) ?? 0;
            const failed = round.outcome === 'failed';
            const lost = round.survivors < round.cohort;
            const barTop = Math.min(y(round.seconds), frame.bottom - 1);
            return (
              <g key={round.attempt}>
                <rect
                  className={`bar${failed ? ' bar-failed' : lost ? ' bar-lost' : ''}${index === selected ? ' bar-selected' : ''}`}
                  x={left}
                  y={barTop}
                  width={x.bandwidth()}
                  height={frame.bottom - barTop}
                />
                {failed || lost ? <SlashedRing x={left + x.bandwidth() / 2} y={barTop - 9} /> : null}
                {(rounds.length - 1 - index) % labelEvery === 0 ? (
                  <text className="tick" x={left + x.bandwidth() / 2} y={frame.bottom + 18} textAnchor="middle">
                    {round.round}
                  </text>
                ) : null}
              </g>
            );
          })}
          {rounds.length === 0 ? (
            <text className="chart-empty" x={(frame.left + frame.right) / 2} y={(frame.top + frame.bottom) / 2}>
              no session has ended yet
            </text>
          ) : null}
        </svg>
        {rounds.length === 0 ? null : (
          <Crosshair
            label="Seconds of each session"
            positions={positions}
            describe={(index) => describe(rounds[index])}
            selected={selected}
            onSelect={setSelected}
          />
        )}
      </div>
      <p className="readout">
        {marked
          ? describe(marked)
          : rounds.length === 0
            ? ''
            : 'Below the bars: the round. A slashed ring: clients were lost, or the session failed.'}
      </p>
    </div>
  );
}

function SlashedRing({ x, y }: { x: number; y: number }) {
  return (
    <g className="ring-lost">
      <circle cx={x} cy={y} r={5} />
      <path d={`M${x - 3.4} ${y + 3.4}L${x + 3.4} ${y - 3.4}`} />
    </g>
  );
}

function formatTick(seconds: number): string {
  return seconds < 1 ? `${Number(seconds.toPrecision(2))} s` : formatDuration(seconds).replace('.0 s', ' s');
}

function describe(round: RecentRound | undefined): string {
  if (round === undefined) return '';
  const how = round.outcome === 'released' ? 'released' : `failed: ${round.reason ?? 'no reason recorded'}`;
  return `Round ${round.round}, session ${round.attempt}: ${formatDuration(round.seconds)}, ${round.survivors} of ${round.cohort} clients, ${how}`;
}

function summary(rounds: readonly RecentRound[]): string {
  if (rounds.length === 0) return 'Seconds of each session: none has ended yet.';
  const seconds = rounds.map((round) => round.seconds).sort((one, other) => one - other);
  const median = seconds[seconds.length >> 1] ?? 0;
  const failed = rounds.filter((round) => round.outcome === 'failed').length;
  return `Seconds of the last ${rounds.length} sessions: median ${formatDuration(median)}, longest ${formatDuration(seconds.at(-1) ?? 0)}, ${failed} failed.`;
}
