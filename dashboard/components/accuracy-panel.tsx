import { AccuracyChart } from '../charts/accuracy-chart.tsx';
import { formatCount, formatRate } from '../lib/format.ts';
import { samplingInterval } from '../lib/interval.ts';
import type { Evaluation, Figure, RunStatus } from '../lib/run-types.ts';
import { ChartPanel } from './chart-panel.tsx';

/** Accuracy over rounds as released, with its withheld figures told in words. */
export function AccuracyPanel({ status }: { status: RunStatus }) {
  const part = status.evaluations[0]?.part ?? 'validation';
  const evaluations = status.evaluations.filter((evaluation) => evaluation.part === part);
  const withheld = evaluations.filter((evaluation) => evaluation.accuracy === null);
  const last = withheld.at(-1);
  return (
    <ChartPanel
      id="accuracy"
      title="Accuracy by round"
      note={`share of ${part} rows right`}
      chart={<AccuracyChart evaluations={evaluations} rounds={status.rounds} part={part} />}
      table={evaluations.length === 0 ? null : <EvaluationTable evaluations={evaluations} part={part} />}
    >
      {last === undefined ? null : (
        <p className="withheld-row">
          <strong>withheld</strong> {withheld.length === 1 ? 'at round' : `at ${withheld.length} rounds, last at round`}{' '}
          {last.round}: {last.withheld ?? 'the privacy noise is larger than what it could show'}. Nothing is wrong.
        </p>
      )}
    </ChartPanel>
  );
}

function EvaluationTable({ evaluations, part }: { evaluations: readonly Evaluation[]; part: string }) {
  return (
    <table className="table">
      <caption className="visually-hidden">Accuracy and loss on {part} rows, newest first; intervals are 95 %</caption>
      <thead>
        <tr>
          <th scope="col">Round</th>
          <th scope="col" className="number">
            Accuracy
          </th>
          <th scope="col" className="number">
            95 %
          </th>
          <th scope="col" className="number">
            Sampling alone
          </th>
          <th scope="col" className="number">
            Loss
          </th>
          <th scope="col" className="number">
            n ≈
          </th>
        </tr>
      </thead>
      <tbody>
        {evaluations.toReversed().map((evaluation) => (
          <tr key={evaluation.round}>
            <th scope="row">{evaluation.round}</th>
            <td className="number">{evaluation.accuracy ? formatRate(evaluation.accuracy.value) : 'withheld'}</td>
            <td className="number">{range(evaluation.accuracy)}</td>
            <td className="number">{range(evaluation.accuracy && samplingInterval(evaluation.accuracy))}</td>
            <td className="number">{evaluation.loss ? formatRate(evaluation.loss.value) : 'withheld'}</td>
            <td className="number">{formatCount(evaluation.units)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function range(interval: Pick<Figure, 'low' | 'high'> | null): string {
  return interval === null ? '–' : `${formatRate(interval.low)} to ${formatRate(interval.high)}`;
}
