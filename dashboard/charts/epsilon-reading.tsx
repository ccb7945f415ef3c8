'use client';
import { scaleLinear } from 'd3-scale';
import { formatEpsilon } from '../lib/format.ts';
import { useSize } from '../lib/use-size.ts';

export type EpsilonReadingProps = { soFar: number; guarantee: number; label: string };

/** ε on one scale: what is spent at most so far, and the guarantee of the whole plan as a line. Both are exact figures. */
export function EpsilonReading({ soFar, guarantee, label }: EpsilonReadingProps) {
  const [holder, { width, height }] = useSize<HTMLDivElement>({ width: 320, height: 62 });
  const x = scaleLinear([0, Math.max(guarantee, soFar) * 1.12], [1, width - 1]);
  const axis = height - 24;
  const end = x(guarantee);
  return (
    <div ref={holder} className="reading">
      <svg
        width={width}
        height={height}
        role="img"
        aria-label={`${label}: ε at most ${formatEpsilon(soFar)} so far, ${formatEpsilon(guarantee)} guaranteed for the whole plan`}
      >
        <rect className="reading-rest" x={x(0)} y={axis - 14} width={end - x(0)} height={13} />
        <rect className="reading-spent" x={x(0)} y={axis - 14} width={Math.max(0, x(soFar) - x(0))} height={13} />
        <path className="axis" d={`M${x(0)} ${axis}H${width - 1}M${x(0)} ${axis}v4M${width - 1} ${axis}v4`} />
        <line className="threshold" x1={end} x2={end} y1={axis - 26} y2={axis + 5} />
        <text className="tick" x={x(0)} y={axis + 18}>
          0
        </text>
        <text
          className="threshold-label"
          x={end + 4 > width - 40 ? width - 1 : end}
          y={axis + 19}
          textAnchor={end + 4 > width - 40 ? 'end' : 'middle'}
        >
          guarantee {formatEpsilon(guarantee)}
        </text>
      </svg>
    </div>
  );
}
