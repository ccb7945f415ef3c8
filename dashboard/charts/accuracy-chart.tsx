'use client';
import { scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';
import { useState } from 'react';
import { formatCount, formatRate } from '../lib/format.ts';
import { intervalText, samplingInterval } from '../lib/interval.ts';
import type { Evaluation, Figure } from '../lib/run-types.ts';
import { useSize } from '../lib/use-size.ts';
import { rateDomain, rateTicks, roundTicks } from './axis.ts';
import { Crosshair } from './crosshair.tsx';

export type AccuracyChartProps = { evaluations: readonly Evaluation[]; rounds: number; part: Evaluation['part'] };

type Point = { evaluation: Evaluation; figure: Figure; x: number };

/** Released accuracy over rounds: a square a figure, a thick bar for sampling, a thin whisker with the privacy noise. */
export function AccuracyChart({ evaluations, rounds, part }: AccuracyChartProps) {
  const [holder, { width, height }] = useSize<HTMLDivElement>({ width: 720, height: 292 });
  const [selected, setSelected] = useState<number | null>(null);
  const labelRoom = width < 480 ? 16 : 132;
  const frame = { left: 38, right: width - labelRoom, top: 14, bottom: height - 30 };
  const domain = rateDomain(evaluations);
  const x = scaleLinear([0, Math.max(1, rounds)], [frame.left, frame.right]);
  const y = scaleLinear(domain, [frame.bottom, frame.top]);
  const yTicks = rateTicks(domain);
  const points: Point[] = evaluations.flatMap((evaluation) =>
    evaluation.accuracy ? [{ evaluation, figure: evaluation.accuracy, x: x(Math.min(evaluation.round, rounds)) }] : [],
  );
  const withheld = evaluations.filter((evaluation) => evaluation.accuracy === null);
  const path = line<Point>(
    (point) => point.x,
    (point) => y(point.figure.value),
  )(points);
  const last = points.at(-1);
  const marked = selected === null ? undefined : points[selected];
  // Whiskers at every figure would run together when there are many; the cross-hair and the table keep them all.
  const every = Math.max(1, Math.ceil(points.length / Math.max(6, (frame.right - frame.left) / 18)));

  return (
    <div className="chart">
      <div className="chart-area chart-tall" ref={holder}>
        <svg width={width} height={height} role="img" aria-label={summary(points, part, rounds)}>
          {yTicks.map((tick) => (
            <g key={tick}>
              <line className="grid" x1={frame.left} x2={frame.right} y1={y(Number(tick))} y2={y(Number(tick))} />
              <text className="tick" x={frame.left - 8} y={y(Number(tick)) + 4} textAnchor="end">
                {tick}
              </text>
            </g>
          ))}
          {withheld.map((evaluation) => (
            <rect
              key={evaluation.round}
              className="withheld-strip"
              x={x(Math.min(evaluation.round, rounds)) - 4}
              y={frame.top}
              width={8}
              height={frame.bottom - frame.top}
            />
          ))}
          <line className="axis" x1={frame.left} x2={frame.right} y1={frame.bottom} y2={frame.bottom} />
          {roundTicks(rounds, width < 480 ? 4 : 6).map((tick) => (
            <text key={tick} className="tick" x={x(tick)} y={frame.bottom + 18} textAnchor="middle">
              {formatCount(tick)}
            </text>
          ))}
          {width < 480 ? null : (
            <text className="tick" x={frame.right + 22} y={frame.bottom + 18}>
              round
            </text>
          )}
          {path === null ? null : <path className="series-3-line" d={path} />}
          {points.map((point, index) =>
            (points.length - 1 - index) % every === 0 ? (
              <FigureMark key={point.evaluation.round} point={point} y={y} />
            ) : null,
          )}
          {marked ? (
            <line className="crosshair-line" x1={marked.x} x2={marked.x} y1={frame.top} y2={frame.bottom} />
          ) : null}
          {last && width >= 480 ? (
            <DirectLabel point={last} part={part} y={y(last.figure.value)} right={width} />
          ) : null}
          {points.length === 0 ? (
            <text className="chart-empty" x={(frame.left + frame.right) / 2} y={(frame.top + frame.bottom) / 2}>
              {withheld.length > 0 ? 'every figure so far is withheld' : 'no figure has been released yet'}
            </text>
          ) : null}
        </svg>
        {points.length === 0 ? null : (
          <Crosshair
            label={`Accuracy on ${part} rows by round`}
            positions={points.map((point) => point.x)}
            describe={(index) => describe(points[index])}
            selected={selected}
            onSelect={setSelected}
          />
        )}
      </div>
      <p className="readout">{marked ? describe(marked) : legend(points)}</p>
    </div>
  );
}

function FigureMark({ point, y }: { point: Point; y: (value: number) => number }) {
  const { figure, x } = point;
  const sampling = samplingInterval(figure);
  return (
    <g className="series-3">
      <line className="whisker" x1={x} x2={x} y1={y(figure.low)} y2={y(figure.high)} />
      <path className="whisker" d={`M${x - 4} ${y(figure.low)}h8M${x - 4} ${y(figure.high)}h8`} />
      <line className="sampling-bar" x1={x} x2={x} y1={y(sampling.low)} y2={y(sampling.high)} />
      <rect className="square" x={x - 4.5} y={y(figure.value) - 4.5} width={9} height={9} />
    </g>
  );
}

function DirectLabel({ point, part, y, right }: { point: Point; part: string; y: number; right: number }) {
  const x = Math.min(point.x + 12, right - 118);
  const room = right - x;
  return (
    <g className="direct-label">
      <text x={x} y={y - 2} className="direct-name series-3-text">
        {part} {formatRate(point.figure.value)}
      </text>
      {room < 100 ? null : (
        <text x={x} y={y + 14} className="tick">
          {intervalText(point.figure)}
        </text>
      )}
    </g>
  );
}

function describe(point: Point | undefined): string {
  if (point === undefined) return '';
  const { evaluation, figure } = point;
  const sampling = samplingInterval(figure);
  return (
    `Round ${evaluation.round}: ${formatRate(figure.value)}, 95 % from ${formatRate(figure.low)} to ${formatRate(figure.high)}; ` +
    `sampling alone ${formatRate(sampling.low)} to ${formatRate(sampling.high)}; n ≈ ${formatCount(evaluation.units)}`
  );
}

function legend(points: readonly Point[]): string {
  if (points.length === 0) return 'The axes are known already and will not jump.';
  return 'Thick: what sampling alone leaves open. Thin: with the privacy noise. Both 95 %.';
}

function summary(points: readonly Point[], part: string, rounds: number): string {
  const first = points[0];
  const last = points.at(-1);
  if (!first || !last) return `Accuracy on ${part} rows over ${rounds} rounds: nothing released yet.`;
  const best = points.reduce((one, other) => (other.figure.value > one.figure.value ? other : one));
  return (
    `Accuracy on ${part} rows by round: ${formatRate(first.figure.value)} at round ${first.evaluation.round}, ` +
    `${formatRate(last.figure.value)} (${intervalText(last.figure)}) at round ${last.evaluation.round}, ` +
    `highest ${formatRate(best.figure.value)} at round ${best.evaluation.round}.`
  );
}
